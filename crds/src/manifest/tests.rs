//! A valid manifest with one change at a time, and properties of all manifests.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    destination::{Format, Layout},
    quantity::{Bytes, Files, Memory},
    source::FileSource,
};

/// Line 1 is `apiVersion`; tests count from there.
const VALID: &str = "\
apiVersion: verbatim.dev/v1alpha1
kind: TranscriptionJob
metadata:
  name: calls
spec:
  source:
    file:
      path: calls
  destination:
    file: {path: out}
    formats: [JSON, SRT]
";

/// The valid manifest with `from` replaced by `to`.
fn broken(from: &str, to: &str) -> ManifestError {
    assert!(VALID.contains(from), "the fixture has no {from:?}");
    parse(&VALID.replace(from, to)).expect_err(to)
}

fn message(from: &str, to: &str) -> String {
    broken(from, to).to_string()
}

#[test]
fn a_valid_manifest_gets_its_defaults() {
    let Manifest { job, ignored } = parse(VALID).unwrap();
    assert!(ignored.is_empty());
    assert_eq!(job.metadata.name.as_deref(), Some("calls"));
    assert_eq!(job.spec.source.file, Some(FileSource { path: "calls".into(), ..FileSource::default() }));
    assert_eq!(job.spec.destination.formats, [Format::Json, Format::Srt]);
    assert_eq!(job.spec.destination.layout, Layout::Mirror);
    assert_eq!(job.spec.model.name.as_deref(), Some("moonshine-tiny-en"));
    assert_eq!(job.spec.batching.gpu_memory_budget, Memory::Percent(80));
    assert_eq!(job.spec.recycle.memory_growth_per_hour, Bytes(200 << 20));
    assert_eq!(job.spec.failure_policy.max_failed_files, Files::Percent(5));
}

#[test]
fn json_is_a_manifest_too() {
    let json = serde_json::to_string(&parse(VALID).unwrap().job).unwrap();
    assert_eq!(parse(&json).unwrap(), parse(VALID).unwrap());
}

#[test]
fn null_equals_absent() {
    let text = VALID.replace("      path: calls", "      path: calls\n      include:\n      exclude: null");
    assert_eq!(parse(&text).unwrap(), parse(VALID).unwrap());
}

#[test]
fn unknown_fields_have_suggestions() {
    assert_eq!(
        message("  destination:", "  destnation: {}\n  destination:"),
        "line 9, column 3: spec.destnation: unknown field, did you mean \"destination\"?"
    );
    assert_eq!(
        message("    formats", "    vad: {}\n    formats"),
        "line 11, column 5: spec.destination.vad: unknown field, it belongs to spec.recognition"
    );
    assert_eq!(
        message("    file: {path: out}", "    file: {path: out, colour: red}"),
        "line 10, column 23: spec.destination.file.colour: unknown field, expected one of path"
    );
    assert_eq!(
        message("  name: calls", "  name: calls\n  lables: {}"),
        "line 5, column 3: metadata.lables: unknown field, did you mean \"labels\"?"
    );
    assert_eq!(
        message("spec:", "spce: 1\nspec:"),
        "line 5, column 1: spce: unknown field, did you mean \"spec\"?"
    );
}

