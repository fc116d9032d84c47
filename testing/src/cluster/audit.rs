//! Requests to the API server: their users, and the responses.

use std::collections::HashMap;
use std::path::Path;

use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

use super::error::Error;

/// Request that the API server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// User: `admin`, `fake-node`, `system:serviceaccount:NAMESPACE:NAME`, ...
    pub user: String,
    /// User agent, such as `kubectl/v1.34.4 ...`.
    pub agent: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// Namespace, for requests about one.
    pub namespace: String,
    /// Plural name of the kind, such as `jobs`; empty for requests that are not about objects.
    pub resource: String,
    /// Subresource, such as `status`; empty for none.
    pub subresource: String,
    /// Name of the object, if the request names one.
    pub name: String,
    /// HTTP status of the response: 403 if the user lacks the permission.
    pub code: u16,
    /// Whether the response is complete. That of a watch is when the watch ends.
    pub complete: bool,
    /// Time at which the request was received.
    pub received: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "auditID")]
    id: String,
    stage: String,
    #[serde(rename = "requestURI")]
    uri: String,
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: Object,
    #[serde(default)]
    response_status: Status,
    request_received_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

/// Reads the requests in the log, each once. A last line that is still being written is left for the next
/// call.
pub(super) fn read(path: &Path) -> Result<Vec<Request>, Error> {
    let log = std::fs::read_to_string(path)?;
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let mut requests: Vec<Request> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in whole.lines() {
        let line: Line = serde_json::from_str(line)?;
        let id = line.id.clone();
        // A watch has two lines: one at its start and one at its end.
        match places.get(&id) {
            Some(&place) => requests[place] = line.into(),
            None => {
                places.insert(id, requests.len());
                requests.push(line.into());
            }
        }
    }
    Ok(requests)
}

impl From<Line> for Request {
    fn from(line: Line) -> Self {
        Self {
            user: line.user.username,
            agent: line.user_agent,
            verb: line.verb,
            uri: line.uri,
            namespace: line.object_ref.namespace,
            resource: line.object_ref.resource,
            subresource: line.object_ref.subresource,
            name: line.object_ref.name,
            code: line.response_status.code,
            complete: line.stage != "ResponseStarted",
            received: line.request_received_timestamp,
        }
    }
}
