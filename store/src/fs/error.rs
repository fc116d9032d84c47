//! Mapping of file system errors to errors of a store.

use std::io;
use std::path::Path;

use crate::error::{ErrorKind, StoreError};

/// Error of an operation (`doing`, such as `read`) on a path.
pub(super) fn failed(doing: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::new(kind(error), format!("failed to {doing} {}: {error}", path.display()))
}

/// Whether nothing exists at the path.
pub(super) fn is_not_found(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) || is_loop(error)
}

fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

fn kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::AccessDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ErrorKind::NoSpace
        }
        io::ErrorKind::InvalidFilename
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory => ErrorKind::Invalid,
        io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        // A network file system whose server has no locks.
        _ if error.raw_os_error() == Some(libc::ENOLCK) => ErrorKind::Unsupported,
        _ if is_loop(error) => ErrorKind::Invalid,
        // A failing disk, an unreachable file server, too many open files.
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_error_has_a_kind_and_names_the_path() {
        for (code, kind) in [
            (libc::ENOENT, ErrorKind::NotFound),
            (libc::EACCES, ErrorKind::AccessDenied),
            (libc::EPERM, ErrorKind::AccessDenied),
            (libc::EROFS, ErrorKind::AccessDenied),
            (libc::ENOSPC, ErrorKind::NoSpace),
            (libc::EDQUOT, ErrorKind::NoSpace),
            (libc::EFBIG, ErrorKind::NoSpace),
            (libc::ENAMETOOLONG, ErrorKind::Invalid),
            (libc::ENOTDIR, ErrorKind::Invalid),
            (libc::EISDIR, ErrorKind::Invalid),
            (libc::ELOOP, ErrorKind::Invalid),
            (libc::ENOSYS, ErrorKind::Unsupported),
            (libc::EOPNOTSUPP, ErrorKind::Unsupported),
            (libc::ENOLCK, ErrorKind::Unsupported),
            (libc::EIO, ErrorKind::Unavailable),
            (libc::ESTALE, ErrorKind::Unavailable),
            (libc::EMFILE, ErrorKind::Unavailable),
        ] {
            let error = failed("write", Path::new("/data/x"), &io::Error::from_raw_os_error(code));
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.starts_with("failed to write /data/x: "), "{error}");
        }
    }
}