#[test]
fn invalid_values_are_reported() {
    assert_eq!(
        message("SRT", "STR"),
        "line 11, column 21: spec.destination.formats[1]: unknown value \"STR\", did you mean \"SRT\"?"
    );
    assert_eq!(
        message("SRT", "docx"),
        "line 11, column 21: spec.destination.formats[1]: unknown value \"docx\", expected one of JSON, SRT, VTT, TXT"
    );
    assert_eq!(message("SRT", "JSON"), "line 11, column 21: spec.destination.formats[1]: is a duplicate");
    assert_eq!(
        message("[JSON, SRT]", "[]"),
        "line 11, column 14: spec.destination.formats: nothing is too small: the minimum is 1 entry"
    );
    assert_eq!(
        message("path: calls", "path: 2026"),
        "line 8, column 13: spec.source.file.path: expected text, found the number 2026: put it in quotes"
    );
    assert_eq!(
        message("[JSON, SRT]", "JSON"),
        "line 11, column 14: spec.destination.formats: expected a list, found the text \"JSON\""
    );
    assert_eq!(
        message("spec:\n", "spec:\n  batching: {gpuMemoryBudget: 80 percent}\n"),
        "line 6, column 31: spec.batching.gpuMemoryBudget: invalid value \"80 percent\": write a percentage or bytes, e.g. 80% or 6Gi"
    );
    assert_eq!(
        message("spec:\n", "spec:\n  batching: {maxPaddedSeconds: 1000000}\n"),
        "line 6, column 32: spec.batching.maxPaddedSeconds: 1000000 is too large: the maximum is 14400"
    );
    assert_eq!(
        message("spec:\n", "spec:\n  batching: {maxPaddedSeconds: 1.5}\n"),
        "line 6, column 32: spec.batching.maxPaddedSeconds: expected a whole number, found the number 1.5"
    );
    assert_eq!(
        message("      path: calls", "      include: []"),
        "line 8, column 7: spec.source.file.path: missing"
    );
}

#[test]
fn problems_are_reported_together() {
    let text = VALID.replace("source", "sorce").replace("SRT", "STR");
    assert_eq!(
        parse(&text).unwrap_err().to_string(),
        "3 problems:\n  line 6, column 3: spec.sorce: unknown field, did you mean \"source\"?\
         \n  line 6, column 3: spec.source: missing\
         \n  line 11, column 21: spec.destination.formats[1]: unknown value \"STR\", did you mean \"SRT\"?"
    );
}

#[test]
fn validation_errors_have_positions() {
    assert_eq!(
        message("    file: {path: out}\n", ""),
        "line 9, column 3: spec.destination: set either s3 or file of the destination"
    );
    assert_eq!(
        message("spec:\n", "spec:\n  scaling: {minWorkers: 20}\n"),
        "line 6, column 13: spec.scaling.minWorkers: must not exceed maxWorkers"
    );
}

#[test]
fn version_and_kind_are_checked_first() {
    assert_eq!(
        message("verbatim.dev/v1alpha1", "verbatim.dev/v1"),
        "line 1, column 13: apiVersion: expected \"verbatim.dev/v1alpha1\", found \"verbatim.dev/v1\""
    );
    assert_eq!(
        message("TranscriptionJob", "TranscriptionsJob"),
        "line 2, column 7: kind: expected \"TranscriptionJob\", found \"TranscriptionsJob\""
    );
    assert_eq!(message("kind: TranscriptionJob\n", ""), "line 1, column 1: kind: missing");
}

#[test]
fn other_documents_are_ignored_and_listed() {
    let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s3}}\n---\n{VALID}---\n");
    let ignored = parse(&text).unwrap().ignored;
    assert_eq!(ignored, [Ignored { kind: "Secret".into(), name: Some("s3".into()), line: 1 }]);
    // Lines count in the file, not in the document.
    let error = parse(&text.replace("SRT", "STR")).unwrap_err().to_string();
    assert!(error.starts_with("line 15, column 21: spec.destination.formats[1]"), "{error}");
}

#[test]
fn exactly_one_job_is_required() {
    assert_eq!(
        parse(&format!("{VALID}---\n{VALID}")).unwrap_err().to_string(),
        "the manifest has 2 TranscriptionJobs, but a run takes one: they begin at lines 1, 13"
    );
    assert_eq!(
        parse("apiVersion: v1\nkind: Secret\n").unwrap_err().to_string(),
        "the manifest has no TranscriptionJob, only Secret"
    );
    assert_eq!(
        parse("# nothing\n").unwrap_err().to_string(),
        "the manifest has no TranscriptionJob: it is empty"
    );
    assert_eq!(
        parse("just words").unwrap_err().to_string(),
        "line 1, column 1: expected fields, found the text \"just words\""
    );
}

