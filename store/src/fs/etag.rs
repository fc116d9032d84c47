//! The tag of a file: its inode, size and time of change.
//!
//! Each write is a new file that gets its name by a rename, so two writes in a row have two inodes. The inode of a
//! write before the last may come back, within the tick of the clock that file systems stamp files with: therefore
//! [`super::stage`] stamps each file itself, in nanoseconds. Together no two writes of a key have the same tag. Where
//! a file system keeps whole seconds only, a third write of as many bytes within the second may repeat the first's tag.
//!
//! The time of the inode's change (ctime) is no part: linking and renaming change it, so the tag would not be known
//! before the file has its name; and a `chown -R` over recordings would make all of them new.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use crate::object::{self, ETag, Object};

/// The tag without quotation marks, as names of files can have it.
pub(super) fn unquoted(file: &Metadata) -> String {
    format!("{:x}-{:x}-{:x}-{:x}", file.ino(), file.size(), file.mtime(), file.mtime_nsec())
}

/// The tag as the store gives it.
pub(super) fn of(file: &Metadata) -> ETag {
    ETag::new(format!("\"{}\"", unquoted(file)))
}

/// What is known of the object that the file is.
pub(super) fn object(key: &str, file: &Metadata, metadata: object::Metadata) -> Object {
    Object {
        key: key.to_owned(),
        size: file.size(),
        etag: of(file),
        modified: file.modified().ok(),
        metadata,
    }
}
