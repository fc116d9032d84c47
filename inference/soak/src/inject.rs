//! Faults to inject (`--inject`): parsing, and assignment to the files of a soak.

use std::collections::HashMap;
use std::str::FromStr;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use verbatim_protocol::task::{Fault, InjectedFault};

/// Maximum bytes of a random leak: several of them exceed a limit of some hundred megabytes.
const MAX_RANDOM_LEAK: u64 = 64_000_000;

/// Syntax of `--inject`.
pub const SYNTAX: &str = "leak=20MB/file; KIND@N for the first attempt at the Nth file of the soak; \
    KIND=NAME for every attempt at every file of that name; random=N for N faults of all kinds at random files; \
    KIND is crash, hang, oom, malformed, kill or stop";

/// A requested fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// The request as typed.
    pub text: String,
    request: Request,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Request {
    Leak(u64),
    AtTask(Kind, usize),
    ByName(Kind, String),
    Random(usize),
}

/// Kinds of sudden faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Crash,
    Hang,
    OutOfMemory,
    Malformed,
    Kill,
    Stop,
}

impl Kind {
    const ALL: [(&'static str, Self); 6] = [
        ("crash", Self::Crash),
        ("hang", Self::Hang),
        ("oom", Self::OutOfMemory),
        ("malformed", Self::Malformed),
        ("kill", Self::Kill),
        ("stop", Self::Stop),
    ];

    /// With `limited`, the cgroup limits memory, so the kernel kills a process that takes too much.
    fn fault(self, limited: bool) -> Fault {
        match self {
            Self::Crash => Fault::Crash,
            Self::Hang => Fault::Hang,
            Self::OutOfMemory if limited => Fault::FillMemory,
            Self::OutOfMemory => Fault::OutOfMemory,
            Self::Malformed => Fault::Malformed,
            Self::Kill => Fault::Kill,
            Self::Stop => Fault::Stop,
        }
    }
}

/// Invalid value of `--inject`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a fault: use {SYNTAX}")]
pub struct InjectionError(String);

impl FromStr for Injection {
    type Err = InjectionError;

    fn from_str(text: &str) -> Result<Self, InjectionError> {
        let request = parse(text).ok_or_else(|| InjectionError(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), request })
    }
}

fn parse(text: &str) -> Option<Request> {
    let kind = |name: &str| Kind::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    if let Some((name, number)) = text.split_once('@') {
        return Some(Request::AtTask(kind(name)?, number.parse().ok().filter(|number| *number > 0)?));
    }
    match text.split_once('=')? {
        ("leak", amount) => Some(Request::Leak(parse_bytes(amount.strip_suffix("/file").unwrap_or(amount))?)),
        ("random", number) => Some(Request::Random(number.parse().ok().filter(|number| *number > 0)?)),
        (name, file) => {
            Some(Request::ByName(kind(name)?, Some(file.to_owned()).filter(|file| !file.is_empty())?))
        }
    }
}

/// Parses a size such as `20MB`, `20MiB`, `20Mi` or `20000000`.
fn parse_bytes(text: &str) -> Option<u64> {
    let unit = text.trim_end_matches('B');
    unit.parse::<verbatim_crds::quantity::Bytes>().ok().map(|bytes| bytes.0).filter(|bytes| *bytes > 0)
}

/// A fault assigned to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    /// The fault as the engine receives it.
    pub injected: InjectedFault,
    /// Name in the record, such as `crash@17` or `leak=20MB/file`.
    pub name: String,
}

/// Assignment of faults to files.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    by_task: HashMap<usize, PlannedFault>,
    by_name: HashMap<String, PlannedFault>,
    every_file: Option<PlannedFault>,
    limited: bool,
}

impl FaultPlan {
    /// Assigns the requested faults. `tasks` is the number of files in the whole soak, if known; `limited`
    /// says whether the cgroup has a memory limit.
    ///
    /// # Errors
    /// Random faults with too few files, or with an unknown number of files.
    pub fn new(
        injections: &[Injection],
        tasks: Option<usize>,
        seed: u64,
        limited: bool,
    ) -> Result<Self, String> {
        let mut faults = Self { limited, ..Self::default() };
        for Injection { text, request } in injections {
            let planned = |fault, every_attempt| PlannedFault {
                injected: InjectedFault { fault, every_attempt },
                name: text.clone(),
            };
            match request {
                Request::Leak(bytes) => faults.every_file = Some(planned(Fault::Leak(*bytes), true)),
                Request::AtTask(kind, task) => {
                    faults.by_task.insert(*task, planned(kind.fault(limited), false));
                }
                Request::ByName(kind, name) => {
                    faults.by_name.insert(name.clone(), planned(kind.fault(limited), true));
                }
                Request::Random(number) => faults.assign_random(*number, tasks, seed)?,
            }
        }
        Ok(faults)
    }

