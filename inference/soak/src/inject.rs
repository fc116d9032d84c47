//! Faults as people write them (`--inject`), and which of a soak's files they strike.

use std::collections::HashMap;
use std::str::FromStr;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use verbatim_protocol::task::{Fault, InjectedFault};

/// Bytes of a leak among random faults, at most: several of them pass a limit of some hundred megabytes.
const RANDOM_LEAK: u64 = 64_000_000;

/// What `--inject` takes.
pub const FORMS: &str = "leak=20MB/file; KIND@N for the Nth file of the soak, once; KIND=NAME for each attempt at the files of \
    that name; random=N for N faults of all kinds at random files; KIND is crash, hang, oom, malformed, kill or stop";

/// A fault that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// As it was typed.
    pub text: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Leak(u64),
    At(Kind, usize),
    Named(Kind, String),
    Random(usize),
}

/// Kinds of faults that strike suddenly.
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

    /// `limited`: memory is limited, so that the kernel ends whoever takes too much of it.
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

/// A text that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a fault: write {FORMS}")]
pub struct InjectionError(String);

impl FromStr for Injection {
    type Err = InjectionError;

    fn from_str(text: &str) -> Result<Self, InjectionError> {
        let what = parse(text).ok_or_else(|| InjectionError(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), what })
    }
}

fn parse(text: &str) -> Option<What> {
    let kind = |name: &str| Kind::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    if let Some((name, number)) = text.split_once('@') {
        return Some(What::At(kind(name)?, number.parse().ok().filter(|number| *number > 0)?));
    }
    match text.split_once('=')? {
        ("leak", amount) => Some(What::Leak(bytes(amount.strip_suffix("/file").unwrap_or(amount))?)),
        ("random", number) => Some(What::Random(number.parse().ok().filter(|number| *number > 0)?)),
        (name, file) => {
            Some(What::Named(kind(name)?, Some(file.to_owned()).filter(|file| !file.is_empty())?))
        }
    }
}

/// A size as `20MB`, `20MiB`, `20Mi` or `20000000`.
fn bytes(text: &str) -> Option<u64> {
    let unit = text.trim_end_matches('B');
    unit.parse::<verbatim_crds::quantity::Bytes>().ok().map(|bytes| bytes.0).filter(|bytes| *bytes > 0)
}

/// A fault of one file in one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What strikes.
    pub injected: InjectedFault,
    /// As `crash@17` or `leak=20MB/file`.
    pub name: String,
}

/// Which file gets which fault.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    by_task: HashMap<usize, Strike>,
    by_name: HashMap<String, Strike>,
    each: Option<Strike>,
    limited: bool,
}

impl Faults {
    /// Deals out faults. `tasks`: files of the whole soak, where that is known; `limited`: the cgroup has a memory limit.
    ///
    /// # Errors
    /// Random faults that have too few files, or nobody knows how many.
    pub fn deal(
        injections: &[Injection],
        tasks: Option<usize>,
        seed: u64,
        limited: bool,
    ) -> Result<Self, String> {
        let mut faults = Self { limited, ..Self::default() };
        for Injection { text, what } in injections {
            let strike = |fault, every_attempt| Strike {
                injected: InjectedFault { fault, every_attempt },
                name: text.clone(),
            };
            match what {
                What::Leak(bytes) => faults.each = Some(strike(Fault::Leak(*bytes), true)),
                What::At(kind, task) => {
                    faults.by_task.insert(*task, strike(kind.fault(limited), false));
                }
                What::Named(kind, name) => {
                    faults.by_name.insert(name.clone(), strike(kind.fault(limited), true));
                }
                What::Random(number) => faults.deal_random(*number, tasks, seed)?,
            }
        }
        Ok(faults)
    }

