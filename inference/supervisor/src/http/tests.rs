use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use async_trait::async_trait;
use serde_json::Value;
use verbatim_crds::contract::RecycleReason;
use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};

use super::*;
use crate::engine_event::{EngineEvent, Observer};

const NAME: &str = "calls/\"odd\"\n\u{1b}[31m</script>\u{202e}.wav";

struct Worker {
    metrics: Arc<Metrics>,
    status: Arc<StatusTracker>,
    job: Arc<JobProgressSlot>,
    server: Server,
}

impl Worker {
    fn new() -> Self {
        let (metrics, status) = (Arc::new(Metrics::new()), Arc::new(StatusTracker::new()));
        let job = Arc::new(JobProgressSlot::default());
        let server =
            serve("127.0.0.1:0", Arc::clone(&metrics), Arc::clone(&status), Arc::clone(&job)).unwrap();
        Self { metrics, status, job, server }
    }

    fn observe(&self, event: &EngineEvent<'_>) {
        self.metrics.observe(event);
        self.status.observe(event);
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Status code, headers in lower case, and body.
    fn ask(&self, method: &str, path: &str, accept: &str) -> (u16, String, String) {
        let mut stream = self.connect();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, head.to_lowercase(), body.to_owned())
    }

    fn get(&self, path: &str) -> (u16, String, String) {
        self.ask("GET", path, "*/*")
    }
}

#[test]
fn every_route_answers() {
    let worker = Worker::new();
    assert!(worker.server.address().ip().is_loopback() && worker.server.address().port() > 0);

    let (code, _, body) = worker.get("/");
    assert_eq!(code, 200);
    for path in ["/metrics", "/healthz", "/readyz", "/status", "/job"] {
        assert!(body.lines().any(|line| line.starts_with(path)), "{body}");
    }

    let (code, head, body) = worker.get("/metrics");
    assert_eq!(code, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
    assert!(body.contains("\n# TYPE verbatim_engines_started_total counter\n") && !body.contains("# EOF"));
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    let (code, head, body) = worker.ask("GET", "/metrics", accept);
    assert_eq!(code, 200);
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
        "{head}"
    );
    assert!(head.contains("vary: accept"), "{head}");
    assert!(body.contains("\n# TYPE verbatim_engines_started counter\n") && body.ends_with("\n# EOF\n"));

    assert_eq!(worker.get("/healthz").0, 200);

    let (code, _, body) = worker.get("/readyz");
    assert_eq!((code, body.as_str()), (503, "no engine is running\n"));
    worker.observe(&EngineEvent::EngineStarted { engine: 1, pid: 7 });
    worker.observe(&EngineEvent::EngineReady {
        engine: 1,
        load: Duration::ZERO,
        description: "",
        sandbox: &[],
    });
    assert_eq!(worker.get("/readyz").0, 200);
    worker.observe(&EngineEvent::RecycleDecided {
        engine: 1,
        reason: RecycleReason::Memory,
        why: "a\r\n\u{1b}[31mb",
    });
    let (code, _, body) = worker.get("/readyz");
    assert_eq!((code, body.as_str()), (503, "engine 1 is being replaced: a   [31mb\n"));

    worker.observe(&EngineEvent::FileBegun {
        engine: 1,
        file: 0,
        name: NAME,
        attempt: 1,
        waited: Duration::ZERO,
        resident: 0,
    });
    let (code, head, body) = worker.get("/status");
    assert_eq!(code, 200);
    assert!(head.contains("content-type: application/json") && head.contains("nosniff"), "{head}");
    assert!(!body.contains(char::is_control), "{body}");
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["files_in_flight"][0]["name"], NAME);
    assert!(!worker.get("/metrics").2.contains("odd"));

    assert_eq!(worker.get("/none").0, 404);
}

/// A source with a fixed result.
#[derive(Debug)]
struct FixedSource(Result<CachedJobProgress, JobProgressError>);

#[async_trait]
impl JobProgressSource for FixedSource {
    async fn job_progress(&self) -> Result<CachedJobProgress, JobProgressError> {
        self.0.clone()
    }
}

#[test]
fn the_progress_of_the_job_comes_from_its_source() {
    let worker = Worker::new();
    let (code, _, body) = worker.get("/job");
    assert_eq!(code, 503);
    assert!(body.starts_with("there is no ledger") && body.lines().count() == 1, "{body}");
    let job = JobProgress { phase: LedgerPhase::Running, files: 120_000, ..JobProgress::default() };
    worker.job.set(Arc::new(FixedSource(Ok(CachedJobProgress {
        job: job.clone(),
        age: Duration::from_millis(3_900),
    }))));
    let (code, head, body) = worker.get("/job");
    assert_eq!(code, 200);
    assert!(head.contains("content-type: application/json") && head.contains("\r\nage: 3\r\n"), "{head}");
    assert_eq!(serde_json::from_str::<JobProgress>(&body).unwrap(), job);

    let worker = Worker::new();
    worker.job.set(Arc::new(FixedSource(Err(JobProgressError::Failed("the bucket\nis gone".to_owned())))));
    let (code, head, body) = worker.get("/job");
    assert_eq!((code, body.as_str()), (503, "the bucket is gone\n"));
    assert!(!head.contains("retry-after"), "{head}");

    let worker = Worker::new();
    worker.job.set(Arc::new(FixedSource(Err(JobProgressError::Pending))));
    let (code, head, body) = worker.get("/job");
    assert_eq!(code, 503);
    assert!(head.contains("\r\nretry-after: 1\r\n") && body.contains("try again"), "{head}{body}");
}

#[test]
fn only_get_and_head_are_answered() {
    let worker = Worker::new();
    for path in ["/", "/metrics", "/healthz", "/status"] {
        let (code, head, body) = worker.ask("HEAD", path, "*/*");
        assert_eq!((code, body.as_str()), (200, ""), "{path}");
        assert!(head.contains("content-length: ") && !head.contains("content-length: 0\r"), "{head}");
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let (code, head, _) = worker.ask(method, path, "*/*");
            assert_eq!(code, 405, "{method} {path}");
            assert!(head.contains("allow: get, head"), "{head}");
        }
    }
    assert_eq!(worker.ask("HEAD", "/readyz", "*/*").0, 503);
    assert_eq!(worker.ask("POST", "/none", "*/*").0, 404);
}

#[test]
fn stops_at_once_and_frees_its_port() {
    let worker = Worker::new();
    let address = worker.server.address();
    // One client sends nothing, one is in the middle of a request, one between two requests.
    let _silent = worker.connect();
    let mut half = worker.connect();
    half.write_all(b"GET /met").unwrap();
    let mut idle = worker.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let begun = Instant::now();
    drop(worker);
    assert!(begun.elapsed() < REQUEST_TIMEOUT / 2, "{:?}", begun.elapsed());
    TcpListener::bind(address).unwrap();
}

#[test]
fn silent_clients_do_not_block_others() {
    let worker = Worker::new();
    let _silent: Vec<TcpStream> = (0..CONNECTIONS + 8).map(|_| worker.connect()).collect();
    // They block it until their request times out.
    assert_eq!(worker.get("/healthz").0, 200);
}
