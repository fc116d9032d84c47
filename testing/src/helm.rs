//! Helm, and the chart of this repository.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::ControlPlane;

const HELM: &str = "helm";

/// Error of Helm.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Helm cannot be run.
    #[error("failed to run helm: {0} (`scripts/setup.sh helm` builds it, and `make test` puts it on PATH)")]
    Run(#[from] io::Error),
    /// Helm failed.
    #[error("helm {arguments} failed: {message}")]
    Refused {
        /// Arguments of Helm.
        arguments: String,
        /// Its standard error.
        message: String,
    },
}

/// Folder of this repository's chart.
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/verbatim")
}

/// Writes a copy of this repository's chart with version 0.0.9 below `folder`, as its previous release.
/// Returns the folder of the copy.
///
/// # Errors
/// The copy cannot be written.
pub fn older_chart(folder: &Path) -> io::Result<PathBuf> {
    let older = folder.join("verbatim");
    copy(&chart(), &older)?;
    let file = older.join("Chart.yaml");
    let mut text = String::new();
    for line in std::fs::read_to_string(&file)?.lines() {
        text += if line.starts_with("version:") { "version: 0.0.9" } else { line };
        text += "\n";
    }
    std::fs::write(file, text)?;
    Ok(older)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Definition of a kind of the Prometheus operator (`podmonitors`, `servicemonitors`, `prometheusrules`), as
/// YAML.
///
/// # Errors
/// `scripts/setup.sh helm` has not installed the definition.
pub fn prometheus_kind(kind: &str) -> io::Result<String> {
    let tools = std::env::var_os("VERBATIM_TOOLS").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
        Some(cache.join("verbatim/tools"))
    });
    let path = tools.unwrap_or_default().join("prometheus-operator").join(format!("{kind}.yaml"));
    std::fs::read_to_string(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Output of `helm template` for the chart as the release `verbatim` in `verbatim-system`, for the version of
/// Kubernetes that tests run against.
///
/// # Errors
/// [`Error`].
pub fn template(more: &[&str]) -> Result<String, Error> {
    let chart = chart();
    let chart = chart.to_string_lossy();
    let version = crate::cluster::version();
    let ours = ["template", "verbatim", &chart, "--namespace", "verbatim-system", "--kube-version", version];
    run(Command::new(HELM), &[&ours, more].concat())
}

/// Runs Helm as the admin of a control plane, and returns its output. Helm's own files stay in the control
/// plane's folder.
///
/// # Errors
/// [`Error`].
pub fn helm(cluster: &ControlPlane, arguments: &[&str]) -> Result<String, Error> {
    let mut command = Command::new(HELM);
    command.arg("--kubeconfig").arg(cluster.kubeconfig());
    for (variable, folder) in
        [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
    {
        command.env(variable, cluster.folder().join("helm").join(folder));
    }
    run(command, arguments)
}

fn run(mut command: Command, arguments: &[&str]) -> Result<String, Error> {
    let output = command.args(arguments).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Refused { arguments: arguments.join(" "), message })
}
