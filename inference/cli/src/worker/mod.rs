//! Workers of a job over its ledger: stores, engine client, job status, traces.

pub mod engine_client;
pub mod identity;
pub mod job_status_cache;
pub mod job_traces;
pub mod open_job;
pub mod request_metrics;
pub mod stores;
pub mod tracing_listener;
pub mod worker_error;
