//! Handling of connections and requests.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::Shared;
use super::fault::{Fault, is_conditional};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Body = UnsyncBoxBody<Bytes, BoxError>;
pub(super) type Forwarder = Client<HttpConnector, Body>;

/// Serves a connection until it closes.
pub(super) async fn connection(shared: Arc<Shared>, stream: TcpStream) -> std::io::Result<()> {
    let stream = stream.into_std()?;
    // A second handle keeps the socket open when the server drops it, so that it can be reset.
    let twin = stream.try_clone()?;
    let stream = TcpStream::from_std(stream)?;
    let reset = AtomicBool::new(false);
    let service = service_fn(|request| {
        let (shared, reset) = (Arc::clone(&shared), &reset);
        async move {
            let answer = shared.request(request).await;
            reset.store(matches!(answer, Err(Cut)), Ordering::Relaxed);
            answer
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        // Header names as the client wrote them, in both directions.
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if served.is_err() && reset.into_inner() {
        SockRef::from(&twin).set_linger(Some(Duration::ZERO))?;
    }
    Ok(())
}

/// Marks a connection to be cut.
#[derive(Debug, thiserror::Error)]
#[error("the proxy cuts the connection")]
pub(super) struct Cut;

impl Shared {
    async fn request(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (fault, faults) = self.draw(request.method(), request.headers());
        self.thawed().await;
        let request = request.map(|body| body.map_err(BoxError::from).boxed_unsync());
        match fault {
            None => self.forward(request).await,
            Some(Fault::Drop) => Err(Cut),
            Some(Fault::Busy) => {
                let mut answer =
                    refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.");
                answer.headers_mut().insert(RETRY_AFTER, faults.retry_after.into());
                Ok(answer)
            }
            Some(Fault::Conflict) => Ok(refusal(
                StatusCode::CONFLICT,
                "ConditionalRequestConflict",
                "A conflicting operation occurred during the processing of the request.",
            )),
            Some(Fault::ResetAfterWrite) => {
                self.forward(request).await?;
                Err(Cut)
            }
            Some(Fault::ErrorAfterWrite) => {
                self.forward(request).await?;
                Ok(refusal(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalError",
                    "We encountered an internal error.",
                ))
            }
            Some(Fault::CutBody) => cut_body(self.forward(request).await?).await,
            Some(Fault::Slow) => {
                // Read now, and forwarded by a separate task, so that it is forwarded even if the client
                // disconnects.
                let (head, body) = request.into_parts();
                let body = Full::new(body.collect().await.map_err(|_| Cut)?.to_bytes())
                    .map_err(never)
                    .boxed_unsync();
                let forwarded = tokio::spawn(async move {
                    tokio::time::sleep(faults.slow).await;
                    self.forward(Request::from_parts(head, body)).await
                });
                forwarded.await.map_err(|_| Cut)?
            }
            Some(Fault::Late) => {
                let answer = self.forward(request).await;
                tokio::time::sleep(faults.late).await;
                answer
            }
        }
    }

    /// Forwards a request unchanged to the target.
    async fn forward(&self, mut request: Request<Body>) -> Result<Response<Body>, Cut> {
        let path = request.uri().path_and_query().cloned();
        let mut uri = self.target.clone().into_parts();
        uri.path_and_query = path;
        *request.uri_mut() = Uri::from_parts(uri).map_err(|_| Cut)?;
        if let Some(signer) = self.ignores_conditions().filter(|_| is_conditional(request.headers())) {
            request.headers_mut().remove(IF_MATCH);
            request.headers_mut().remove(IF_NONE_MATCH);
            signer.sign(&mut request).map_err(|_| Cut)?;
            self.count(|counts| counts.conditions_dropped += 1);
        }
        self.count(|counts| counts.forwarded += 1);
        let answer = self.forwarder.request(request).await.map_err(|_| Cut)?;
        Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
    }
}

/// Error response in the format of S3.
fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut answer = Response::new(Full::from(body).map_err(never).boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/xml"));
    answer
}

/// Truncates a response: the full head, the first half of the body, and then an error.
async fn cut_body(answer: Response<Body>) -> Result<Response<Body>, Cut> {
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let half = Frame::data(bytes.slice(..bytes.len() / 2));
    let end = async {
        // The server flushes its buffer while it waits for more.
        tokio::task::yield_now().await;
        Err(BoxError::from(Cut))
    };
    let body = StreamBody::new(stream::iter([Ok(half)]).chain(stream::once(end)));
    Ok(Response::from_parts(head, body.boxed_unsync()))
}

fn never(never: Infallible) -> BoxError {
    match never {}
}
