//! Soaks that never were, for tests: a plan in, the recorded files of a soak that went by it out.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;

use crate::record::{EventLine, ResourceLine, ResultLine, RunFacts, SoakEvent, SoakFile};
use crate::report::read::{EVENTS, RESOURCES, RESULTS, RUN};

/// What a soak is to be like.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Names and seconds of audio.
    pub(super) recordings: Vec<(String, f64)>,
    pub(super) concurrencies: Vec<usize>,
    /// Rounds at each concurrency.
    pub(super) rounds: usize,
    /// Growth with each file.
    pub(super) leak_mb: f64,
    /// Noise of memory.
    pub(super) noise_mb: f64,
    pub(super) soft_limit_mb: f64,
    /// Tasks and what is injected with them.
    pub(super) faults: Vec<(usize, &'static str)>,
    /// A recording that crashes every engine, and fails.
    pub(super) poison: Option<&'static str>,
    /// Whether resources are written as well; they are large.
    pub(super) resources: bool,
}

impl Plan {
    /// Nothing wrong: twelve recordings, three concurrencies.
    pub(super) fn healthy() -> Self {
        let seconds = [4.2, 7.9, 12.5, 21.0, 33.3, 48.0, 59.9, 61.0, 95.0, 180.5, 421.0, 754.2];
        let name = |(index, seconds): (usize, f64)| (format!("call_{:02}.wav", index + 1), seconds);
        Self {
            recordings: seconds.into_iter().enumerate().map(name).collect(),
            concurrencies: vec![1, 2, 4],
            rounds: 15,
            leak_mb: 0.0,
            noise_mb: 4.0,
            soft_limit_mb: 700.0,
            faults: Vec::new(),
            poison: None,
            resources: true,
        }
    }

    /// 20 MB with each file, and one fault of each kind.
    pub(super) fn ill() -> Self {
        let faults = [
            (5, "kill@5"),
            (17, "crash@17"),
            (40, "hang@40"),
            (61, "oom@61"),
            (82, "malformed@82"),
            (100, "stop@100"),
        ];
        let healthy = Self::healthy();
        // More recordings, so that an engine lives long enough between two crashes to reach the limit.
        let mut recordings = healthy.recordings.clone();
        recordings
            .extend(healthy.recordings.iter().map(|(name, seconds)| (format!("again_{name}"), *seconds)));
        Self {
            recordings,
            leak_mb: 20.0,
            faults: faults.to_vec(),
            poison: Some("call_03.wav"),
            rounds: 6,
            soft_limit_mb: 560.0,
            ..healthy
        }
    }

    /// Writes the recorded files.
    pub(super) fn write(&self, folder: &Path) {
        let open = |name: &str| BufWriter::new(File::create(folder.join(name)).unwrap());
        let mut soak = Soak {
            plan: self,
            random: StdRng::seed_from_u64(7),
            results: open(RESULTS),
            resources: csv::Writer::from_writer(open(RESOURCES)),
            events: open(EVENTS),
            at: 0.0,
            sampled: 0.0,
            engine: 0,
            files: 0,
            concurrency: 1,
        };
        soak.start();
        let mut task = 0;
        for concurrency in &self.concurrencies {
            soak.concurrency = *concurrency;
            soak.event(SoakEvent::Phase { concurrency: *concurrency });
            for round in 1..=self.rounds {
                for recording in &self.recordings {
                    task += 1;
                    soak.file(task, round, recording);
                }
            }
        }
        soak.resources.flush().unwrap();
        let limits = self.soft_limit_mb;
        let files = self.recordings.iter();
        let files =
            files.map(|(name, seconds)| SoakFile { name: name.clone(), bytes: (seconds * 32_000.0) as u64 });
        let run = RunFacts {
            test_id: "soak-20261124T053000Z".to_owned(),
            started: "2026-11-24T05:30:00Z".to_owned(),
            wall_seconds: soak.at,
            command: ["verbatim", "soak", "my calls/", "--concurrency", "1,2,4"].map(str::to_owned).to_vec(),
            version: "0.1.0".to_owned(),
            engine: "moonshine-tiny-en on the CPU, 2 threads, batches of 240 s".to_owned(),
            model: "moonshine-tiny-en (sha256 3f2a91c0)".to_owned(),
            processor: "AMD EPYC 7B13".to_owned(),
            processors: 2,
            memory_bytes: 8_345_000_000,
            kernel: "Linux 6.1.0".to_owned(),
            files: files.collect(),
            rounds: self.rounds * self.concurrencies.len(),
            memory_soft_limit_bytes: Some((limits * 1e6) as u64),
            memory_hard_limit_bytes: Some((limits * 1.3e6) as u64),
            faults: self.faults.iter().map(|(_, fault)| (*fault).to_owned()).collect(),
            seed: 7,
            interrupted: false,
            unanswered: 0,
            supervisor_peak_bytes: 14_500_000,
        };
        fs::write(folder.join(RUN), serde_json::to_vec_pretty(&run).unwrap()).unwrap();
    }
}

struct Soak<'a> {
    plan: &'a Plan,
    random: StdRng,
    results: BufWriter<File>,
    resources: csv::Writer<BufWriter<File>>,
    events: BufWriter<File>,
    at: f64,
    sampled: f64,
    engine: u64,
    files: u64,
    concurrency: usize,
}