    fn deal_random(&mut self, number: usize, tasks: Option<usize>, seed: u64) -> Result<(), String> {
        let Some(tasks) = tasks else {
            return Err(
                "random faults need --rounds: with --hours nobody knows how many files there will be"
                    .to_owned(),
            );
        };
        if number > tasks {
            return Err(format!(
                "{number} random faults need as many files, and the soak has {tasks}: raise --rounds"
            ));
        }
        let mut dice = StdRng::seed_from_u64(seed);
        let mut order: Vec<usize> = (1..=tasks).collect();
        order.shuffle(&mut dice);
        for task in order.into_iter().take(number) {
            // The seventh kind is a leak.
            let strike = match Kind::ALL.get(dice.random_range(0..=Kind::ALL.len())) {
                Some((name, kind)) => Strike {
                    injected: InjectedFault { fault: kind.fault(self.limited), every_attempt: false },
                    name: format!("{name}@{task}"),
                },
                None => {
                    let bytes = dice.random_range(RANDOM_LEAK / 4..=RANDOM_LEAK);
                    Strike {
                        injected: InjectedFault { fault: Fault::Leak(bytes), every_attempt: false },
                        name: format!("leak@{task}"),
                    }
                }
            };
            self.by_task.insert(task, strike);
        }
        Ok(())
    }

    /// The fault of a file; `task` counts from 1.
    pub fn of(&self, task: usize, name: &str) -> Option<&Strike> {
        self.by_task.get(&task).or_else(|| self.by_name.get(name)).or(self.each.as_ref())
    }

    /// Whether memory is leaked on purpose.
    pub fn leaks(&self) -> bool {
        let leak = |strike: &Strike| matches!(strike.injected.fault, Fault::Leak(_));
        self.each.as_ref().is_some_and(leak) || self.by_task.values().any(leak)
    }

    /// Whether a file's failure can be a fault's doing: only faults that strike at each attempt outlast them all.
    pub fn explains(&self, task: usize, name: &str) -> bool {
        self.of(task, name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injections(texts: &[&str]) -> Vec<Injection> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_people_write() {
        let leak = |text: &str| match text.parse::<Injection>().unwrap().what {
            What::Leak(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        assert_eq!(leak("leak=5MB/file"), 5_000_000);
        assert_eq!(leak("leak=20Mi"), 20 << 20);
        assert_eq!(leak("leak=20MiB/file"), 20 << 20);
        for (name, kind) in Kind::ALL {
            assert_eq!(format!("{name}@17").parse::<Injection>().unwrap().what, What::At(kind, 17));
        }
        let named = "crash=a b.wav".parse::<Injection>().unwrap();
        assert_eq!(named.what, What::Named(Kind::Crash, "a b.wav".to_owned()));
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
    fn strikes_are_dealt() {
        let faults =
            Faults::deal(&injections(&["crash@2", "hang=b.wav", "leak=1MB/file"]), None, 0, false).unwrap();
        let fault = |task, name| faults.of(task, name).map(|strike| strike.injected.fault);
        assert_eq!(fault(2, "b.wav"), Some(Fault::Crash));
        assert_eq!(fault(3, "b.wav"), Some(Fault::Hang));
        assert_eq!(fault(3, "a.wav"), Some(Fault::Leak(1_000_000)));
        assert!(faults.leaks());
    }

    #[test]
    fn random_faults_are_as_many_as_asked_for_and_the_same_for_a_seed() {
        let deal = |seed| Faults::deal(&injections(&["random=300"]), Some(1000), seed, true).unwrap();
        let names = |faults: &Faults| -> Vec<Option<String>> {
            (1..=1000).map(|task| faults.of(task, "x").map(|strike| strike.name.clone())).collect()
        };
        let first = names(&deal(7));
        assert_eq!(first.iter().flatten().count(), 300);
        assert_eq!(first, names(&deal(7)));
        assert_ne!(first, names(&deal(8)));
        for (kind, _) in Kind::ALL {
            assert!(first.iter().flatten().any(|name| name.starts_with(kind)), "{kind}");
        }
        assert!(Faults::deal(&injections(&["random=3"]), Some(2), 0, false).is_err());
        assert!(Faults::deal(&injections(&["random=3"]), None, 0, false).is_err());
    }
}
