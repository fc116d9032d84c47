//! What the API server was asked, by whom, and what it answered.

use std::collections::HashMap;
use std::path::Path;

use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

use super::error::Error;

/// A request that the API server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asked: `admin`, `fake-node`, `system:serviceaccount:NAMESPACE:NAME`, ...
    pub user: String,
    /// What with, as `kubectl/v1.34.4 ...`.
    pub agent: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// What for: the path and the query.
    pub uri: String,
    /// The namespace, where it concerns one.
    pub namespace: String,
    /// The plural of the kind, as `jobs`; nothing where it does not concern objects.
    pub resource: String,
    /// As `status`, or nothing.
    pub subresource: String,
    /// The object's name, where the request named one.
    pub name: String,
    /// The answer's HTTP status: 403 where the user may not.
    pub code: u16,
    /// Whether the answer is complete: a watch's is when it ends.
    pub complete: bool,
    /// When the request came.
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

/// The requests in the log, each once. A last line that is still being written is left for the next time.
pub(super) fn read(path: &Path) -> Result<Vec<Request>, Error> {
    let log = std::fs::read_to_string(path)?;
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let mut requests: Vec<Request> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in whole.lines() {
        let line: Line = serde_json::from_str(line)?;
        let id = line.id.clone();
        // A watch has two lines: when it begins, and when it ends.
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
