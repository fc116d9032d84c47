//! Writes the CRD's YAML from its types; `--check` compares instead, for CI.
//!
//! `cargo run -p verbatim-crds --bin crdgen [--check]`

use std::{fs, path::Path, process::ExitCode};

/// How to mend what `--check` finds.
const MEND: &str = "run: cargo run -p verbatim-crds --bin crdgen";

fn main() -> ExitCode {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcriptionjobs.verbatim.dev.yaml");
    let result = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => write(&path),
        [flag] if flag == "--check" => check(&path),
        _ => Err("usage: crdgen [--check]".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("crdgen: {message}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<String, String> {
    verbatim_crds::crd::yaml().map_err(|error| format!("failed to write the CRD as YAML: {error}"))
}

fn write(path: &Path) -> Result<(), String> {
    fs::write(path, generate()?).map_err(|error| format!("failed to write {}: {error}", path.display()))
}

fn check(path: &Path) -> Result<(), String> {
    let wanted = generate()?;
    let found = fs::read_to_string(path)
        .map_err(|error| format!("failed to read {}: {error}; {MEND}", path.display()))?;
    if found == wanted {
        return Ok(());
    }
    let lines = wanted.lines().count().max(found.lines().count());
    let line = (0..lines).find(|&line| wanted.lines().nth(line) != found.lines().nth(line)).unwrap_or(lines);
    let show = |text: &str| text.lines().nth(line).unwrap_or("(end of file)").to_owned();
    Err(format!(
        "{} is not what the types say, from line {} on:\n  types: {}\n  file:  {}\n{MEND}",
        path.display(),
        line + 1,
        show(&wanted),
        show(&found),
    ))
}
