//! Listing: a walk in key order that starts directly at the page's first key.
//!
//! A folder is read only if one of its keys can be on the page, and after the folders below it that sort
//! first. Memory holds the names of one folder for each level of folders. Links are followed, except into a
//! folder that the walk is inside of.

use std::cmp::Reverse;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::error::{failed, is_not_found};
use super::listing_cache::{ListingCache, ListingPosition, Names};
use super::{etag, folders, key};
use crate::error::StoreError;
use crate::object::{Metadata, Object, Page};
use crate::object_store::PAGE_SIZE;

/// Folder for files that `fsck` recovers, on volumes of all kinds; only the administrator can read it.
const LOST_AND_FOUND: &str = "lost+found";

/// A page of the objects below the root.
pub(super) fn list(
    root: &Path,
    cache: &ListingCache,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Page, StoreError> {
    let limit = limit.clamp(1, PAGE_SIZE);
    // One object more than the limit shows whether more follow.
    let wanted = limit + 1;
    let mut walk =
        Walk { prefix, after, wanted, cache, found: Vec::new(), ancestors: Vec::new(), remaining: None };
    walk.folder(&folders::root(root)?, "")?;
    let more = walk.found.len() > limit;
    walk.found.truncate(limit);
    if let (Some((position, names)), Some(last)) = (walk.remaining, walk.found.last()) {
        cache.store(position.after(&last.key), names);
    }
    Ok(Page { objects: walk.found, more })
}

struct Walk<'a> {
    prefix: &'a str,
    after: &'a str,
    wanted: usize,
    cache: &'a ListingCache,
    found: Vec<Object>,
    /// Device and inode of the folders that the walk is inside of.
    ancestors: Vec<(u64, u64)>,
    /// The remaining names of the largest folder that the page ends in.
    remaining: Option<(ListingPosition, Names)>,
}

