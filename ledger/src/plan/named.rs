//! Recordings that the job or a list names.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use verbatim_store::{Object, ObjectStore, StoreError};

use super::catalog::Catalog;
use super::digest::Digest;
use super::error::{LineProblem, PlanError};
use super::list::{self, Entry, FetchError, ReadError};
use super::listing::{Progress, Side, each_object};

/// Most names that are looked at one by one: as many as one page of a listing tells. A request each, sixteen at a
/// time, they take some seconds; a listing takes a request for each thousand objects of the prefix, whether they are
/// named or not, and so is the better one for long lists only.
const LOOKS: usize = verbatim_store::PAGE_SIZE;

/// Names that are looked at at a time: seconds for a thousand, and a burst that no store throttles.
const LOOKS_AT_ONCE: usize = 16;

/// What was named so far.
#[derive(Default)]
struct Names {
    by_key: HashMap<Digest, u32>,
    /// What all keys begin with.
    common: Option<String>,
}

/// Takes what `spec.source.keys` names.
pub(super) async fn take_keys(
    keys: &[String],
    catalog: &mut Catalog,
    progress: &mut Progress<'_>,
) -> Result<(), PlanError> {
    let mut names = Names::default();
    for (index, key) in keys.iter().enumerate() {
        let entry = Entry { name: key.clone(), ..Entry::default() };
        let entry = entry.check().map_err(|problem| PlanError::Key { index, problem })?;
        names.take(entry, catalog)?;
    }
    names.look_up(catalog, progress).await
}

/// Takes what the list of this key names.
pub(super) async fn take_list(
    lists: &dyn ObjectStore,
    key: &str,
    catalog: &mut Catalog,
    progress: &mut Progress<'_>,
) -> Result<(), PlanError> {
    let address = lists.address(key);
    let bytes = list::fetch(lists, key).await.map_err(|error| match error {
        FetchError::Store(source) => PlanError::Manifest { list: address.clone(), source },
        FetchError::Io(error) => PlanError::Spool(error),
    })?;
    let mut names = Names::default();
    list::read(key, bytes, &mut |_, entry| names.take(entry, catalog).map_err(Stop::Plan)).map_err(
        |stop| match stop {
            Stop::Plan(error) => error,
            Stop::Io(error) => PlanError::Spool(error),
            Stop::Line(line, problem) => PlanError::Line { list: address, line, problem },
        },
    )?;
    names.look_up(catalog, progress).await
}

enum Stop {
    Plan(PlanError),
    Io(std::io::Error),
    Line(u64, LineProblem),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Line(line, problem) => Self::Line(line, problem),
            ReadError::Io(error) => Self::Io(error),
        }
    }
}

impl Names {
    /// Takes a recording; the first time that it is named counts.
    fn take(&mut self, entry: Entry, catalog: &mut Catalog) -> Result<(), PlanError> {
        if entry.name.ends_with('/') {
            catalog.left_out.folders += 1;
            return Ok(());
        }
        let key = catalog.naming.source.key(&entry.name);
        let index = catalog.len();
        if *self.by_key.entry(Digest::of(&key)).or_insert(index) != index {
            catalog.left_out.twice += 1;
            return Ok(());
        }
        match &mut self.common {
            Some(common) => common.truncate(shared(common, &key)),
            None => self.common = Some(key.clone()),
        }
        catalog.push_named(key, entry)
    }

    /// Finds out which of them are there, their sizes and versions. Those that are not fail later, each for itself.
    async fn look_up(self, catalog: &mut Catalog, progress: &mut Progress<'_>) -> Result<(), PlanError> {
        let store = Arc::clone(&catalog.naming.source.store);
        if self.by_key.len() <= LOOKS {
            return look_at_each(store, catalog, progress).await;
        }
        let mut missing = self.by_key.len();
        let common = self.common.unwrap_or_default();
        each_object(store.as_ref(), &common, Side::Source, progress, &mut |object| {
            if let Some(index) = self.by_key.get(&Digest::of(&object.key)) {
                catalog.note_found(*index, &object)?;
                missing -= 1;
            }
            Ok(if missing == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .await
    }
}

async fn look_at_each(
    store: Arc<dyn ObjectStore>,
    catalog: &mut Catalog,
    progress: &mut Progress<'_>,
) -> Result<(), PlanError> {
    let keys = (0..catalog.len()).map(|index| Ok((index, catalog.key(index)?)));
    let keys = keys.collect::<Result<Vec<_>, PlanError>>()?;
    let mut looks = stream::iter(keys)
        .map(|(index, key)| look(Arc::clone(&store), index, key))
        .buffer_unordered(LOOKS_AT_ONCE);
    while let Some((index, object)) = looks.try_next().await? {
        progress.add(Side::Source, 1);
        if let Some(object) = object {
            catalog.note_found(index, &object)?;
        }
    }
    Ok(())
}

async fn look(
    store: Arc<dyn ObjectStore>,
    index: u32,
    key: String,
) -> Result<(u32, Option<Object>), PlanError> {
    let failed = |source: StoreError| PlanError::Look { recording: store.address(&key), source };
    match store.head(&key).await {
        Ok(object) => Ok((index, Some(object))),
        Err(error) if error.is_not_found() => Ok((index, None)),
        Err(error) => Err(failed(error)),
    }
}

/// How many bytes both begin with, whole characters.
fn shared(one: &str, other: &str) -> usize {
    let same = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
    same.map_or(one.len().min(other.len()), |((at, _), _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keys_share() {
        assert_eq!(shared("2026/11/a", "2026/11/b"), 8);
        assert_eq!(shared("é", "è"), 0);
        assert_eq!(shared("aé", "aéb"), 3);
        assert_eq!(shared("aéb", "aé"), 3);
    }
}
