//! Effect of each fault, in front of a real S3 server.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{HOST, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use verbatim_testing::VersityGw;
use verbatim_testing::proxy::{Fault, Faults, Proxy, Signer};

/// Longest time for anything that must happen on this machine, however busy.
const DEADLINE: Duration = Duration::from_secs(20);

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

struct Bench {
    server: VersityGw,
    proxy: Proxy,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Bench {
    fn start(faults: Faults) -> Self {
        let server = VersityGw::start().unwrap();
        server.create_bucket("bucket").unwrap();
        let proxy = Proxy::start(&server.endpoint(), 7, faults).unwrap();
        // Each request has its own connection and is sent once, so that its fault is visible.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build_http();
        Self { server, proxy, client }
    }

    /// Sends a request signed for the proxy's address.
    async fn send(
        &self,
        method: Method,
        body: &'static str,
        condition: Option<(hyper::header::HeaderName, &str)>,
    ) -> Result<Answer, Failure> {
        let uri = format!("{}/bucket/folder/a%20key", self.proxy.endpoint());
        let mut request = Request::builder()
            .method(method)
            .header(HOST, self.proxy.endpoint().trim_start_matches("http://"))
            .uri(uri);
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        let mut request = request.body(Full::from(body))?;
        signer().sign(&mut request)?;
        let (head, body) = self.client.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    async fn put(&self, body: &'static str) -> Result<Answer, Failure> {
        self.send(Method::PUT, body, None).await
    }

    async fn create(&self, body: &'static str) -> Result<Answer, Failure> {
        self.send(Method::PUT, body, Some((IF_NONE_MATCH, "*"))).await
    }

    async fn get(&self) -> Result<Answer, Failure> {
        self.send(Method::GET, "", None).await
    }

    /// Object on the server, whatever the proxy responds.
    fn stored(&self) -> Option<String> {
        std::fs::read_to_string(self.server.data().join("bucket/folder/a key")).ok()
    }

    async fn stored_at_last(&self, expected: &str) {
        let begun = Instant::now();
        while self.stored().as_deref() != Some(expected) {
            assert!(begun.elapsed() < DEADLINE, "{:?}", self.stored());
            tokio::task::yield_now().await;
        }
    }

    /// Sends one more request, and abandons it as soon as the proxy has received it.
    async fn leave_when_it_came(&self, request: impl Future<Output = Result<Answer, Failure>>) {
        let before = self.proxy.counts().requests;
        let came = async {
            let begun = Instant::now();
            while self.proxy.counts().requests == before {
                assert!(begun.elapsed() < DEADLINE);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = request => panic!("{:?}", answer.map(|answer| answer.status)),
            () = came => {}
        }
    }

    fn count(&self, fault: Fault) -> u64 {
        self.proxy.counts().faults.get(&fault).copied().unwrap_or_default()
    }
}

fn signer() -> Signer {
    Signer {
        access_key: VersityGw::ACCESS_KEY.into(),
        secret_key: VersityGw::SECRET_KEY.into(),
        region: VersityGw::REGION.into(),
    }
}

fn code(answer: &Answer) -> &str {
    let body = std::str::from_utf8(&answer.body).unwrap();
    body.split_once("<Code>").unwrap().1.split_once("</Code>").unwrap().0
}

#[tokio::test]
async fn without_faults_everything_passes_as_it_is() {
    let bench = Bench::start(Faults::none());
    let put = bench.create("hello").await.unwrap();
    assert_eq!(put.status, StatusCode::OK);
    let etag = put.headers["etag"].to_str().unwrap().to_owned();
    let got = bench.get().await.unwrap();
    assert_eq!(
        (got.status, &got.body[..], &got.headers["etag"]),
        (StatusCode::OK, &b"hello"[..], &put.headers["etag"])
    );
    assert_eq!(bench.create("again").await.unwrap().status, StatusCode::PRECONDITION_FAILED);
    let replaced = bench.send(Method::PUT, "two", Some((IF_MATCH, &etag))).await.unwrap();
    assert_eq!(replaced.status, StatusCode::OK);
    let head = bench.send(Method::HEAD, "", None).await.unwrap();
    assert_eq!(head.headers["content-length"], "3");
    assert_eq!(bench.send(Method::DELETE, "", None).await.unwrap().status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get().await.unwrap().status, StatusCode::NOT_FOUND);
    let counts = bench.proxy.counts();
    assert_eq!((counts.requests, counts.forwarded), (7, 7));
    assert!(counts.faults.is_empty());
}

#[tokio::test]
async fn a_dropped_request_never_happens() {
    let bench = Bench::start(Faults::always(Fault::Drop));
    assert!(bench.put("lost").await.is_err());
    assert!(bench.get().await.is_err());
    assert_eq!(bench.stored(), None);
    let counts = bench.proxy.counts();
    assert_eq!((counts.forwarded, bench.count(Fault::Drop)), (0, 2));
}

#[tokio::test]
async fn a_write_happens_though_its_answer_is_lost() {
    let bench = Bench::start(Faults::always(Fault::ResetAfterWrite));
    assert!(bench.create("written").await.is_err());
    assert_eq!(bench.stored().unwrap(), "written");
    assert_eq!(bench.get().await.unwrap().body, "written");
    assert_eq!(bench.count(Fault::ResetAfterWrite), 1);
    // A client that retries loses against its own first attempt.
    bench.proxy.set_faults(Faults::none());
    assert_eq!(bench.create("written").await.unwrap().status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn a_write_happens_though_the_answer_is_an_error() {
    let bench = Bench::start(Faults::always(Fault::ErrorAfterWrite));
    let answer = bench.put("written").await.unwrap();
    assert_eq!((answer.status, code(&answer)), (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"));
    assert_eq!(bench.stored().unwrap(), "written");
    assert_eq!(bench.count(Fault::ErrorAfterWrite), 1);
}

#[tokio::test]
async fn a_busy_store_says_when_to_come_back() {
    let bench = Bench::start(Faults { retry_after: 1, ..Faults::always(Fault::Busy) });
    let answer = bench.put("never").await.unwrap();
    assert_eq!((answer.status, code(&answer)), (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"));
    assert_eq!(answer.headers[RETRY_AFTER], "1");
    assert_eq!(bench.stored(), None);
    assert_eq!(bench.proxy.counts().forwarded, 0);
}

#[tokio::test]
async fn a_conflict_is_answered_to_writes_with_a_condition() {
    let bench = Bench::start(Faults::always(Fault::Conflict));
    let answer = bench.create("never").await.unwrap();
    assert_eq!((answer.status, code(&answer)), (StatusCode::CONFLICT, "ConditionalRequestConflict"));
    assert_eq!(bench.stored(), None);
    assert_eq!(bench.put("plain").await.unwrap().status, StatusCode::OK);
    assert_eq!(bench.count(Fault::Conflict), 1);
}

#[tokio::test]
async fn a_body_is_cut_under_a_head_that_promises_all_of_it() {
    let bench = Bench::start(Faults::always(Fault::CutBody));
    bench.put("twelve bytes").await.unwrap();
    let mut request = Request::get(format!("{}/bucket/folder/a%20key", bench.proxy.endpoint()))
        .header(HOST, bench.proxy.endpoint().trim_start_matches("http://"))
        .body(Full::<Bytes>::default())
        .unwrap();
    signer().sign(&mut request).unwrap();
    let answer: Response<_> = bench.client.request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-length"], "12");
    let mut body = answer.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "twelve");
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(bench.count(Fault::CutBody), 1);
}

#[tokio::test]
async fn a_slow_request_arrives_after_its_client_has_left() {
    let slow = Duration::from_millis(300);
    let bench = Bench::start(Faults { slow, ..Faults::always(Fault::Slow) });
    let begun = Instant::now();
    assert_eq!(bench.put("one").await.unwrap().status, StatusCode::OK);
    assert!(begun.elapsed() >= slow);
    bench.leave_when_it_came(bench.put("two")).await;
    assert_eq!(bench.stored().unwrap(), "one");
    bench.stored_at_last("two").await;
}

#[tokio::test]
async fn a_late_answer_comes_after_the_write() {
    let late = Duration::from_secs(30);
    let bench = Bench::start(Faults { late, ..Faults::always(Fault::Late) });
    tokio::select! {
        answer = bench.put("written") => panic!("{:?}", answer.map(|answer| answer.status)),
        () = bench.stored_at_last("written") => {}
    }
    let late = Duration::from_millis(50);
    bench.proxy.set_faults(Faults { late, ..Faults::always(Fault::Late) });
    let begun = Instant::now();
    assert_eq!(bench.get().await.unwrap().body, "written");
    assert!(begun.elapsed() >= late);
    assert_eq!(bench.count(Fault::Late), 2);
}

#[tokio::test]
async fn conditions_can_be_taken_away_though_they_are_signed() {
    let bench = Bench::start(Faults::none());
    bench.create("one").await.unwrap();
    bench.proxy.ignore_conditions(Some(signer()));
    assert_eq!(bench.create("two").await.unwrap().status, StatusCode::OK);
    let stale = bench.send(Method::PUT, "three", Some((IF_MATCH, "\"0\""))).await.unwrap();
    assert_eq!(stale.status, StatusCode::OK);
    assert_eq!(bench.stored().unwrap(), "three");
    assert_eq!(bench.proxy.counts().conditions_dropped, 2);
    bench.proxy.ignore_conditions(None);
    assert_eq!(bench.create("four").await.unwrap().status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn frozen_requests_wait_and_arrive_in_the_end() {
    let bench = Bench::start(Faults::none());
    bench.proxy.freeze();
    let mut put = Box::pin(bench.put("thawed"));
    bench.leave_when_it_came(&mut put).await;
    assert_eq!((bench.proxy.counts().forwarded, bench.stored()), (0, None));
    bench.proxy.thaw();
    assert_eq!(put.await.unwrap().status, StatusCode::OK);
    assert_eq!(bench.stored().unwrap(), "thawed");
}

#[tokio::test]
async fn a_proxy_that_is_gone_answers_nobody() {
    let bench = Bench::start(Faults::none());
    bench.put("one").await.unwrap();
    let Bench { server, proxy, client } = bench;
    let uri: hyper::Uri = proxy.endpoint().parse().unwrap();
    drop(proxy);
    let begun = Instant::now();
    // Its thread ends a moment later.
    while client.get(uri.clone()).await.is_ok() {
        assert!(begun.elapsed() < DEADLINE);
    }
    drop(server);
    assert!(Proxy::start("ftp://127.0.0.1:1", 0, Faults::none()).is_err());
}
