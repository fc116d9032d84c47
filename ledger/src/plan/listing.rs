//! Listings of stores, page by page.

use std::ops::ControlFlow;

use verbatim_store::{ErrorKind, Object, ObjectStore, PAGE_SIZE, StoreError};

use super::error::PlanError;

/// Number of objects listed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// In the source.
    pub source: u64,
    /// In the destination.
    pub destination: u64,
}

/// Counts listed objects, and reports after each page.
pub(super) struct ListingProgress<'a> {
    listed: Listed,
    report: &'a (dyn Fn(Listed) + Sync),
}

impl<'a> ListingProgress<'a> {
    pub(super) fn new(report: &'a (dyn Fn(Listed) + Sync)) -> Self {
        Self { listed: Listed::default(), report }
    }

    pub(super) fn add(&mut self, side: Side, objects: usize) {
        match side {
            Side::Source => self.listed.source += objects as u64,
            Side::Destination => self.listed.destination += objects as u64,
        }
        (self.report)(self.listed);
    }
}

/// Listed location of a job.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Source,
    Destination,
}

/// Visits all objects with this prefix in order, until `visit` breaks.
pub(super) async fn for_each_object(
    store: &dyn ObjectStore,
    prefix: &str,
    side: Side,
    progress: &mut ListingProgress<'_>,
    visit: &mut (dyn FnMut(Object) -> Result<ControlFlow<()>, PlanError> + Send),
) -> Result<(), PlanError> {
    let failed = |source| PlanError::List { location: store.address(prefix), source };
    let mut after: Option<String> = None;
    loop {
        let page = store.list(prefix, after.as_deref(), PAGE_SIZE).await.map_err(failed)?;
        progress.add(side, page.objects.len());
        let last = page.objects.last().map(|object| object.key.clone());
        // A store that ignores the position would cause an endless loop.
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
