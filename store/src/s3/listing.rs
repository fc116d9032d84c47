//! Validation of a listing's page: the plan relies on the order of the keys, and on complete objects.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object as Listed};
use percent_encoding::percent_decode_str;

use crate::object::{ETag, Metadata, Object};

/// Error in a listing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ListingError {
    /// An object without a key, size or ETag, or with a key that is not text.
    #[error("the listing has an object without a key, size or ETag")]
    Incomplete,
    /// Keys out of order, as in S3's directory buckets.
    #[error("the keys are not in byte order, which S3 requires: {0:?} before {1:?}")]
    OutOfOrder(String, String),
}

/// The objects of a page that starts after `after`.
pub(super) fn objects(page: &ListObjectsV2Output, after: Option<&str>) -> Result<Vec<Object>, ListingError> {
    // Not every service supports the requested encoding.
    let encoded = page.encoding_type() == Some(&EncodingType::Url);
    let objects: Vec<Object> = page
        .contents()
        .iter()
        .map(|listed| object(listed, encoded))
        .collect::<Option<_>>()
        .ok_or(ListingError::Incomplete)?;
    let mut last = after;
    for object in &objects {
        if let Some(last) = last.filter(|last| *last >= object.key.as_str()) {
            return Err(ListingError::OutOfOrder(last.to_owned(), object.key.clone()));
        }
        last = Some(&object.key);
    }
    Ok(objects)
}

fn object(listed: &Listed, encoded: bool) -> Option<Object> {
    let key = listed.key()?;
    Some(Object {
        key: if encoded { decode(key)? } else { key.to_owned() },
        size: u64::try_from(listed.size()?).ok()?,
        etag: ETag::new(listed.e_tag()?),
        modified: listed.last_modified().and_then(|time| (*time).try_into().ok()),
        metadata: Metadata::new(),
    })
}

/// A key as listings encode it: like a form, so a space is a plus sign.
fn decode(key: &str) -> Option<String> {
    Some(percent_decode_str(&key.replace('+', " ")).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &[&str], encoding: Option<EncodingType>) -> ListObjectsV2Output {
        let listed =
            keys.iter().map(|key| Listed::builder().key(*key).size(1).e_tag("\"a\"").build()).collect();
        ListObjectsV2Output::builder().set_contents(Some(listed)).set_encoding_type(encoding).build()
    }

    fn keys(page: &ListObjectsV2Output) -> Vec<String> {
        objects(page, None).unwrap().into_iter().map(|object| object.key).collect()
    }

    #[test]
    fn encoded_keys_are_decoded() {
        let written = ["a%2Fb+c%2B%25%C3%A9%0A"];
        assert_eq!(keys(&page(&written, Some(EncodingType::Url))), ["a/b c+%é\n"]);
        assert_eq!(keys(&page(&written, None)), written);
    }

    #[test]
    fn a_listing_out_of_order_is_refused() {
        let error = objects(&page(&["a", "c", "b"], None), None).unwrap_err();
        assert_eq!(error, ListingError::OutOfOrder("c".into(), "b".into()));
        assert!(
            objects(&page(&["a"], None), Some("a")).is_err(),
            "a page after a key does not have that key"
        );
        assert!(objects(&page(&["a", "a"], None), None).is_err());
        // By bytes, not by the rules of a language.
        assert_eq!(keys(&page(&["Z", "a", "a-b", "a/b", "é"], None)).len(), 5);
    }

    #[test]
    fn an_object_must_be_complete() {
        for listed in [
            Listed::builder().size(1).e_tag("a").build(),
            Listed::builder().key("a").e_tag("a").build(),
            Listed::builder().key("a").size(-1).e_tag("a").build(),
            Listed::builder().key("a").size(1).build(),
        ] {
            let page = ListObjectsV2Output::builder().contents(listed).build();
            assert_eq!(objects(&page, None), Err(ListingError::Incomplete));
        }
    }
}
