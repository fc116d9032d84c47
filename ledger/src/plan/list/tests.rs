use proptest::prelude::*;

use super::entry::{MAX_ID, MAX_LINE, is_language};
use super::*;
use crate::plan::error::LineProblem;

#[derive(Debug, PartialEq)]
enum Stop {
    Line(u64, LineProblem),
    Io,
}

impl From<ListError> for Stop {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Line(line, problem) => Self::Line(line, problem),
            ListError::Io(_) => Self::Io,
        }
    }
}

fn entries(key: &str, list: &[u8]) -> Result<Vec<(u64, ListEntry)>, Stop> {
    let mut entries = Vec::new();
    read(key, list, &mut |line, entry| {
        entries.push((line, entry));
        Ok::<_, Stop>(())
    })?;
    Ok(entries)
}

fn problem(key: &str, list: &[u8]) -> (u64, LineProblem) {
    match entries(key, list).unwrap_err() {
        Stop::Line(line, problem) => (line, problem),
        Stop::Io => panic!("memory cannot fail"),
    }
}

fn named(name: &str) -> ListEntry {
    ListEntry { name: name.to_owned(), ..ListEntry::default() }
}

fn full() -> ListEntry {
    ListEntry {
        name: "x/a, b.wav".to_owned(),
        language: Some("pt-BR".to_owned()),
        channel: Some(1),
        id: Some("case \"7\"".to_owned()),
    }
}

#[test]
fn names_one_per_line() {
    let list = "\u{feff}# wanted\r\na b.wav\r\n\n./x/./b.wav\nc//d.wav".as_bytes();
    let expected = [(2, named("a b.wav")), (4, named("x/b.wav")), (5, named("c//d.wav"))];
    assert_eq!(entries("calls.txt", list).unwrap(), expected);
    assert_eq!(entries("list", b"").unwrap(), []);
}

#[test]
fn json_lines_by_extension_and_by_first_byte() {
    let list = br#"{"key": "x/a, b.wav", "language": "pt-BR", "channel": 1, "id": "case \"7\"", "more": {}}

{"key": "b.wav", "language": null}"#;
    for key in ["a.jsonl", "a.NDJSON", "list", "a.txt"] {
        assert_eq!(entries(key, list).unwrap(), [(1, full()), (3, named("b.wav"))], "{key}");
    }
}

#[test]
fn csv_by_extension() {
    let list =
        b"\xef\xbb\xbfduration,ID,key,language,channel\r\n3,\"case \"\"7\"\"\",\"x/a, b.wav\",pt-BR,1\r\n\
        ,,b.wav,,\n";
    assert_eq!(entries("a.csv", list).unwrap(), [(2, full()), (3, named("b.wav"))]);
    assert_eq!(entries("a.csv", b"").unwrap(), []);
}

#[test]
fn errors_name_the_line() {
    let outside = |name: &str| LineProblem::Outside(name.to_owned());
    assert_eq!(problem("l", b"a.wav\n../secret.wav\n"), (2, outside("../secret.wav")));
    assert_eq!(problem("l", b"/etc/passwd"), (1, outside("/etc/passwd")));
    assert_eq!(problem("l", b"a/../../b.wav"), (1, outside("a/../../b.wav")));
    assert_eq!(problem("l", b"./.\n"), (1, LineProblem::NoName));
    assert_eq!(problem("l", b"a\n\xff\n"), (2, LineProblem::NotText));
    assert_eq!(problem("l", &[b'a'; MAX_NAME + 1]), (1, LineProblem::LongName(MAX_NAME)));
    assert_eq!(problem("l", &[b'a'; 10 * MAX_LINE]), (1, LineProblem::LongLine(MAX_LINE)));
    assert!(matches!(problem("l.jsonl", b"\n\na.wav"), (3, LineProblem::Json(_))));
    assert!(matches!(problem("l", b"{\"name\": 1}"), (1, LineProblem::Json(_))));
    let code = b"{\"key\": \"a\", \"language\": \"English\"}";
    assert_eq!(problem("l", code), (1, LineProblem::Language("English".to_owned())));
    let id = format!("{{\"key\": \"a\", \"id\": \"{}\"}}", "i".repeat(MAX_ID + 1));
    assert_eq!(problem("l", id.as_bytes()), (1, LineProblem::LongId(MAX_ID)));
}

#[test]
fn csv_errors_name_the_line() {
    assert_eq!(problem("l.csv", b"name\na.wav\n"), (1, LineProblem::NoKeyColumn));
    assert_eq!(problem("l.csv", b"key,id\n,7\n"), (2, LineProblem::NoName));
    assert_eq!(problem("l.csv", b"key,channel\na,left\n"), (2, LineProblem::Channel("left".to_owned())));
    assert_eq!(problem("l.csv", b"key\na\n\xff\n"), (3, LineProblem::NotText));
    assert!(matches!(problem("l.csv", b"key,id\na\n"), (2, LineProblem::Csv(_))));
    assert!(matches!(problem("l.csv", b"key,id\r\na,1\r\na\r\n"), (3, LineProblem::Csv(_))));
    let open = [&b"key\na.wav\n\"b\n"[..], &b"x\n".repeat(10 * MAX_LINE)].concat();
    assert_eq!(problem("l.csv", &open), (3, LineProblem::LongLine(MAX_LINE)));
}

#[test]
fn a_csv_list_may_be_longer_than_the_longest_line() {
    let list = [&b"key\n"[..], &b"some/name.wav\n".repeat(100_000)].concat();
    assert_eq!(entries("l.csv", &list).unwrap().len(), 100_000);
}

#[test]
fn language_codes() {
    for code in ["en", "pt-BR", "zh-Hant-TW", "yue"] {
        assert!(is_language(code), "{code}");
    }
    for code in ["", "e", "EN", "english", "en-", "en-x", "en--US", "en US"] {
        assert!(!is_language(code), "{code}");
    }
}

proptest! {
    #[test]
    fn no_input_causes_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), form in 0..3usize) {
        for (_, entry) in entries(["l", "l.jsonl", "l.csv"][form], &bytes).unwrap_or_default() {
            prop_assert!(!entry.name.starts_with('/') && !entry.name.split('/').any(|part| part == ".."));
        }
    }

    #[test]
    fn names_survive_each_format(names in prop::collection::vec("[a-z\" ,é]{1,9}\\.wav", 1..20)) {
        let json: String = names.iter().map(|name| format!("{}\n", serde_json::json!({"key": name}))).collect();
        let csv = names.iter().fold("key\n".to_owned(), |csv, name| {
            csv + "\"" + &name.replace('"', "\"\"") + "\"\n"
        });
        for (key, list) in [("l", names.join("\n")), ("l.jsonl", json), ("l.csv", csv)] {
            let read = entries(key, list.as_bytes()).unwrap();
            prop_assert_eq!(read.into_iter().map(|(_, entry)| entry.name).collect::<Vec<_>>(), &names[..]);
        }
    }
}
