//! Recordings that are found by listing the source.

use std::ops::ControlFlow;

use verbatim_crds::source::Source;
use verbatim_store::Object;

use super::audio::has_audio_ending;
use super::catalog::Catalog;
use super::error::PlanError;
use super::listing::{Progress, Side, each_object};
use super::naming::is_hidden;
use super::patterns::{Choice, Patterns};

/// Takes everything below the prefix that the patterns let through.
pub(super) async fn find(
    source: &Source,
    catalog: &mut Catalog,
    progress: &mut Progress<'_>,
) -> Result<(), PlanError> {
    let none: (&[String], &[String]) = (&[], &[]);
    let s3 = source.s3.as_ref().map(|s3| (&s3.include[..], &s3.exclude[..]));
    let file = source.file.as_ref().map(|file| (&file.include[..], &file.exclude[..]));
    let (include, exclude) = s3.or(file).unwrap_or(none);
    let patterns = Patterns::new(include, exclude)?;
    let place = catalog.naming.source.clone();
    each_object(place.store.as_ref(), &place.prefix, Side::Source, progress, &mut |object| {
        take(object, &patterns, catalog)?;
        Ok(ControlFlow::Continue(()))
    })
    .await
}

fn take(object: Object, patterns: &Patterns, catalog: &mut Catalog) -> Result<(), PlanError> {
    let name = catalog.naming.name(&object.key);
    let left_out = &mut catalog.left_out;
    if object.key.ends_with('/') {
        left_out.folders += 1;
    } else if is_hidden(name) {
        left_out.hidden += 1;
    } else {
        match patterns.choose(name) {
            Choice::Leave => left_out.excluded += 1,
            Choice::Look if !has_audio_ending(name) => left_out.not_audio += 1,
            Choice::Look | Choice::Take => return catalog.push_found(object),
        }
    }
    Ok(())
}