impl Soak<'_> {
    fn rss(&mut self) -> f64 {
        let warm = 90.0 * (1.0 - (-(self.files as f64) / 2.0).exp());
        let noise = self.plan.noise_mb * (self.random.random::<f64>() - 0.5);
        220.0 + warm + 18.0 * self.concurrency as f64 + self.plan.leak_mb * self.files as f64 + noise
    }

    fn event(&mut self, event: SoakEvent) {
        let line = EventLine { timestamp: stamp(self.at), elapsed_seconds: self.at, event };
        json_line(&mut self.events, &line);
    }

    fn start(&mut self) {
        self.engine += 1;
        self.files = 0;
        self.event(SoakEvent::EngineStarted { engine: self.engine, pid: 4000 + self.engine as u32 });
        self.pass(0.62);
        self.event(SoakEvent::EngineReady { engine: self.engine, load_seconds: 0.62 });
    }

    /// The engine is replaced after so many seconds.
    fn replace(&mut self, reason: &str, why: String, orderly: bool, after: f64) {
        self.pass(after);
        let (engine, files) = (self.engine, self.files);
        let reason = reason.to_owned();
        self.event(SoakEvent::EngineCondemned { engine, reason, orderly, why });
        let begun = self.at;
        self.pass(0.2);
        let how = if orderly { "exit code 0" } else { "signal 9 (SIGKILL)" };
        self.event(SoakEvent::EngineGone { engine, how: how.to_owned(), files });
        self.start();
        let seconds = self.at - begun;
        self.event(SoakEvent::Gap { engine: self.engine, seconds, overlapped: false });
    }

    fn lose(&mut self, fault: &str, task: usize) {
        self.event(SoakEvent::FaultInjected { fault: fault.to_owned(), task_id: task, engine: self.engine });
        let (reason, after, why) = match fault.split(['@', '=']).next().unwrap() {
            "hang" | "stop" => ("Wedged", 30.0, "no progress for 30 s where 12 s were expected"),
            "oom" => ("OutOfMemory", 0.4, "exit code 86: std::bad_alloc"),
            "malformed" => ("Protocol", 0.1, "a message of 4294967295 bytes"),
            _ => ("Crash", 0.1, "signal 11 (SIGSEGV)"),
        };
        self.replace(reason, why.to_owned(), false, after);
    }

    fn file(&mut self, task: usize, round: usize, (name, audio): &(String, f64)) {
        let faults: Vec<&str> =
            self.plan.faults.iter().filter(|(at, _)| *at == task).map(|(_, fault)| *fault).collect();
        let mut attempts = 1;
        for fault in faults {
            self.lose(fault, task);
            attempts += 1;
        }
        if self.plan.leak_mb > 0.0 {
            let fault = format!("leak={}MB/file", self.plan.leak_mb);
            self.event(SoakEvent::FaultInjected { fault, task_id: task, engine: self.engine });
        }
        let poisoned = self.plan.poison == Some(name);
        if poisoned {
            (0..3).for_each(|_| self.lose(&format!("crash={name}"), task));
            attempts = 3;
        }
        let before = self.rss();
        let rtf = 0.019 * (1.0 + 0.6 * (self.concurrency as f64 - 1.0)) + 0.25 / (audio + 20.0);
        let rtf = rtf * (1.0 + 0.2 * self.random.random::<f64>().powi(3));
        let engine_files = self.files;
        if !poisoned {
            self.pass(audio * rtf / (self.concurrency as f64).min(2.0));
            self.files += 1;
        }
        let after = self.rss();
        let zero = |value: f64| if poisoned { 0.0 } else { value };
        let line = ResultLine {
            test_id: "soak-20261124T053000Z".to_owned(),
            timestamp: stamp(self.at),
            audio_file: name.clone(),
            audio_size_mb: audio * 0.032,
            audio_seconds: zero(*audio),
            concurrency: self.concurrency,
            task_id: task,
            status: if poisoned { "failed" } else { "success" }.to_owned(),
            processing_time: zero(audio * rtf),
            rtf: zero(rtf),
            worker_rss_before_mb: zero(before),
            worker_rss_after_mb: zero(after),
            worker_rss_delta_mb: zero(after - before),
            error: poisoned.then(|| "EngineCrashed: signal 11 (SIGSEGV)".to_owned()),
            round,
            elapsed_seconds: self.at,
            engine: if poisoned { 0 } else { self.engine },
            engine_pid: 4000 + self.engine as u32,
            attempts,
            result_sha256: (!poisoned).then(|| format!("{:064x}", name.len() + *audio as usize)),
            engine_files,
        };
        json_line(&mut self.results, &line);
        if after > self.plan.soft_limit_mb {
            let why = format!("resident memory {after:.0} MB is above {:.0} MB", self.plan.soft_limit_mb);
            self.replace("Memory", why, true, 0.0);
        }
    }

    /// Time passes, and resources are sampled.
    fn pass(&mut self, seconds: f64) {
        self.at += seconds;
        while self.plan.resources && self.sampled + 1.0 <= self.at {
            self.sampled += 1.0;
            let rss = self.rss();
            let load = 165.0 + 30.0 * self.random.random::<f64>();
            for (name, engine, rss, cpu) in [
                ("engine", self.engine, rss, load),
                ("supervisor", 0, 13.5 + self.random.random::<f64>(), load / 60.0),
            ] {
                let line = ResourceLine {
                    timestamp: stamp(self.sampled),
                    elapsed_seconds: self.sampled,
                    process_name: name.to_owned(),
                    pid: 4000 + engine as u32,
                    cpu_percent: cpu,
                    memory_rss_mb: rss,
                    engine,
                    threads: 6,
                    open_files: 20,
                    ..ResourceLine::default()
                };
                self.resources.serialize(line).unwrap();
            }
        }
    }
}

fn stamp(at: f64) -> String {
    let begin: jiff::Timestamp = "2026-11-24T05:30:00Z".parse().unwrap();
    (begin + jiff::SignedDuration::from_secs_f64(at)).to_string()
}

fn json_line(file: &mut impl Write, line: &impl Serialize) {
    serde_json::to_writer(&mut *file, line).unwrap();
    file.write_all(b"\n").unwrap();
}
