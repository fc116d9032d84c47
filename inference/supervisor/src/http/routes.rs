//! The answers. GET and HEAD only; nothing of the request is used but its path and what it accepts.

use std::fmt::Write;

use actix_web::http::header::{
    ACCEPT, AGE, ALLOW, CACHE_CONTROL, HeaderValue, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpRequest, HttpResponse, Resource, guard, web};

use verbatim_crds::contract::http;

use super::job::{NotKnown, WholeJob};
use crate::board::Board;
use crate::metrics::Metrics;
use crate::metrics::format::Format;

/// Each route, and what it is for.
const ROUTES: [(&str, &str); 5] = [
    (http::METRICS, "metrics for Prometheus"),
    (http::HEALTHY, "200 while the supervisor is alive"),
    (http::READY, "200 while an engine takes files"),
    ("/status", "engines, files, recycles and failures as JSON (docs/status.md)"),
    (http::JOB, "how far the whole job is, that of all workers, as JSON (docs/status.md)"),
];

/// What every answer carries: it is old as soon as it is sent, and it is what it says it is, whatever a file's name
/// looks like.
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
    for (path, what) in ROUTES {
        // A text takes everything.
        let _ = writeln!(text, "{path:<10} {what}");
    }
    plain(HttpResponse::Ok(), text)
}

async fn metrics(request: HttpRequest, metrics: web::Data<Metrics>) -> HttpResponse {
    // A scraper may send several such headers, which are as one.
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

async fn healthz(board: web::Data<Board>) -> HttpResponse {
    verdict(board.alive(), "alive")
}

async fn readyz(board: web::Data<Board>) -> HttpResponse {
    verdict(board.ready(), "ready")
}

async fn status(board: web::Data<Board>) -> HttpResponse {
    HttpResponse::Ok().json(board.status())
}

async fn job(job: web::Data<WholeJob>) -> HttpResponse {
    // Whoever reads the age knows how old the numbers are: the last look is told where a new one fails.
    match job.ask().await {
        Ok(seen) => HttpResponse::Ok().insert_header((AGE, seen.age.as_secs())).json(seen.job),
        Err(why) => {
            let mut answer = unavailable(&why.to_string());
            if why == NotKnown::Looking {
                // When it has most likely come to its end.
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            answer
        }
    }
}

async fn not_found() -> HttpResponse {
    plain(HttpResponse::NotFound(), "not found; / lists what there is\n".to_owned())
}

async fn not_allowed() -> HttpResponse {
    let mut answer = HttpResponse::MethodNotAllowed();
    answer.insert_header((ALLOW, "GET, HEAD"));
    plain(answer, "only GET and HEAD\n".to_owned())
}

fn verdict(verdict: Result<(), String>, good: &str) -> HttpResponse {
    match verdict {
        Ok(()) => plain(HttpResponse::Ok(), format!("{good}\n")),
        Err(why) => unavailable(&why),
    }
}

fn unavailable(why: &str) -> HttpResponse {
    // Words may quote an engine or a store: one line, for terminals.
    let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain(HttpResponse::ServiceUnavailable(), format!("{why}\n"))
}

fn plain(mut answer: actix_web::HttpResponseBuilder, text: String) -> HttpResponse {
    answer.content_type("text/plain; charset=utf-8").body(text)
}
