//! The table of formats in `docs/formats.md`: made of what was read from one file of each.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use verbatim_ffmpeg::{Decoder, Format, Input};
use verbatim_fixtures::signal::fixture;

use crate::decode_formats::CASES;

const START: &str = "<!-- formats: start -->\n";
const END: &str = "<!-- formats: end -->";

fn table() -> String {
    let mut rows = BTreeSet::new();
    for case in CASES {
        let path = fixture(case.file);
        let extension = path.extension().unwrap().to_str().unwrap().to_owned();
        // Files without a header are known by their names.
        let format = match extension.as_str() {
            "g722" => Some("g722"),
            "al" => Some("alaw"),
            "ul" => Some("mulaw"),
            "sbc" => Some("sbc"),
            _ => None,
        };
        let format = format.map(|name| Format { name, options: "" });
        let input = Input::open(Box::new(fs::File::open(&path).unwrap()), format).unwrap();
        let track = input.streams().iter().position(|stream| stream.is_audio).unwrap();
        let decoder = Decoder::open(&input, track).unwrap();
        rows.insert((input.format_title(), decoder.codec_title(), extension));
    }
    let mut table = "| container | codec | read in the test |\n|---|---|---|\n".to_owned();
    for (container, codec, extension) in rows {
        let _ = writeln!(table, "| {container} | {codec} | `.{extension}` |");
    }
    table
}

#[test]
fn the_documented_formats_are_those_that_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{START}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(found, table, "run: make generate");
}
