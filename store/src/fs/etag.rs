//! ETag of a file: its inode, size and modification time.
//!
//! Each write creates a new file and renames it, so two consecutive writes have different inodes. An inode
//! may be reused two writes later, within one tick of the clock that the file system takes its timestamps
//! from; therefore [`super::stage`] sets the modification time itself, in nanoseconds. Together, no two
//! writes of a key have the same ETag. On a file system with whole seconds only, a third write of the same
//! size within a second may repeat the first ETag.
//!
//! The inode change time (ctime) is not part of it: links and renames change it, so that the ETag would be
//! unknown before the file has its name, and a `chown -R` over recordings would make all of them new
//! versions.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use crate::object::{self, ETag, Object};

/// The ETag without quotation marks, for file names.
pub(super) fn unquoted(file: &Metadata) -> String {
    format!("{:x}-{:x}-{:x}-{:x}", file.ino(), file.size(), file.mtime(), file.mtime_nsec())
}

/// The ETag as the store returns it.
pub(super) fn of(file: &Metadata) -> ETag {
    ETag::new(format!("\"{}\"", unquoted(file)))
}

/// The object that the file holds.
pub(super) fn object(key: &str, file: &Metadata, metadata: object::Metadata) -> Object {
    Object {
        key: key.to_owned(),
        size: file.size(),
        etag: of(file),
        modified: file.modified().ok(),
        metadata,
    }
}
