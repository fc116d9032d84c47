//! Discovery of recordings by a listing of the source.

use std::ops::ControlFlow;

use verbatim_crds::source::Source;
use verbatim_store::Object;

use super::catalog::Catalog;
use super::error::PlanError;
use super::extension::has_audio_extension;
use super::listing::{ListingProgress, Side, for_each_object};
use super::naming::is_hidden;
use super::patterns::{Patterns, Selection};

/// Adds everything below the prefix that the patterns select.
pub(super) async fn discover(
    source: &Source,
    catalog: &mut Catalog,
    progress: &mut ListingProgress<'_>,
) -> Result<(), PlanError> {
    let none: (&[String], &[String]) = (&[], &[]);
    let s3 = source.s3.as_ref().map(|s3| (&s3.include[..], &s3.exclude[..]));
    let file = source.file.as_ref().map(|file| (&file.include[..], &file.exclude[..]));
    let (include, exclude) = s3.or(file).unwrap_or(none);
    let patterns = Patterns::new(include, exclude)?;
    let location = catalog.naming.source.clone();
    for_each_object(location.store.as_ref(), &location.prefix, Side::Source, progress, &mut |object| {
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
        match patterns.select(name) {
            Selection::Exclude => left_out.excluded += 1,
            Selection::IfAudio if !has_audio_extension(name) => left_out.not_audio += 1,
            Selection::IfAudio | Selection::Include => return catalog.push_listed(object),
        }
    }
    Ok(())
}
