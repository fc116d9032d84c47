//! Routes and responses. GET and HEAD only; of the request only the path and `Accept` are used.

use std::fmt::Write;

use actix_web::http::header::{
    ACCEPT, AGE, ALLOW, CACHE_CONTROL, HeaderValue, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpRequest, HttpResponse, Resource, guard, web};

use verbatim_crds::contract::http;

use crate::http::job_progress::{JobProgressError, JobProgressSlot};
use crate::metrics::Metrics;
use crate::metrics::format::Format;
use crate::status::StatusTracker;

/// All routes with their descriptions.
const ROUTES: [(&str, &str); 5] = [
    (http::METRICS, "metrics for Prometheus"),
    (http::HEALTHY, "200 while the supervisor is alive"),
    (http::READY, "200 while an engine takes files"),
    ("/status", "engines, files, recycles and failures as JSON (docs/status.md)"),
    (http::JOB, "progress of the whole job, of all workers, as JSON (docs/status.md)"),
];

/// Headers of every response: it must not be cached, and its content type must not be guessed from its
/// content, which includes file names.
pub(super) fn headers() -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, "no-store")).add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
}

/// All routes.
pub(super) fn configure(app: &mut web::ServiceConfig) {
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let at =
        |path: &str| -> Resource { web::resource(path.to_owned()).default_service(web::to(not_allowed)) };
    app.service(at("/").route(read().to(index)))
        .service(at(http::METRICS).route(read().to(metrics)))
        .service(at(http::HEALTHY).route(read().to(healthz)))
        .service(at(http::READY).route(read().to(readyz)))
        .service(at("/status").route(read().to(status)))
        .service(at(http::JOB).route(read().to(job)))
        .default_service(web::to(not_found));
}

async fn index() -> HttpResponse {
    let mut text = String::new();
    for (path, description) in ROUTES {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{path:<10} {description}");
    }
    plain(HttpResponse::Ok(), text)
}

async fn metrics(request: HttpRequest, metrics: web::Data<Metrics>) -> HttpResponse {
    // Several `Accept` headers count as one.
    let accept: Vec<&str> =
        request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    let format = Format::accepted(&accept.join(","));
    match metrics.encode(format) {
        Ok(text) => {
            HttpResponse::Ok().content_type(format.content_type()).insert_header((VARY, "Accept")).body(text)
        }
        Err(error) => plain(HttpResponse::InternalServerError(), format!("{error}\n")),
    }
}

async fn healthz(tracker: web::Data<StatusTracker>) -> HttpResponse {
    health(tracker.alive(), "alive")
}

async fn readyz(tracker: web::Data<StatusTracker>) -> HttpResponse {
    health(tracker.ready(), "ready")
}

async fn status(tracker: web::Data<StatusTracker>) -> HttpResponse {
    HttpResponse::Ok().json(tracker.status())
}

async fn job(job: web::Data<JobProgressSlot>) -> HttpResponse {
    // Age tells clients how old the figures are: where a new read fails, those of the last one are sent.
    match job.job_progress().await {
        Ok(cached) => HttpResponse::Ok().insert_header((AGE, cached.age.as_secs())).json(cached.job),
        Err(why) => {
            let mut answer = unavailable(&why.to_string());
            if why == JobProgressError::Pending {
                // The read has most likely ended by then.
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            answer
        }
    }
}

async fn not_found() -> HttpResponse {
    plain(HttpResponse::NotFound(), "not found; / lists all paths\n".to_owned())
}

async fn not_allowed() -> HttpResponse {
    let mut answer = HttpResponse::MethodNotAllowed();
    answer.insert_header((ALLOW, "GET, HEAD"));
    plain(answer, "only GET and HEAD\n".to_owned())
}

fn health(health: Result<(), String>, ok: &str) -> HttpResponse {
    match health {
        Ok(()) => plain(HttpResponse::Ok(), format!("{ok}\n")),
        Err(why) => unavailable(&why),
    }
}

fn unavailable(why: &str) -> HttpResponse {
    // The reason may quote an engine or a store: one line, safe for terminals.
    let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain(HttpResponse::ServiceUnavailable(), format!("{why}\n"))
}

fn plain(mut answer: actix_web::HttpResponseBuilder, text: String) -> HttpResponse {
    answer.content_type("text/plain; charset=utf-8").body(text)
}
