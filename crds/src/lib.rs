//! The TranscriptionJob API and the contract between operator and worker.
//!
//! - [`job`] and the modules of its field groups: the types of `verbatim.dev/v1alpha1`;
//! - [`manifest`]: parses a manifest into a job, or into a list of problems that a person can act on;
//! - [`validate`]: rules that a schema cannot express;
//! - [`conditions`] and [`contract`]: names and numbers that operator, worker, dashboards and alerts share.

pub mod batching;
pub mod conditions;
pub mod contract;
pub mod crd;
pub mod destination;
pub mod failure_policy;
pub mod go_names;
pub mod job;
pub mod manifest;
pub mod model;
pub mod path;
pub mod quantity;
pub mod recognition;
pub mod recycle;
pub mod reference;
pub(crate) mod rules;
pub mod scaling;
pub(crate) mod schema_docs;
pub mod source;
pub mod status;
pub mod storage;
pub mod text_rule;
pub mod validate;
pub mod validation_error;

pub use job::{TranscriptionJob, TranscriptionJobSpec};
pub use manifest::{Manifest, ManifestError};
pub use status::TranscriptionJobStatus;
