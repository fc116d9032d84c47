//! Lists with a channel and a language per recording, over a bucket and over a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::bucket::Bucket;
use crate::machine::shared;
use crate::processes::{Running, verbatim, write_mono};
use serde_json::Value;
use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::model::sample;
use verbatim_fixtures::wav::Wav;

/// Stereo with two speakers, stereo with one speaker, British English, mono without the channel, and German,
/// which the English model does not support.
const LIST: &str = r#"{"key": "two.wav", "channel": 1, "id": "the answer"}
{"key": "half.wav", "channel": 1}
{"key": "british.wav", "language": "en-GB"}
{"key": "narrow.wav", "channel": 1}
{"key": "german.wav", "language": "de"}
"#;

/// Writes the recordings, and each of the two speakers alone into `alone`. Returns the two texts.
fn write(recordings: &Path, alone: &Path) -> [String; 2] {
    for folder in [recordings, alone] {
        fs::create_dir_all(folder).unwrap();
    }
    let all = samples(&sample("two_cities.wav"));
    let speakers = [all[..64_000].to_vec(), all[160_000..224_000].to_vec()];
    let silence = vec![0.0; 64_000];
    let stereo = |name: &str, channels: [Vec<f32>; 2]| {
        fs::write(recordings.join(name), Wav::s16(16_000, &channels).bytes()).unwrap();
    };
    stereo("two.wav", speakers.clone());
    stereo("half.wav", [speakers[0].clone(), silence]);
    for name in ["british.wav", "narrow.wav", "german.wav"] {
        write_mono(&recordings.join(name), &speakers[0]);
    }
    for (name, speaker) in ["0.wav", "1.wav"].into_iter().zip(&speakers) {
        write_mono(&alone.join(name), speaker);
    }
    let out = alone.join("out");
    let done = verbatim(alone).args(["transcribe", "-q", ".", "-o"]).arg(&out).status().unwrap();
    assert!(done.success());
    let text = |name: &str| {
        let json = fs::read(out.join(name)).unwrap();
        serde_json::from_slice::<Value>(&json).unwrap()["text"].as_str().unwrap().to_owned()
    };
    let texts = [text("0.json"), text("1.json")];
    assert!(texts[0] != texts[1] && texts.iter().all(|text| !text.is_empty()), "{texts:?}");
    texts
}

/// Checks the transcripts of the list's recordings. `channel` is the one of `two.wav`.
#[track_caller]
fn check(file: &dyn Fn(&str) -> Option<Vec<u8>>, texts: &[String; 2], channel: usize) {
    let json = |name: &str| -> Value { serde_json::from_slice(&file(name).unwrap()).unwrap() };
    let two = json("two.json");
    assert_eq!(two["text"], texts[channel]);
    assert_eq!((&two["channel"], &two["audio"]["channels"]), (&Value::from(channel), &Value::from(2)));
    let segments = two["segments"].as_array().unwrap();
    assert!(segments.iter().all(|segment| segment["channel"] == channel), "{two}");
    let lines = String::from_utf8(file("two.txt").unwrap()).unwrap();
    assert_eq!(lines.lines().collect::<Vec<_>>().join(" "), texts[channel]);
    let half = json("half.json");
    assert_eq!((&half["text"], &half["channel"]), (&Value::from(""), &Value::from(1)));
    let british = json("british.json");
    assert_eq!(
        (&british["text"], &british["language"]),
        (&Value::from(texts[0].as_str()), &Value::from("en"))
    );
    assert!(british.get("channel").is_none() && british["config_digest"] != half["config_digest"]);
    for name in ["narrow.json", "german.json"] {
        assert!(file(name).is_none(), "{name}");
    }
}