impl Walk<'_> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.wanted
    }

    /// Walks a folder whose keys start with `at`, which is empty or ends in `/`.
    fn folder(&mut self, path: &Path, at: &str) -> Result<(), StoreError> {
        let folder = match fs::metadata(path) {
            Ok(folder) if folder.is_dir() => folder,
            Ok(_) => return Ok(()),
            Err(error) if is_not_found(&error) => return Ok(()),
            Err(error) => return Err(failed("stat", path, &error)),
        };
        let id = (folder.dev(), folder.ino());
        if self.ancestors.contains(&id) {
            return Ok(());
        }
        self.ancestors.push(id);
        let walked = self.names(path, at, &folder);
        self.ancestors.pop();
        walked
    }

    fn names(&mut self, path: &Path, at: &str, folder: &fs::Metadata) -> Result<(), StoreError> {
        if let Some(only) = folder_of(self.prefix, at) {
            return self.below(path, at, only);
        }
        if let Some(begun) = folder_of(self.after, at) {
            self.below(path, at, begun)?;
        }
        if self.is_full() {
            return Ok(());
        }
        let position = ListingPosition::new(folder, at, self.prefix, self.after);
        let mut names = match position.as_ref().and_then(|position| self.cache.take(position)) {
            Some(left) => left,
            None => self.read(path, at)?,
        };
        let after = self.after.strip_prefix(at).unwrap_or_default();
        while let Some(Reverse(name)) = names.pop() {
            match name.strip_suffix('/') {
                // The previous page ended in it.
                _ if name.as_str() <= after => {}
                Some(folder) => self.below(path, at, folder)?,
                None => self.file(&path.join(&name), format!("{at}{name}"))?,
            }
            if self.is_full() {
                // The last object found is not on the page.
                names.push(Reverse(name));
                break;
            }
        }
        let larger = self.remaining.as_ref().is_none_or(|(_, left)| left.len() < names.len());
        if let Some(position) = position.filter(|_| larger) {
            self.remaining = Some((position, names));
        }
        Ok(())
    }

    /// Walks the subfolder `name` if one of its keys can be on the page.
    fn below(&mut self, path: &Path, at: &str, name: &str) -> Result<(), StoreError> {
        let below = format!("{at}{name}/");
        let can_match = (below.starts_with(self.prefix) || self.prefix.starts_with(&below))
            && (below.as_str() > self.after || self.after.starts_with(&below));
        let parts: Vec<_> = below.trim_end_matches('/').split('/').collect();
        if !can_match || key::name(name).is_err() || key::is_own(&parts) {
            return Ok(());
        }
        if below.len() >= key::KEY_BYTES {
            tracing::warn!(folder = %path.join(name).display(), "folder skipped: its keys are too long");
            return Ok(());
        }
        self.folder(&path.join(name), &below)
    }

    fn file(&mut self, path: &Path, key: String) -> Result<(), StoreError> {
        match fs::metadata(path) {
            Ok(file) if file.is_file() => self.found.push(etag::object(&key, &file, Metadata::new())),
            // A pipe or a device.
            Ok(_) => {}
            // Removed since, or a dangling link.
            Err(error) if is_not_found(&error) => {}
            Err(error) => return Err(failed("stat", path, &error)),
        }
        Ok(())
    }

    /// The names in a folder that can be on the page and are not walked yet, smallest first. Names of folders
    /// end in `/`, so that they sort as their keys do: `a-b`, `a/b`, `ab`.
    fn read(&self, path: &Path, at: &str) -> Result<Names, StoreError> {
        let prefix = self.prefix.strip_prefix(at).unwrap_or_default();
        let after = self.after.strip_prefix(at).unwrap_or_default();
        let fail = |error| failed("list", path, &error);
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            // Removed since.
            Err(error) if is_not_found(&error) => return Ok(Names::new()),
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && path.ends_with(LOST_AND_FOUND) =>
            {
                return Ok(Names::new());
            }
            Err(error) => return Err(fail(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let Ok(mut name) = entry.file_name().into_string() else {
                tracing::warn!(file = %entry.path().display(), "file skipped: its name is not UTF-8");
                continue;
            };
            if !name.starts_with(prefix) || key::name(&name).is_err() {
                continue;
            }
            // Folder or not, nothing with this prefix sorts after `after`.
            if name.as_str() < after && !after.starts_with(&name) {
                continue;
            }
            if is_folder(&entry) {
                name.push('/');
            } else if at.len() + name.len() > key::KEY_BYTES {
                tracing::warn!(file = %entry.path().display(), "file skipped: its key is too long");
                continue;
            }
            if name.as_str() > after {
                names.push(Reverse(name));
            }
        }
        Ok(names.into())
    }
}

/// Name of the subfolder of `at` that a key is in: `b` for `a/b/c` at `a/`.
fn folder_of<'k>(key: &'k str, at: &str) -> Option<&'k str> {
    key.strip_prefix(at)?.split_once('/').map(|(folder, _)| folder)
}

fn is_folder(entry: &DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()).is_ok_and(|found| found.is_dir()),
        Ok(kind) => kind.is_dir(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// Sets the folder's modification time to so many seconds ago.
    fn settle(folder: &Path, seconds: u64) {
        let then = SystemTime::now() - Duration::from_secs(seconds);
        fs::File::open(folder).unwrap().set_modified(then).unwrap();
    }

    #[test]
    fn remaining_names_of_a_large_folder_are_cached_for_the_next_page() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..3000 {
            fs::write(folder.path().join(format!("{number:04}")), "").unwrap();
        }
        settle(folder.path(), 60);
        let cache = ListingCache::default();
        let position = |after| ListingPosition::new(&fs::metadata(folder.path()).unwrap(), "", "", after);
        list(folder.path(), &cache, "", "", 1000).unwrap();
        assert!(cache.take(&position("0998").unwrap()).is_none());
        assert_eq!(cache.take(&position("0999").unwrap()).unwrap().len(), 2000);
        // A change of the folder invalidates them.
        list(folder.path(), &cache, "", "", 1000).unwrap();
        settle(folder.path(), 50);
        assert!(cache.take(&position("0999").unwrap()).is_none());
        // A folder that changed just now may change again within the same clock tick.
        settle(folder.path(), 0);
        assert!(position("0999").is_none());
    }
}
