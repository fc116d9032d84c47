//! Which model transcribes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rules::rule, text_rule};

/// The model that is built into the image, and that `verbatim model pull` fetches when it is not told another.
pub const DEFAULT_MODEL: &str = "moonshine-tiny-en";

/// The model that transcribes: a `name` or a `uri`, not both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.name) != has(self.uri)", "give the model either a name or a uri"),
]))]
pub struct Model {
    /// Name of a model that is built into the image or was pulled, as `verbatim model list` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), extend("pattern" = text_rule::MODEL_NAME.pattern))]
    pub name: Option<String>,
    /// Folder of a prepared model: `s3://BUCKET/PREFIX/`, or `file:///FOLDER` on the machine or in a volume of the
    /// worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), extend("pattern" = text_rule::MODEL_URI.pattern))]
    pub uri: Option<String>,
}

impl Model {
    /// The model of that name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), uri: None }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::named(DEFAULT_MODEL)
    }
}
