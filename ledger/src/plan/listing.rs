//! Listings of stores, page by page.

use std::ops::ControlFlow;

use verbatim_store::{ErrorKind, Object, ObjectStore, PAGE_SIZE, StoreError};

use super::error::PlanError;

/// Objects that were listed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// In the source.
    pub source: u64,
    /// In the destination.
    pub destination: u64,
}

/// Counts, and tells whoever wants to know after each page.
pub(super) struct Progress<'a> {
    listed: Listed,
    tell: &'a (dyn Fn(Listed) + Sync),
}

impl<'a> Progress<'a> {
    pub(super) fn new(tell: &'a (dyn Fn(Listed) + Sync)) -> Self {
        Self { listed: Listed::default(), tell }
    }

    pub(super) fn add(&mut self, side: Side, objects: usize) {
        match side {
            Side::Source => self.listed.source += objects as u64,
            Side::Destination => self.listed.destination += objects as u64,
        }
        (self.tell)(self.listed);
    }
}

/// Which of a job's places is listed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Source,
    Destination,
}

/// Visits every object whose key begins with the prefix, in order, until `visit` breaks.
pub(super) async fn each_object(
    store: &dyn ObjectStore,
    prefix: &str,
    side: Side,
    progress: &mut Progress<'_>,
    visit: &mut (dyn FnMut(Object) -> Result<ControlFlow<()>, PlanError> + Send),
) -> Result<(), PlanError> {
    let failed = |source| PlanError::List { place: store.address(prefix), source };
    let mut after: Option<String> = None;
    loop {
        let page = store.list(prefix, after.as_deref(), PAGE_SIZE).await.map_err(failed)?;
        progress.add(side, page.objects.len());
        let last = page.objects.last().map(|object| object.key.clone());
        // A store that ignores where to go on would be listed for ever.
        if page.more && last <= after {
            let message = format!("the store gives no page after {:?}", after.unwrap_or_default());
            return Err(failed(StoreError::new(ErrorKind::Invalid, message)));
        }
        for object in page.objects {
            if visit(object)?.is_break() {
                return Ok(());
            }
        }
        if !page.more {
            return Ok(());
        }
        after = last;
    }
}
