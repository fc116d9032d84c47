//! Recordings that the job or a list names.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use verbatim_store::{Object, ObjectStore, StoreError};

use super::catalog::Catalog;
use super::digest::NameDigest;
use super::error::{LineProblem, PlanError};
use super::list::{self, FetchError, ListEntry, ListError};
use super::listing::{ListingProgress, Side, for_each_object};

/// Most names for which a HEAD request each is used: the keys of one page of a listing. Sixteen at a time
/// take some seconds. A listing takes a request for each thousand objects of the prefix, named or not, so it
/// is faster for long lists only.
const MAX_HEADS: usize = verbatim_store::PAGE_SIZE;

/// Concurrent HEAD requests: a thousand take seconds, and no store throttles such a burst.
const CONCURRENT_HEADS: usize = 16;

/// Names so far.
#[derive(Default)]
struct ExplicitNames {
    by_key: HashMap<NameDigest, u32>,
    /// Common prefix of all keys.
    common_prefix: Option<String>,
}

/// Adds the recordings of `spec.source.keys`.
pub(super) async fn take_keys(
    keys: &[String],
    catalog: &mut Catalog,
    progress: &mut ListingProgress<'_>,
) -> Result<(), PlanError> {
    let mut names = ExplicitNames::default();
    for (index, key) in keys.iter().enumerate() {
        let entry = ListEntry { name: key.clone(), ..ListEntry::default() };
        let entry = entry.check().map_err(|problem| PlanError::Key { index, problem })?;
        names.add(entry, catalog)?;
    }
    names.find_versions(catalog, progress).await
}

/// Adds the recordings of the list at this key.
pub(super) async fn take_list(
    lists: &dyn ObjectStore,
    key: &str,
    catalog: &mut Catalog,
    progress: &mut ListingProgress<'_>,
) -> Result<(), PlanError> {
    let address = lists.address(key);
    let bytes = list::fetch(lists, key).await.map_err(|error| match error {
        FetchError::Store(source) => PlanError::Manifest { list: address.clone(), source },
        FetchError::Io(error) => PlanError::TemporaryFile(error),
    })?;
    let mut names = ExplicitNames::default();
    list::read(key, bytes, &mut |_, entry| names.add(entry, catalog).map_err(Stop::Plan)).map_err(
        |stop| match stop {
            Stop::Plan(error) => error,
            Stop::Io(error) => PlanError::TemporaryFile(error),
            Stop::Line(line, problem) => PlanError::Line { list: address, line, problem },
        },
    )?;
    names.find_versions(catalog, progress).await
}

enum Stop {
    Plan(PlanError),
    Io(std::io::Error),
    Line(u64, LineProblem),
}

impl From<ListError> for Stop {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Line(line, problem) => Self::Line(line, problem),
            ListError::Io(error) => Self::Io(error),
        }
    }
}

impl ExplicitNames {
    /// Adds a recording; duplicates are left out.
    fn add(&mut self, entry: ListEntry, catalog: &mut Catalog) -> Result<(), PlanError> {
        if entry.name.ends_with('/') {
            catalog.left_out.folders += 1;
            return Ok(());
        }
        let key = catalog.naming.source.key(&entry.name);
        let index = catalog.len();
        if *self.by_key.entry(NameDigest::of(&key)).or_insert(index) != index {
            catalog.left_out.twice += 1;
            return Ok(());
        }
        match &mut self.common_prefix {
            Some(common_prefix) => common_prefix.truncate(common_length(common_prefix, &key)),
            None => self.common_prefix = Some(key.clone()),
        }
        catalog.push_explicit(key, entry)
    }

    /// Finds sizes and versions of the recordings. Missing ones fail later, each by itself.
    async fn find_versions(
        self,
        catalog: &mut Catalog,
        progress: &mut ListingProgress<'_>,
    ) -> Result<(), PlanError> {
        let store = Arc::clone(&catalog.naming.source.store);
        if self.by_key.len() <= MAX_HEADS {
            return head_each(store, catalog, progress).await;
        }
        let mut missing = self.by_key.len();
        let common_prefix = self.common_prefix.unwrap_or_default();
        for_each_object(store.as_ref(), &common_prefix, Side::Source, progress, &mut |object| {
            if let Some(index) = self.by_key.get(&NameDigest::of(&object.key)) {
                catalog.note_version(*index, &object)?;
                missing -= 1;
            }
            Ok(if missing == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .await
    }
}

async fn head_each(
    store: Arc<dyn ObjectStore>,
    catalog: &mut Catalog,
    progress: &mut ListingProgress<'_>,
) -> Result<(), PlanError> {
    let keys = (0..catalog.len()).map(|index| Ok((index, catalog.key(index)?)));
    let keys = keys.collect::<Result<Vec<_>, PlanError>>()?;
    let mut heads = stream::iter(keys)
        .map(|(index, key)| head(Arc::clone(&store), index, key))
        .buffer_unordered(CONCURRENT_HEADS);
    while let Some((index, object)) = heads.try_next().await? {
        progress.add(Side::Source, 1);
        if let Some(object) = object {
            catalog.note_version(index, &object)?;
        }
    }
    Ok(())
}

async fn head(
    store: Arc<dyn ObjectStore>,
    index: u32,
    key: String,
) -> Result<(u32, Option<Object>), PlanError> {
    let failed = |source: StoreError| PlanError::Head { recording: store.address(&key), source };
    match store.head(&key).await {
        Ok(object) => Ok((index, Some(object))),
        Err(error) if error.is_not_found() => Ok((index, None)),
        Err(error) => Err(failed(error)),
    }
}

/// Length of the common prefix in bytes, at a character boundary.
fn common_length(one: &str, other: &str) -> usize {
    let same = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
    same.map_or(one.len().min(other.len()), |((at, _), _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_prefixes() {
        assert_eq!(common_length("2026/11/a", "2026/11/b"), 8);
        assert_eq!(common_length("é", "è"), 0);
        assert_eq!(common_length("aé", "aéb"), 3);
        assert_eq!(common_length("aéb", "aé"), 3);
    }
}