#[test]
fn syntax_errors_have_positions() {
    for (from, to) in [("[JSON, SRT]", "[JSON, SRT"), ("  source:", "\tsource:"), ("kind:", "kind: x\nkind:")]
    {
        match broken(from, to) {
            ManifestError::Syntax { line, message, .. } => {
                assert!((1..=13).contains(&line), "{to:?}: line {line}");
                assert!(!message.is_empty() && !message.contains('\n'), "{message}");
            }
            other => panic!("{to:?}: {other}"),
        }
    }
}

#[test]
fn hostile_text_is_rejected() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let before = level - 1;
        let all = vec![format!("*a{before}"); 9].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{all}]").unwrap();
    }
    let deep_flow = "[".repeat(100_000);
    let mut deep_block = String::new();
    for level in 0..200 {
        writeln!(deep_block, "{}a:", " ".repeat(level)).unwrap();
    }
    let deep_json = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));
    let wide = "- 1\n".repeat(100_000);
    for text in [laughs, deep_flow, deep_block, deep_json, wide] {
        let error = parse(&text).unwrap_err();
        assert!(
            matches!(error, ManifestError::TooComplex { .. } | ManifestError::Syntax { .. }),
            "{error}: {}",
            &text[..40]
        );
    }
    assert!(matches!(parse(&" ".repeat(MAX_BYTES + 1)), Err(ManifestError::TooLarge { .. })));
}

#[test]
fn files_are_loaded_within_limits() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert_eq!(load(&file("job.yaml", VALID.as_bytes())).unwrap(), parse(VALID).unwrap());
    assert!(matches!(load(&file("latin1.yaml", b"a: \xff")), Err(ManifestError::NotText { at: 3 })));
    assert!(matches!(
        load(&file("big.yaml", &vec![b' '; MAX_BYTES + 2])),
        Err(ManifestError::TooLarge { .. })
    ));
    let missing = load(&folder.path().join("none.yaml")).unwrap_err();
    assert!(matches!(missing, ManifestError::Read { .. }));
    assert!(missing.to_string().ends_with("none.yaml"));
}

#[test]
fn relative_paths_start_at_the_manifest() {
    assert_eq!(base(Path::new("deploy/samples/demo.yaml")), Path::new("deploy/samples"));
    assert_eq!(base(Path::new("demo.yaml")), Path::new("."));
    assert_eq!(base(Path::new("-")), Path::new("."));
}

#[test]
fn unreadable_values_keep_their_source() {
    let error = read(json!({"apiVersion": 1})).unwrap_err();
    assert!(matches!(error, ManifestError::Unreadable { .. }));
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn samples_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/samples");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let manifest = load(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        names.push((path.file_name().unwrap().to_string_lossy().into_owned(), manifest));
    }
    names.sort_by(|left, right| left.0.cmp(&right.0));
    let spec = |file: &str| &names.iter().find(|(name, _)| name == file).unwrap().1.job.spec;
    assert!(names.len() >= 16);
    assert_eq!(spec("demo.yaml").source.file.as_ref().unwrap().path, "../../target/demo/audio");
    assert_eq!(spec("demo.yaml").destination.formats, Format::ALL);
    let template = &spec("s3.yaml").template;
    assert_eq!(template["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"], 1);

    let local = ["demo.yaml", "local-folder.yaml"];
    for (name, manifest) in names.iter().filter(|(name, _)| !local.contains(&name.as_str())) {
        assert_eq!(validate::in_cluster(&manifest.job), [], "{name}");
    }
    let jobs: std::collections::BTreeSet<_> =
        names.iter().filter_map(|(_, manifest)| manifest.job.metadata.name.as_deref()).collect();
    // All of them can coexist.
    assert_eq!(jobs.len(), names.len());

    // local-folder.yaml shows the defaults, except for source, destination, language and the derived
    // threshold.
    let shown = spec("local-folder.yaml");
    let mut defaults = crate::TranscriptionJobSpec {
        source: shown.source.clone(),
        destination: shown.destination.clone(),
        ..Default::default()
    };
    defaults.recognition.language = Some("en".into());
    defaults.recognition.vad.negative_threshold = Some(0.35);
    assert_eq!(shown, &defaults);
}

