//! Asks workers, all at once, each within a time limit: their figures, and one of them how far the whole job is.

use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::RETRY_AFTER;
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use verbatim_crds::contract::messages::{JobProgress, LedgerPhase};
use verbatim_crds::contract::{http, metrics};

use super::exposition::Page;
use super::pods::{Worker, WorkerState};

/// Largest answer: a page of some hundred lines, many times over. A pod may answer whatever it likes.
const LARGEST: usize = 1 << 20;

/// Workers of one job that are asked at a time.
const AT_ONCE: usize = 64;

/// Workers that are asked how far the job is, until one knows. The first that is ready does.
const ASKED_FOR_JOB: usize = 3;

/// Asks workers.
#[derive(Clone, Debug)]
pub struct Scraper {
    client: Client<HttpConnector, Empty<Bytes>>,
    port: u16,
    limit: Duration,
}

/// What a worker said of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Audio that it has transcribed, in seconds.
    pub audio_seconds: f64,
    /// Time in its model, in seconds: it moves while a long file does.
    pub inference_seconds: f64,
    /// Files with an outcome.
    pub files: f64,
    /// Files that its engines work on.
    pub in_flight: f64,
    /// Memory that its cgroup is charged with and cannot give back, in bytes.
    pub working_set: Option<f64>,
    /// The cgroup's limit, in bytes.
    pub memory_limit: Option<f64>,
    /// Engines that it replaced: memory, GPU memory, growth, number of files, and everything else.
    pub recycles: [i64; 5],
}

impl Scraper {
    /// Asks on the port of the contract.
    pub fn new(limit: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limit));
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(60)).build(connector);
        Self { client, port: http::PORT, limit }
    }

    /// A worker's figures.
    async fn figures(&self, address: &str) -> Result<Sample, String> {
        let text = self.get(address, http::METRICS).await.map_err(|unanswered| unanswered.why)?;
        Ok(sample(&Page::read(&text)))
    }

    /// How far the job is. None where the worker is looking for the first time: others would have to look as well.
    async fn job(&self, address: &str) -> Result<Option<JobProgress>, String> {
        match self.get(address, http::JOB).await {
            Ok(text) => {
                let nonsense = |error| format!("{} makes no sense: {error}", http::JOB);
                serde_json::from_str(&text).map(Some).map_err(nonsense)
            }
            Err(Unanswered { later: true, .. }) => Ok(None),
            Err(Unanswered { why, .. }) => Err(why),
        }
    }

    async fn get(&self, address: &str, path: &str) -> Result<String, Unanswered> {
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let uri =
            format!("http://{host}:{}{path}", self.port).parse::<Uri>().map_err(|error| never(&error))?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        let answer = async {
            let answer =
                self.client.request(request).await.map_err(|error| never(&crate::error::chain(&error)))?;
            let (status, later) = (answer.status(), answer.headers().contains_key(RETRY_AFTER));
            let body =
                Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|error| never(&error))?;
            if !status.is_success() {
                return Err(Unanswered { why: format!("{path} answers {status}"), later });
            }
            String::from_utf8(body.to_bytes().to_vec()).map_err(|_| never(&format!("{path} is not text")))
        };
        let begun = Instant::now();
        match tokio::time::timeout(self.limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(never(&format!("no answer within {:.1} s", begun.elapsed().as_secs_f64()))),
        }
    }
}

/// A question without an answer.
struct Unanswered {
    why: String,
    /// The worker says when to ask again.
    later: bool,
}

fn never(why: &dyn std::fmt::Display) -> Unanswered {
    Unanswered { why: why.to_string(), later: false }
}

fn sample(page: &Page<'_>) -> Sample {
    let of = |name| page.sum(name).unwrap_or_default();
    let mut recycles = [0; 5];
    for (reason, count) in page.by(metrics::ENGINE_RECYCLES_TOTAL, metrics::labels::REASON) {
        let slot = match reason {
            "Memory" => 0,
            "GpuMemory" => 1,
            "Growth" => 2,
            "MaxFiles" => 3,
            _ => 4,
        };
        // Saturates, as casts of floats do.
        recycles[slot] += count as i64;
    }
    Sample {
        audio_seconds: of(metrics::AUDIO_SECONDS_TOTAL),
        inference_seconds: of(metrics::INFERENCE_SECONDS_TOTAL),
        files: of(metrics::FILES_TOTAL),
        in_flight: of(metrics::FILES_IN_FLIGHT),
        working_set: page.sum(metrics::CGROUP_MEMORY_WORKING_SET_BYTES),
        memory_limit: page.sum(metrics::CGROUP_MEMORY_LIMIT_BYTES),
        recycles,
    }
}

/// Asks every running worker, and some of them about the job.
pub(super) async fn all(
    scraper: &Scraper,
    workers: &[Worker],
) -> (Vec<(String, Result<Sample, String>)>, Option<JobProgress>) {
    let running: Vec<&Worker> = workers
        .iter()
        .filter(|worker| !worker.leaving && matches!(worker.state, WorkerState::Running { .. }))
        .collect();
    // Owned, and boxed: a stream of closures over references is more than the compiler can prove to be `Send`.
    let questions: Vec<_> = running
        .iter()
        .filter_map(|worker| Some((worker.uid.clone(), worker.address.clone()?)))
        .map(|(uid, address)| {
            let scraper = scraper.clone();
            async move { (uid, scraper.figures(&address).await) }.boxed()
        })
        .collect();
    let samples = futures::stream::iter(questions).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
    let progress = async {
        let ready =
            running.iter().filter(|worker| worker.is_ready()).filter_map(|worker| worker.address.clone());
        for address in ready.take(ASKED_FOR_JOB).collect::<Vec<_>>() {
            match scraper.job(&address).await {
                Ok(progress) => return progress.filter(|told| told.phase != LedgerPhase::Unplanned),
                Err(error) => tracing::debug!(address, "no word about the job: {error}"),
            }
        }
        None
    };
    let (mut samples, progress) = futures::join!(samples, progress);
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    (samples, progress)
}
