//! A recording of the plan: a line of its shard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use verbatim_crds::destination::Format;
use verbatim_store::ETag;

/// A recording of the plan, a line of JSON in its shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedFile {
    /// Full key in the source.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Version from the listing. Absent if the object was not found: the file fails as such.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "tag")]
    pub etag: Option<ETag>,
    /// Full key of the transcript in the destination, without a format's extension.
    pub target: String,
    /// Formats of the transcript that existed when the plan was made, with their versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "tags", rename = "there")]
    pub existing: BTreeMap<Format, ETag>,
    /// Language of this recording, if a list has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The caller's ID for this recording, if a list has one; the report repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Channel to transcribe, from 0, if a list has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
}

mod tag {
    use super::{Deserialize, ETag};

    pub(super) fn serialize<S: serde::Serializer>(
        tag: &Option<ETag>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match tag {
            Some(tag) => serializer.serialize_str(tag.as_str()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<ETag>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(ETag::new))
    }
}

mod tags {
    use super::{BTreeMap, Deserialize, ETag, Format};

    pub(super) fn serialize<S: serde::Serializer>(
        tags: &BTreeMap<Format, ETag>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(tags.iter().map(|(format, tag)| (format, tag.as_str())))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Format, ETag>, D::Error> {
        let tags = BTreeMap::<Format, String>::deserialize(deserializer)?;
        Ok(tags.into_iter().map(|(format, tag)| (format, ETag::new(tag))).collect())
    }
}
