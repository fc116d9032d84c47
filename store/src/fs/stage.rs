//! Bodies on disk, under a temporary name beside the object that they become.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::error::failed;
use crate::error::{ErrorKind, StoreError};
use crate::object::Body;
use verbatim_files::temporary_file::{WithoutLocks, create};

/// Writes a body to disk under a temporary name in `folder`. Dropping the file removes it.
pub(super) fn stage(folder: &Path, body: &Body) -> Result<NamedTempFile, StoreError> {
    let file =
        create(folder, WithoutLocks::Fail).map_err(|error| failed("create a file in", folder, &error))?;
    let write = |error| failed("write a file in", folder, &error);
    match body {
        Body::Bytes(bytes) => file.as_file().write_all(bytes).map_err(write)?,
        Body::File(path) => {
            let mut source = File::open(path).map_err(|error| {
                StoreError::new(ErrorKind::Invalid, format!("failed to read {}: {error}", path.display()))
            })?;
            io::copy(&mut source, &mut file.as_file()).map_err(write)?;
        }
    }
    // In nanoseconds; the kernel would use the time of its last tick. ETags depend on it.
    file.as_file().set_modified(SystemTime::now()).map_err(write)?;
    file.as_file().sync_all().map_err(write)?;
    Ok(file)
}
