//! Scrapes workers concurrently, each within a time limit: the metrics of all, and the job's progress from
//! one of them.

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
use verbatim_crds::contract::{RecycleReason, http, metrics};
use verbatim_crds::status::RecycleCounts;
use verbatim_text::error_chain;

use super::exposition::Page;
use super::pods::{Worker, WorkerState};

/// Largest answer in bytes: many times a page of some hundred lines. Answers of pods are not trusted.
const MAX_BYTES: usize = 1 << 20;

/// Concurrent scrapes of one job.
const CONCURRENCY: usize = 64;

/// Ready workers that are asked for the job's progress until one answers; usually the first does.
const ASKED_FOR_PROGRESS: usize = 3;

/// HTTP client of workers.
#[derive(Clone, Debug)]
pub struct Scraper {
    client: Client<HttpConnector, Empty<Bytes>>,
    port: u16,
    limit: Duration,
}

/// Metrics of one worker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Transcribed audio in seconds.
    pub audio_seconds: f64,
    /// Time in the model in seconds; it grows during a long file.
    pub inference_seconds: f64,
    /// Files with an outcome.
    pub files: f64,
    /// Files in flight.
    pub in_flight: f64,
    /// Memory of the cgroup that cannot be reclaimed, in bytes.
    pub working_set: Option<f64>,
    /// Memory limit of the cgroup in bytes.
    pub memory_limit: Option<f64>,
    /// Recycled engines, by reason.
    pub recycles: RecycleCounts,
}

impl Scraper {
    /// A client with this time limit for each request.
    pub fn new(limit: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limit));
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(60)).build(connector);
        Self { client, port: http::PORT, limit }
    }

    /// Metrics of a worker.
    async fn sample(&self, address: &str) -> Result<Sample, String> {
        let text = self.get(address, http::METRICS).await.map_err(|failure| failure.message)?;
        Ok(sample(&Page::read(&text)))
    }

    /// Progress of the job. `None` while the worker computes it for the first time: other workers would have
    /// to as well.
    async fn progress(&self, address: &str) -> Result<Option<JobProgress>, String> {
        match self.get(address, http::JOB).await {
            Ok(text) => {
                let invalid = |error| format!("failed to read {}: {error}", http::JOB);
                serde_json::from_str(&text).map(Some).map_err(invalid)
            }
            Err(Failure { retry_later: true, .. }) => Ok(None),
            Err(Failure { message, .. }) => Err(message),
        }
    }

    async fn get(&self, address: &str, path: &str) -> Result<String, Failure> {
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let uri =
            format!("http://{host}:{}{path}", self.port).parse::<Uri>().map_err(|error| failure(&error))?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        let answer = async {
            let answer = self.client.request(request).await.map_err(|error| failure(&error_chain(&error)))?;
            let (status, retry_later) = (answer.status(), answer.headers().contains_key(RETRY_AFTER));
            let body = Limited::new(answer.into_body(), MAX_BYTES)
                .collect()
                .await
                .map_err(|error| failure(&error))?;
            if !status.is_success() {
                return Err(Failure { message: format!("{path} answered {status}"), retry_later });
            }
            String::from_utf8(body.to_bytes().to_vec()).map_err(|_| failure(&format!("{path} is not text")))
        };
        let begun = Instant::now();
        match tokio::time::timeout(self.limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(failure(&format!("no answer within {:.1} s", begun.elapsed().as_secs_f64()))),
        }
    }
}

/// A failed request.
struct Failure {
    message: String,
    /// Whether the worker says when to ask again.
    retry_later: bool,
}

fn failure(message: &dyn std::fmt::Display) -> Failure {
    Failure { message: message.to_string(), retry_later: false }
}

fn sample(page: &Page<'_>) -> Sample {
    let of = |name| page.sum(name).unwrap_or_default();
    let mut recycles = RecycleCounts::default();
    for (reason, count) in page.by(metrics::ENGINE_RECYCLES_TOTAL, metrics::labels::REASON) {
        // Casts of floats saturate.
        let count = count as i64;
        match reason.parse::<RecycleReason>() {
            Ok(reason) => *recycles.counter(reason) += count,
            // A reason of a newer worker: the engine was replaced, so it must not be missing in the status.
            Err(_) => recycles.crash += count,
        }
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

/// Metrics of every running worker, and the job's progress from one of them.
pub(super) async fn all(
    scraper: &Scraper,
    workers: &[Worker],
) -> (Vec<(String, Result<Sample, String>)>, Option<JobProgress>) {
    let running: Vec<&Worker> = workers
        .iter()
        .filter(|worker| !worker.terminating && matches!(worker.state, WorkerState::Running { .. }))
        .collect();
    // Owned and boxed: the compiler cannot prove that a stream of closures over references is `Send`.
    let requests: Vec<_> = running
        .iter()
        .filter_map(|worker| Some((worker.uid.clone(), worker.address.clone()?)))
        .map(|(uid, address)| {
            let scraper = scraper.clone();
            async move { (uid, scraper.sample(&address).await) }.boxed()
        })
        .collect();
    let samples = futures::stream::iter(requests).buffer_unordered(CONCURRENCY).collect::<Vec<_>>();
    let progress = async {
        let ready =
            running.iter().filter(|worker| worker.is_ready()).filter_map(|worker| worker.address.clone());
        for address in ready.take(ASKED_FOR_PROGRESS).collect::<Vec<_>>() {
            match scraper.progress(&address).await {
                Ok(progress) => return progress.filter(|progress| progress.phase != LedgerPhase::Unplanned),
                Err(error) => tracing::debug!(address, "failed to get the job's progress: {error}"),
            }
        }
        None
    };
    let (mut samples, progress) = futures::join!(samples, progress);
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    (samples, progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recycles_of_unknown_reasons_count_as_crashes() {
        let page = [("Memory", 1), ("Crash", 2), ("Wedged", 3), ("ReasonOfANewerWorker", 4)]
            .map(|(reason, count)| {
                format!(
                    "{}{{{}=\"{reason}\"}} {count}\n",
                    metrics::ENGINE_RECYCLES_TOTAL,
                    metrics::labels::REASON
                )
            })
            .concat();
        let expected = RecycleCounts { memory: 1, crash: 9, ..RecycleCounts::default() };
        assert_eq!(sample(&Page::read(&page)).recycles, expected);
    }
}