/// Every field occurs in a sample, with a comment or a value that explains it.
#[test]
fn samples_show_every_field() {
    fn fields(schema: &serde_json::Value, found: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            found.push(name.clone());
            fields(field, found);
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/samples");
    let texts =
        std::fs::read_dir(&folder).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()));
    let text = texts.collect::<Result<String, _>>().unwrap();
    let mut all = Vec::new();
    fields(
        &crate::crd::json()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"],
        &mut all,
    );
    for field in all {
        assert!(text.contains(&format!("{field}:")), "no sample shows {field}");
    }
}

prop_compose! {
    fn jobs()(
        path in "[a-z/ ]{1,20}",
        formats in proptest::sample::subsequence(Format::ALL.to_vec(), 1..=4),
        keys in proptest::option::of(proptest::collection::btree_set("[a-zA-Z0-9 :#'\"{}\\[\\],&*!|>%@`~\\u{e9}-]{1,12}", 1..5)),
        threshold in 0.0..=1.0_f64,
        percent in 1..=100_u8,
        bytes in 0..=999_999_999_999_999_u64,
        failed in 0..=1000_u64,
        suspend in any::<bool>(),
        ttl in proptest::option::of(0..1000_u32),
        label in "[a-z]{0,5}",
    ) -> TranscriptionJob {
        let mut job = parse(VALID).unwrap().job;
        job.metadata.labels = Some([("team".to_owned(), label)].into());
        let spec = &mut job.spec;
        spec.source.file = Some(FileSource { path, ..FileSource::default() });
        spec.source.keys = keys.map(|keys| keys.into_iter().collect());
        spec.destination.formats = formats;
        spec.recognition.vad.threshold = threshold;
        spec.recycle.memory_soft_limit = Memory::Percent(percent);
        spec.recycle.memory_hard_limit = Memory::Percent(100);
        spec.recycle.memory_growth_per_hour = Bytes(bytes);
        spec.failure_policy.max_failed_files = Files::Count(failed);
        spec.suspend = suspend;
        spec.ttl_seconds_after_finished = ttl;
        job
    }
}

proptest! {
    #[test]
    fn serialized_jobs_parse(job in jobs()) {
        let yaml = serde_saphyr::to_string(&job).unwrap();
        prop_assert_eq!(&parse(&yaml).map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?.job, &job);
        let json = serde_json::to_string(&job).unwrap();
        prop_assert_eq!(parse(&json).unwrap().job, job);
    }

    /// An unknown field is reported with its path, anywhere except in the pod template.
    #[test]
    fn unknown_fields_are_always_reported(name in "x[a-z]{1,20}q", place in any::<proptest::sample::Index>()) {
        let mut document = json!(parse(VALID).unwrap().job);
        let mut places = Vec::new();
        objects(&document, "", &mut places);
        let pointer: &String = place.get(&places);
        document.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert(name.clone(), json!(1));
        let path = format!("{}/{name}", pointer).trim_start_matches('/').replace('/', ".");
        match parse(&document.to_string()) {
            Err(ManifestError::Invalid { problems }) => {
                prop_assert_eq!(problems.len(), 1);
                prop_assert_eq!(&problems[0].path, &path);
                prop_assert!(matches!(problems[0].kind, ProblemKind::UnknownField(_)));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn no_text_panics(text in "[a-z:{}\\[\\]&*!|>%@`~#,'\" \n\t-]{0,200}") {
        let _ = parse(&text);
        let _ = parse(&VALID.replace("calls", &text));
    }
}

fn objects(value: &serde_json::Value, pointer: &str, places: &mut Vec<String>) {
    if let Some(fields) = value.as_object() {
        places.push(pointer.to_owned());
        fields.iter().for_each(|(name, value)| objects(value, &format!("{pointer}/{name}"), places));
    }
}
