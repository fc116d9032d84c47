//! HTTP server for `/metrics`, `/healthz` and `/readyz`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use verbatim_crds::contract::http;

use crate::metrics::Metrics;

/// Time limit for a request's head; scrapers are faster.
const HEAD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// State that is served.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Metrics of the operator.
    pub metrics: Arc<Metrics>,
    /// Whether the API server has answered, so that this replica can lead.
    pub ready: Arc<AtomicBool>,
}

/// Serves until it is dropped.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(address: &str, state: State) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!("serving http://{}/metrics", listener.local_addr()?);
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Most likely out of file descriptors; other connections close meanwhile.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            let state = state.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |request| {
                    let state = state.clone();
                    async move { Ok::<_, Infallible>(answer(&request, &state)) }
                });
                let mut server = hyper::server::conn::http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
                // A scraper that disconnects is no error of the server.
                let _ = server.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    Ok(())
}

fn answer(request: &Request<Incoming>, state: &State) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n".to_owned());
    }
    match request.uri().path() {
        http::METRICS => match state.metrics.page() {
            Ok(page) => {
                text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", page)
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        },
        http::HEALTHY => text(StatusCode::OK, TEXT, "alive\n".to_owned()),
        http::READY if state.ready.load(Ordering::Relaxed) => {
            text(StatusCode::OK, TEXT, "ready\n".to_owned())
        }
        http::READY => {
            text(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the API server has not answered yet\n".to_owned())
        }
        _ => text(StatusCode::NOT_FOUND, TEXT, "not found: /metrics, /healthz, /readyz\n".to_owned()),
    }
}

fn text(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}