    fn assign_random(&mut self, number: usize, tasks: Option<usize>, seed: u64) -> Result<(), String> {
        let Some(tasks) = tasks else {
            return Err("random faults need --rounds: with --hours the number of files is unknown".to_owned());
        };
        if number > tasks {
            return Err(format!(
                "{number} random faults need as many files, and the soak has {tasks}: raise --rounds"
            ));
        }
        let mut random = StdRng::seed_from_u64(seed);
        let mut order: Vec<usize> = (1..=tasks).collect();
        order.shuffle(&mut random);
        for task in order.into_iter().take(number) {
            // Beyond the six kinds, a leak.
            let (name, fault) = match Kind::ALL.get(random.random_range(0..=Kind::ALL.len())) {
                Some((name, kind)) => (*name, kind.fault(self.limited)),
                None => ("leak", Fault::Leak(random.random_range(MAX_RANDOM_LEAK / 4..=MAX_RANDOM_LEAK))),
            };
            let injected = InjectedFault { fault, every_attempt: false };
            self.by_task.insert(task, PlannedFault { injected, name: format!("{name}@{task}") });
        }
        Ok(())
    }

    /// Fault of a file; `task` counts from 1.
    pub fn fault(&self, task: usize, name: &str) -> Option<&PlannedFault> {
        self.by_task.get(&task).or_else(|| self.by_name.get(name)).or(self.every_file.as_ref())
    }

    /// Whether the plan contains leaks.
    pub fn leaks(&self) -> bool {
        let leak = |planned: &PlannedFault| matches!(planned.injected.fault, Fault::Leak(_));
        self.every_file.as_ref().is_some_and(leak) || self.by_task.values().any(leak)
    }

    /// Whether a fault can explain the failure of a file: only a fault in every attempt outlasts the retries.
    pub fn explains(&self, task: usize, name: &str) -> bool {
        self.fault(task, name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injections(texts: &[&str]) -> Vec<Injection> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn valid_and_invalid_requests() {
        let leak = |text: &str| match text.parse::<Injection>().unwrap().request {
            Request::Leak(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        assert_eq!(leak("leak=5MB/file"), 5_000_000);
        assert_eq!(leak("leak=20Mi"), 20 << 20);
        assert_eq!(leak("leak=20MiB/file"), 20 << 20);
        for (name, kind) in Kind::ALL {
            assert_eq!(format!("{name}@17").parse::<Injection>().unwrap().request, Request::AtTask(kind, 17));
        }
        let named = "crash=a b.wav".parse::<Injection>().unwrap();
        assert_eq!(named.request, Request::ByName(Kind::Crash, "a b.wav".to_owned()));
        for wrong in [
            "",
            "crash",
            "crash@0",
            "crash@x",
            "leak=",
            "leak=0",
            "leak=5XB/file",
            "burn@3",
            "random=0",
            "oom=",
        ] {
            assert!(wrong.parse::<Injection>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn faults_by_task_then_by_name_then_for_every_file() {
        let faults =
            FaultPlan::new(&injections(&["crash@2", "hang=b.wav", "leak=1MB/file"]), None, 0, false).unwrap();
        let fault_at = |task, name| faults.fault(task, name).map(|fault| fault.injected.fault);
        assert_eq!(fault_at(2, "b.wav"), Some(Fault::Crash));
        assert_eq!(fault_at(3, "b.wav"), Some(Fault::Hang));
        assert_eq!(fault_at(3, "a.wav"), Some(Fault::Leak(1_000_000)));
        assert!(faults.leaks());
    }

    #[test]
    fn random_faults_have_the_requested_number_and_repeat_with_the_seed() {
        let plan = |seed| FaultPlan::new(&injections(&["random=300"]), Some(1000), seed, true).unwrap();
        let names = |faults: &FaultPlan| -> Vec<Option<String>> {
            (1..=1000).map(|task| faults.fault(task, "x").map(|fault| fault.name.clone())).collect()
        };
        let first = names(&plan(7));
        assert_eq!(first.iter().flatten().count(), 300);
        assert_eq!(first, names(&plan(7)));
        assert_ne!(first, names(&plan(8)));
        for (kind, _) in Kind::ALL {
            assert!(first.iter().flatten().any(|name| name.starts_with(kind)), "{kind}");
        }
        assert!(FaultPlan::new(&injections(&["random=3"]), Some(2), 0, false).is_err());
        assert!(FaultPlan::new(&injections(&["random=3"]), None, 0, false).is_err());
    }
}
