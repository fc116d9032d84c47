use std::fs;
use std::path::Path;

use verbatim_crds::destination::{Format, Overwrite};
use verbatim_crds::manifest;
use verbatim_ledger::plan::LeftOut;
use verbatim_protocol::failure::FailureReason;
use verbatim_protocol::options::Device;
use verbatim_protocol::task::{ChannelMode, FileOverrides};

use super::manifest::{JobError, plan};
use super::plan::Plan;
use super::targets::TargetError;
use crate::engine_options::{ModelError, engine_options_from_manifest};

fn spec(fields: &str) -> verbatim_crds::TranscriptionJobSpec {
    let text = format!(
        "apiVersion: verbatim.dev/v1alpha1\nkind: TranscriptionJob\nmetadata: {{name: calls}}\nspec: {fields}\n"
    );
    manifest::parse(&text).unwrap().job.spec
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["calls/x/a.wav", "calls/a.mp3", "calls/drafts/b.wav", "calls/.verbatim/c.wav"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "sound").unwrap();
    }
    folder
}

/// Name and JSON file of each recording, below the base.
fn pairs(plan: &Plan, base: &Path) -> Vec<(String, String)> {
    let text = |path: &Path| path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned();
    plan.recordings.iter().map(|it| (text(&it.name), text(&it.target.path(Format::Json).unwrap()))).collect()
}

fn planned(fields: &str, base: &Path) -> Vec<(String, String)> {
    pairs(&plan(&spec(fields), base).unwrap(), base)
}

fn pair(name: &str, target: &str) -> (String, String) {
    (name.to_owned(), target.to_owned())
}

#[test]
fn layouts() {
    let folder = folder();
    let base = folder.path();
    assert_eq!(
        planned(
            "{source: {file: {path: calls, exclude: ['drafts/**']}}, destination: {file: {path: out}}}",
            base
        ),
        [pair("a.mp3", "out/a.json"), pair("x/a.wav", "out/x/a.json")]
    );
    assert_eq!(
        planned("{source: {file: {path: calls, include: ['*.wav']}}, destination: {layout: Adjacent}}", base),
        [pair("drafts/b.wav", "calls/drafts/b.json"), pair("x/a.wav", "calls/x/a.json")]
    );
    assert_eq!(
        planned("{source: {file: {path: calls}}, destination: {file: {path: out}, layout: Flat}}", base),
        [
            pair("a.mp3", "out/a.mp3.json"),
            pair("drafts/b.wav", "out/b.json"),
            pair("x/a.wav", "out/a.wav.json")
        ]
    );
}

#[test]
fn flat_refuses_two_recordings_of_one_name() {
    let folder = folder();
    fs::write(folder.path().join("calls/a.wav"), "sound").unwrap();
    let spec = spec("{source: {file: {path: calls}}, destination: {file: {path: out}, layout: Flat}}");
    let error = plan(&spec, folder.path()).unwrap_err();
    assert!(matches!(error, JobError::Targets(TargetError::Collision { .. })), "{error:?}");
}

#[test]
fn sources_of_one_file_of_keys_and_of_a_list() {
    let folder = folder();
    let base = folder.path();
    let destination = "destination: {file: {path: out}}";
    assert_eq!(
        planned(&format!("{{source: {{file: {{path: calls/a.mp3}}}}, {destination}}}"), base),
        [pair("a.mp3", "out/a.json")]
    );
    let keys = format!("{{source: {{file: {{path: calls}}, keys: [x/a.wav, gone.wav]}}, {destination}}}");
    let by_keys = plan(&spec(&keys), base).unwrap();
    assert_eq!(pairs(&by_keys, base), [pair("x/a.wav", "out/x/a.json"), pair("gone.wav", "out/gone.json")]);
    assert_eq!(
        by_keys.recordings[1].failure.as_ref().map(|failure| failure.reason),
        Some(FailureReason::NotFound)
    );

    let listed =
        spec(&format!("{{source: {{file: {{path: calls}}, manifest: {{key: list}}}}, {destination}}}"));
    fs::write(base.join("list"), "# wanted\na.mp3\n\n./a.mp3\n").unwrap();
    let by_list = plan(&listed, base).unwrap();
    assert_eq!(pairs(&by_list, base), [pair("a.mp3", "out/a.json")]);
    assert_eq!(by_list.left_out, LeftOut { twice: 1, ..LeftOut::default() });
    fs::write(base.join("list"), "../secret.wav\n").unwrap();
    assert!(matches!(plan(&listed, base), Err(JobError::Line { line: 1, .. })));
    fs::write(base.join("list"), "{\"key\": \"a.mp3\", \"channel\": 1, \"language\": \"en\"}\n").unwrap();
    let planned = plan(&listed, base).unwrap();
    assert_eq!(pairs(&planned, base), [pair("a.mp3", "out/a.json")]);
    assert_eq!(
        planned.recordings[0].overrides,
        FileOverrides { channel: Some(1), language: Some("en".to_owned()) }
    );
    fs::remove_file(base.join("list")).unwrap();
    assert!(matches!(plan(&listed, base), Err(JobError::List { .. })));
}

#[test]
fn buckets_and_missing_sources_are_refused() {
    let base = Path::new("/nowhere");
    let error = |fields: &str| plan(&spec(fields), base).unwrap_err();
    let s3_source = "{source: {s3: {bucket: calls}}, destination: {file: {path: out}}}";
    assert!(matches!(error(s3_source), JobError::SourceInS3));
    let s3_destination = "{source: {file: {path: calls}}, destination: {s3: {bucket: calls}}}";
    assert!(matches!(error(s3_destination), JobError::DestinationInS3));
    let missing = "{source: {file: {path: calls}}, destination: {file: {path: out}}}";
    assert!(matches!(error(missing), JobError::Source { .. }));
    let model = spec(
        "{model: {uri: 's3://models/x/'}, source: {file: {path: calls}}, destination: {file: {path: out}}}",
    );
    assert!(matches!(engine_options_from_manifest(&model, base, Device::Auto, 1), Err(ModelError::InS3)));
}

#[test]
fn settings_of_the_manifest_reach_the_engine() {
    let spec = spec(
        "{model: {uri: 'file:///models/mine'}, source: {file: {path: calls}}, \
         destination: {file: {path: out}, formats: [SRT, JSON], overwrite: Never}, \
         recognition: {language: en, channels: Split, vad: {threshold: 0.7, maxSpeechSeconds: 9}}, \
         batching: {maxPaddedSeconds: 60}}",
    );
    let options = engine_options_from_manifest(&spec, Path::new("."), Device::Cpu, 3).unwrap();
    assert_eq!((options.model.as_str(), options.language.as_deref()), ("/models/mine", Some("en")));
    assert_eq!((options.device, options.threads, options.channels), (Device::Cpu, 3, ChannelMode::Split));
    assert_eq!((options.vad.threshold, options.vad.max_speech_seconds), (0.7, 9.0));
    assert_eq!(options.max_padded_seconds, 60.0);
    assert_eq!(spec.destination.formats, [Format::Srt, Format::Json]);
    assert_eq!(spec.destination.overwrite, Overwrite::Never);
}