#[test]
fn a_list_sets_channel_and_language_of_objects() {
    let _machine = shared();
    let bucket = Bucket::new(0);
    let texts = write(&bucket.recordings(), &bucket.folder.path().join("alone"));
    bucket.upload();
    let text = fs::read_to_string(bucket.manifest("listed", &bucket.server.endpoint(), "")).unwrap();
    let run = |name: &str, list: &str| {
        bucket.put(vec![("list.jsonl".to_owned(), list.as_bytes().to_vec())], None);
        let manifest = bucket.folder.path().join(format!("{name}.yaml"));
        let text = text.replace("metadata: {name: listed}", &format!("metadata: {{name: {name}}}"));
        fs::write(&manifest, text.replace("source: {", "source: {manifest: {key: list.jsonl}, ")).unwrap();
        let (code, stderr) = bucket.start("run", &manifest, &[]).end();
        assert_eq!(code, 1, "{stderr}");
        let objects = bucket.objects("listed");
        let file = |name: &str| objects.get(name).cloned();
        check(&file, &texts, usize::from(!list.contains("\"channel\": 0")));
        stderr
    };
    let stderr = run("first", LIST);
    assert!(stderr.contains("The job: 5 files, 3 transcribed, 0 skipped, 2 failed"), "{stderr}");
    let report: BTreeMap<String, Value> = bucket.report("listed");
    for (name, reason, words) in [
        ("in/narrow.wav", "UnsupportedAudio", "no channel 1"),
        ("in/german.wav", "UnsupportedLanguage", "writes en, not de"),
    ] {
        assert_eq!(report[name]["reason"], reason);
        assert!(report[name]["message"].as_str().unwrap().contains(words), "{}", report[name]);
    }
    assert_eq!(report["in/two.wav"]["id"], "the answer");

    // A recording whose entry changes is stale; the others stay fresh.
    let stderr = run("second", &LIST.replacen("\"channel\": 1", "\"channel\": 0", 1));
    assert!(stderr.contains("The job: 5 files, 1 transcribed, 2 skipped, 2 failed"), "{stderr}");
    let stderr = run("third", &LIST.replacen("\"channel\": 1", "\"channel\": 0", 1));
    assert!(stderr.contains("The job: 5 files, 0 transcribed, 3 skipped, 2 failed"), "{stderr}");
}

#[test]
fn a_list_sets_channel_and_language_of_files() {
    let _machine = shared();
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let texts = write(&base.join("calls"), &base.join("alone"));
    let manifest = base.join("job.yaml");
    fs::write(
        &manifest,
        "apiVersion: verbatim.dev/v1alpha1\nkind: TranscriptionJob\nmetadata: {name: x}\nspec:\n  \
         source: {file: {path: calls}, manifest: {key: list}}\n  \
         destination: {file: {path: out}, formats: [JSON, TXT]}\n",
    )
    .unwrap();
    let csv =
        "key,channel,language\ntwo.wav,0,\nhalf.wav,1,\nbritish.wav,,en-GB\nnarrow.wav,1,\ngerman.wav,,de\n";
    for (command, list, name, channel, skipped) in [
        ("run", LIST, "list", 1, 0),
        ("run", LIST, "list", 1, 3),
        ("run", csv, "list.csv", 0, 2),
        // Over a ledger in the folder, which regards only its own transcripts as fresh.
        ("worker", csv, "list.csv", 0, 0),
    ] {
        fs::write(base.join(name), list).unwrap();
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace("{key: list}", &format!("{{key: {name}}}"))).unwrap();
        let mut run = verbatim(base);
        run.args([command, "-f"]).arg(&manifest);
        let (code, stderr) = Running::start(&mut run).end();
        assert_eq!(code, i32::from(command == "run"), "{stderr}");
        assert!(stderr.contains("UnsupportedLanguage") && stderr.contains("UnsupportedAudio"), "{stderr}");
        assert!(skipped == 0 || stderr.contains(&format!("skipped: {skipped} files")), "{stderr}");
        check(&|name| fs::read(base.join("out").join(name)).ok(), &texts, channel);
    }
}
