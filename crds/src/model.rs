//! Model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rules::rule, text_rule};

/// The model that is built into the image, and that `verbatim model pull` fetches by default.
pub const DEFAULT_MODEL: &str = "moonshine-tiny-en";

/// Model: either `name` or `uri`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.name) != has(self.uri)", "set either name or uri of the model"),
]))]
pub struct Model {
    /// Name of a built-in or pulled model; `verbatim model list` shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), extend("pattern" = text_rule::MODEL_NAME.pattern))]
    pub name: Option<String>,
    /// Folder of a prepared model: `s3://BUCKET/PREFIX/`, or `file:///FOLDER` on the machine or in a volume
    /// of the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), extend("pattern" = text_rule::MODEL_URI.pattern))]
    pub uri: Option<String>,
}

impl Model {
    /// The model with this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), uri: None }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::named(DEFAULT_MODEL)
    }
}
