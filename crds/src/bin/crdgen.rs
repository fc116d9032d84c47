//! Writes the files that are generated from the API's types and the contract: the CRD, its reference, and Go
//! constants. `--check` compares them instead, for CI.
//!
//! `cargo run -p verbatim-crds --bin crdgen [--check]`

use std::{fs, path::Path, process::ExitCode};

use verbatim_crds::{crd, go_names, reference};

/// Generates the content of a file.
type Generate = fn() -> Result<String, String>;

/// Generated files, relative to the repository's root.
const FILES: [(&str, Generate); 4] = [
    ("crds/transcriptionjobs.verbatim.dev.yaml", crd_yaml),
    ("charts/verbatim/files/crds/transcriptionjobs.verbatim.dev.yaml", crd_yaml),
    ("docs/api.md", || Ok(reference::markdown())),
    ("deploy/dashboards/generator/contract/names.go", || Ok(go_names::file())),
];

/// Fix for the findings of `--check`.
const FIX: &str = "run: cargo run -p verbatim-crds --bin crdgen";

fn main() -> ExitCode {
    let step = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => write,
        [flag] if flag == "--check" => check,
        _ => {
            eprintln!("usage: crdgen [--check]");
            return ExitCode::FAILURE;
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let failures: Vec<String> = FILES
        .into_iter()
        .filter_map(|(file, generate)| generate().and_then(|content| step(&root.join(file), &content)).err())
        .collect();
    for failure in &failures {
        eprintln!("crdgen: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn crd_yaml() -> Result<String, String> {
    crd::yaml().map_err(|error| format!("failed to write the CRD as YAML: {error}"))
}

fn write(path: &Path, content: &str) -> Result<(), String> {
    let failed = |error| format!("failed to write {}: {error}", path.display());
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    fs::write(path, content).map_err(failed)
}

fn check(path: &Path, wanted: &str) -> Result<(), String> {
    let found = fs::read_to_string(path)
        .map_err(|error| format!("failed to read {}: {error}; {FIX}", path.display()))?;
    if found == wanted {
        return Ok(());
    }
    let lines = wanted.lines().count().max(found.lines().count());
    let line = (0..lines).find(|&line| wanted.lines().nth(line) != found.lines().nth(line)).unwrap_or(lines);
    let show = |text: &str| text.lines().nth(line).unwrap_or("(end of file)").to_owned();
    Err(format!(
        "{} differs from the types from line {} on:\n  types: {}\n  file:  {}\n{FIX}",
        path.display(),
        line + 1,
        show(wanted),
        show(&found),
    ))
}
