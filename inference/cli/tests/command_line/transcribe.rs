//! `verbatim transcribe` with the real model and real speech.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use verbatim_fixtures::{edit_distance, model, outputs, random, signal};

use crate::machine::shared;
use assert_cmd::Command;
use serde_json::Value;
use verbatim_fixtures::decoded::samples;
use verbatim_fixtures::edit_distance::word_errors;
use verbatim_fixtures::model::sample;
use verbatim_fixtures::outputs::contents;
use verbatim_fixtures::signal::sampled;
use verbatim_fixtures::wav::Wav;

/// Words of two_cities.wav and of beckett.wav.
const TWO_CITIES: &str = "It was the best of times. It was the worst of times. It was the age of wisdom. It was the \
    age of foolishness. It was the epoch of belief. It was the epoch of incredulity. It was the season of light. It was \
    the season of darkness. It was the spring of hope. It was the winter of despair. We had everything before us. We \
    had nothing before us. We were all going direct to heaven. We were all going direct the other way. In short, the \
    period was so far like the present period that some of its noisiest authorities insisted on its being received for \
    good or for evil in the superlative degree of comparison only.";
const BECKETT: &str = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.";

fn verbatim() -> Command {
    model::model();
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbatim"));
    command.env_remove("VERBATIM_LOG");
    command
}

/// Exit code, standard output and standard error.
fn output_of(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Runs the program in `folder`.
fn run<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> (i32, String, String) {
    output_of(verbatim().current_dir(folder).args(arguments))
}

fn transcript(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

/// Segments of a channel, without the channel's number.
fn segments_of(transcript: &Value, channel: Option<u64>) -> Vec<(String, String)> {
    let segments = transcript["segments"].as_array().unwrap().iter();
    segments
        .filter(|segment| segment.get("channel").and_then(Value::as_u64) == channel)
        .map(|s| (s["text"].to_string(), format!("{} {} {}", s["start"], s["end"], s["avg_logprob"])))
        .collect()
}

/// A WAV file in telephone format: 8 kHz, mu-law (ITU-T G.711).
fn telephone(audio: &[f32]) -> Vec<u8> {
    let byte = |pair: &[f32]| {
        let mean = pair.iter().sum::<f32>() / pair.len() as f32;
        let magnitude = ((mean.abs() * 32_767.0) as u32).min(32_635) + 132;
        let exponent = magnitude.ilog2() - 7;
        let mantissa = (magnitude >> (exponent + 3)) & 15;
        !(u8::from(mean < 0.0) << 7 | (exponent << 4 | mantissa) as u8)
    };
    let data = audio.chunks(2).map(byte).collect();
    Wav { tag: 7, channels: 1, rate: 8000, bits: 8, riff_len: None, data_len: None, data }.bytes()
}

/// White noise, equal in every run.
fn hiss(seconds: usize) -> Vec<f32> {
    let mut dice = random::Xorshift::new(3);
    (0..seconds * 16_000).map(|_| dice.below(2001) as f32 / 1000.0 - 1.0).map(|x| 0.3 * x).collect()
}

fn mono(audio: &[f32]) -> Vec<u8> {
    Wav::s16(16_000, &[audio.to_vec()]).bytes()
}

#[test]
fn one_recording_is_transcribed_to_standard_output() {
    let _machine = shared();
    // The errors are "a season" for "the season", twice, and "noisyest"; the vendor's engine makes them too.
    for (name, words, most) in [("two_cities.wav", TWO_CITIES, 3), ("beckett.wav", BECKETT, 0)] {
        let path = sample(name);
        let (code, text, err) = output_of(verbatim().arg("transcribe").arg(&path));
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("Transcribed: 1 file\n") && err.contains("real-time factor"), "{err}");
        let errors = word_errors(words, &text);
        assert!(errors <= most, "{errors} of the words are wrong:\n{text}");

        let (code, same, _) =
            output_of(verbatim().args(["transcribe", "-"]).write_stdin(fs::read(&path).unwrap()));
        assert_eq!((code, same), (0, text), "from standard input");
    }
    let (_, text, _) = output_of(verbatim().arg("transcribe").arg(sample("two_cities.wav")));
    let opening = edit_distance::words(
        "It was the best of times. It was the worst of times. It was the age of wisdom.",
    );
    assert!(edit_distance::words(&text).starts_with(&opening), "{text}");
}

#[test]
fn all_formats_have_the_same_words() {
    let _machine = shared();
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = output_of(
        verbatim()
            .arg("transcribe")
            .arg(sample("two_cities.wav"))
            .arg("-o")
            .arg(folder.path().join("new/out")),
    );
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let path = |ending: &str| folder.path().join("new/out").join(format!("two_cities.{ending}"));
    let text = |ending: &str| fs::read_to_string(path(ending)).unwrap();
    let json = transcript(&path("json"));

    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/transcript.schema.json")).unwrap();
    let wrong: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&json).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(json["language"], "en");
    assert_eq!(json["source"]["name"], "two_cities.wav");
    assert_eq!(json["source"]["bytes"], sample("two_cities.wav").metadata().unwrap().len());
    assert!((json["duration"].as_f64().unwrap() - 44.37).abs() < 0.1, "{}", json["duration"]);
    assert_eq!(json["model"]["digest"], model::model().digest);

    let words = edit_distance::words(json["text"].as_str().unwrap());
    assert_eq!(edit_distance::words(&text("txt")), words);
    let cues = srtlib::Subtitles::parse_from_str(text("srt")).unwrap();
    let spoken: Vec<String> = cues.to_vec().into_iter().map(|cue| cue.text).collect();
    assert_eq!(edit_distance::words(&spoken.join(" ")), words);
    subtp::vtt::WebVtt::parse(&text("vtt")).unwrap();
}

#[test]
fn a_folder_of_good_and_bad_recordings() {
    let _machine = shared();
    let folder = tempfile::tempdir().unwrap();
    let beckett = samples(&sample("beckett.wav"));
    let whole = mono(&beckett);
    let quiet = sampled(|t| 0.5 * (std::f64::consts::TAU * 440.0 * t).sin(), 16_000, 6.0);
    let random: Vec<u8> = hiss(2).iter().map(|x| (x * 400.0) as i8 as u8).collect();
    let mut unknown = whole.clone();
    unknown[20..22].copy_from_slice(&0x7777_u16.to_le_bytes());
    let files: [(&str, Vec<u8>, Option<&str>); 12] = [
        ("good.wav", whole.clone(), None),
        ("telephone.wav", telephone(&beckett), None),
        ("cut.wav", whole[..whole.len() / 2].to_vec(), None),
        ("silence.wav", mono(&vec![0.0; 6 * 16_000]), None),
        ("hiss.wav", mono(&hiss(6)), None),
        ("tone.wav", mono(&quiet), None),
        ("random.wav", random, Some("NotAudio")),
        ("text.mp3", "It was the best of times.\n".repeat(500).into_bytes(), Some("NotAudio")),
        ("empty.wav", Vec::new(), Some("Empty")),
        ("nothing.wav", mono(&[]), Some("Empty")),
        ("film.mp4", fs::read(signal::fixture("video-only.mp4")).unwrap(), Some("NoAudioTrack")),
        ("codec.wav", unknown, Some("UnsupportedCodec")),
    ];
    let audio = folder.path().join("audio");
    fs::create_dir(&audio).unwrap();
    for (name, bytes, _) in &files {
        fs::write(audio.join(name), bytes).unwrap();
    }
    fs::write(audio.join("notes.txt"), "words").unwrap();

    let (code, out, err) = run(folder.path(), &["transcribe", "audio", "-o", "out"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    let json = |name: &str| folder.path().join("out").join(Path::new(name).with_extension("json"));
    for (name, _, reason) in &files {
        let line = reason.map(|reason| format!("FAILED audio/{name}: {reason}: "));
        let failed = err.lines().find(|l| l.starts_with(&format!("FAILED audio/{name}:")));
        match line {
            Some(line) => assert!(failed.is_some_and(|l| l.starts_with(&line)), "{line}\n{err}"),
            None => assert_eq!(failed, None),
        }
        assert_eq!(json(name).exists(), reason.is_none(), "{name}");
    }
    for name in ["silence", "hiss", "tone"] {
        assert_eq!(transcript(&json(name))["text"], "", "{name} has no words");
    }
    assert!(err.contains("WARNING audio/cut.wav: "), "{err}");
    assert!(err.contains("Transcribed: 6 files (3 without speech, 1 with warnings)"), "{err}");
    assert!(err.contains("Left out: 1 file that is not audio") && err.contains("Failed: 6 files"), "{err}");
    for (name, most) in [("good", 0), ("telephone", 0), ("cut", 0)] {
        let text = transcript(&json(name))["text"].to_string();
        let words = if name == "cut" { "Ever tried. Ever failed. No matter." } else { BECKETT };
        let errors = word_errors(words, &text);
        assert!(errors <= most, "{name}: {errors} wrong: {text}");
    }

    // The same with JSON messages: every line is an object.
    let (code, _, err) = run(folder.path(), &["transcribe", "audio", "-o", "json", "--log-format", "json"]);
    assert_eq!(code, 1);
    let lines: Vec<Value> = err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = lines.iter().filter(|line| line["message"] == "file failed" || line["reason"].is_string());
    let mut reasons: Vec<&str> = failed.map(|line| line["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        ["Empty", "Empty", "NoAudioTrack", "NotAudio", "NotAudio", "UnsupportedCodec"],
        "{err}"
    );
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["done"], &last["failed"], &last["undone"]),
        (&6.into(), &6.into(), &0.into()),
        "{last}"
    );
}

#[test]
fn file_names_can_contain_anything() {
    let _machine = shared();
    let folder = tempfile::tempdir().unwrap();
    let names = [&b"two words"[..], b"it's \"quoted\"", b"two\nlines", b"caf\xe9", b"-o", b"$(id)"];
    let ending = |name: &[u8], ending: &[u8]| OsString::from_vec([name, ending].concat());
    let mut arguments: Vec<OsString> =
        ["transcribe", "-o", "out", "--formats", "json,txt"].map(Into::into).into();
    for name in names {
        let recording = ending(&[b"./", name].concat(), b".wav");
        fs::copy(sample("beckett.wav"), folder.path().join(&recording)).unwrap();
        arguments.push(recording);
    }
    let (code, _, err) = run(folder.path(), &arguments);
    assert_eq!(code, 0, "{err}");
    let found: Vec<OsString> = contents(&folder.path().join("out")).into_keys().map(Into::into).collect();
    let mut expected: Vec<OsString> =
        names.iter().flat_map(|name| [ending(name, b".json"), ending(name, b".txt")]).collect();
    expected.sort();
    assert_eq!(found, expected);
    for name in names {
        let transcript = transcript(&folder.path().join("out").join(ending(name, b".json")));
        assert_eq!(transcript["source"]["name"], *String::from_utf8_lossy(&[name, b".wav"].concat()));
    }
}

#[test]
fn fresh_transcripts_are_skipped() {
    let _machine = shared();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("audio/deep")).unwrap();
    fs::copy(sample("beckett.wav"), folder.path().join("audio/deep/a.wav")).unwrap();
    fs::write(folder.path().join("audio/b.wav"), mono(&vec![0.0; 16_000])).unwrap();
    let job = outputs::manifest(folder.path(), "out");
    let bytes = || {
        ["deep/a.json", "deep/a.srt", "b.json", "b.txt"]
            .map(|n| fs::read(folder.path().join("out").join(n)).unwrap())
    };

    let (code, _, err) = run(folder.path(), &["run", "-f", &job]);
    assert_eq!(code, 0, "{err}");
    let first = bytes();
    let (code, _, err) = run(folder.path(), &["run", "-f", &job]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("Already done, skipped: 2 files") && err.contains("Transcribed: 0 files"), "{err}");
    assert_eq!(bytes(), first);

    // Only a recording that was replaced under its name is transcribed again.
    fs::write(folder.path().join("audio/b.wav"), mono(&vec![0.0; 32_000])).unwrap();
    let (_, _, err) = run(folder.path(), &["run", "-f", &job]);
    assert!(err.contains("Already done, skipped: 1 file\n") && err.contains("Transcribed: 1 file"), "{err}");
}

#[test]
fn a_split_channel_has_the_same_text_as_a_mono_recording() {
    let _machine = shared();
    let folder = tempfile::tempdir().unwrap();
    let (mut left, mut right) = (samples(&sample("beckett.wav")), samples(&sample("two_cities.wav")));
    right.truncate(12 * 16_000);
    left.resize(right.len(), 0.0);
    fs::write(folder.path().join("call.wav"), Wav::s16(16_000, &[left.clone(), right.clone()]).bytes())
        .unwrap();
    fs::write(folder.path().join("left.wav"), mono(&left)).unwrap();
    fs::write(folder.path().join("right.wav"), mono(&right)).unwrap();
    let run = |arguments: &[&str]| assert_eq!(run(folder.path(), arguments).0, 0, "{arguments:?}");
    run(&["transcribe", "call.wav", "-o", "split", "--channels", "split"]);
    run(&["transcribe", "left.wav", "right.wav", "-o", "alone"]);
    let call = transcript(&folder.path().join("split/call.json"));
    for (channel, name) in [(0, "left"), (1, "right")] {
        let alone = transcript(&folder.path().join("alone").join(format!("{name}.json")));
        assert!(!segments_of(&alone, None).is_empty());
        assert_eq!(segments_of(&call, Some(channel)), segments_of(&alone, None), "{name}");
    }
    assert_eq!(segments_of(&call, None), vec![]);
}

#[test]
fn a_failed_write_fails_one_recording_only() {
    let _machine = shared();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(sample("two_cities.wav"), folder.path().join("long.wav")).unwrap();
    fs::write(folder.path().join("short.wav"), mono(&[0.0; 16_000])).unwrap();
    // 3 · 512 bytes: more than the JSON of the short recording, less than that of the long one.
    let script = r#"ulimit -f 3; exec "$0" transcribe long.wav short.wav -o out --formats json"#;
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_verbatim")]).current_dir(folder.path());
    let (code, _, err) = output_of(&mut command);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("FAILED long.wav: WriteFailed: failed to write")
            && err.contains("Transcribed: 1 file (1 without speech)"),
        "{err}"
    );
    let written: Vec<_> = contents(&folder.path().join("out")).into_keys().collect();
    assert_eq!(written, [Path::new("short.json")], "nothing else, nothing half-written");
}

#[test]
fn no_files_are_left_in_the_home_folder() {
    let _machine = shared();
    let home = tempfile::tempdir().unwrap();
    let cache = model::model().folder.join("../..").canonicalize().unwrap();
    let (code, _, err) = output_of(
        verbatim()
            .env_remove("XDG_CACHE_HOME")
            .env_remove("CI")
            .env("HOME", home.path())
            .env("VERBATIM_CACHE", cache)
            .arg("transcribe")
            .arg(sample("beckett.wav")),
    );
    assert_eq!(code, 0, "{err}");
    // ONNX Runtime keeps a telemetry database there unless telemetry is off.
    assert_eq!(contents(home.path()).into_keys().collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_unwritable_destination_fails_each_recording() {
    let _machine = shared();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(sample("beckett.wav"), folder.path().join("a.wav")).unwrap();
    fs::write(folder.path().join("out"), "a file").unwrap();
    let refused = |words: &str| {
        let (code, _, err) = run(folder.path(), &["transcribe", "a.wav", "-o", "out"]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("FAILED a.wav: WriteFailed: ") && err.contains(words), "{err}");
    };
    refused("failed to create the folder");
    assert_eq!(fs::read(folder.path().join("out")).unwrap(), b"a file");

    fs::remove_file(folder.path().join("out")).unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    let mode = |mode| {
        fs::set_permissions(folder.path().join("out"), std::os::unix::fs::PermissionsExt::from_mode(mode))
    };
    mode(0o555).unwrap();
    if fs::write(folder.path().join("out/probe"), "").is_ok() {
        eprintln!("not tested: a read-only folder, since this user (root) can write into it");
    } else {
        refused("failed to create a file in the folder");
    }
    mode(0o755).unwrap();
}

#[test]
fn a_damaged_model_is_reported_with_both_digests() {
    let _machine = shared();
    let cache = tempfile::tempdir().unwrap();
    let model = model::model();
    let folder = cache.path().join("models").join(model.folder.file_name().unwrap());
    fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(model.folder.join("../../runtime"), cache.path().join("runtime")).unwrap();
    for entry in fs::read_dir(&model.folder).unwrap() {
        let entry = entry.unwrap();
        std::os::unix::fs::symlink(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let verify = || output_of(verbatim().env("VERBATIM_CACHE", cache.path()).args(["model", "verify"]));
    let (code, out, err) = verify();
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("ok  decoder.onnx\n") && out.contains("ok  samples/beckett.wav\n"), "{out}");

    let path = folder.join("tokenizer.bin");
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, &bytes).unwrap();
    let lock: toml::Table = include_str!("../../../models/assets.lock.toml").parse().unwrap();
    let pinned = lock["model"]["files"]["tokenizer.bin"].as_str().unwrap();
    let found = verbatim_models::digest::of_file(&path).unwrap().0;
    assert_ne!(found, pinned);
    let (code, _, err) = verify();
    assert_eq!(code, 78, "{err}");
    assert!(err.contains(pinned) && err.contains(&found) && err.contains("tokenizer.bin"), "{err}");

    // A truncated graph is rejected before anything is written.
    let decoder = folder.join("decoder.onnx");
    let cut = fs::read(&decoder).unwrap()[..100_000].to_vec();
    fs::remove_file(&decoder).unwrap();
    fs::write(&decoder, cut).unwrap();
    let arguments = ["transcribe", "-", "-o", "out"];
    let (code, _, err) =
        output_of(verbatim().current_dir(cache.path()).env("VERBATIM_CACHE", cache.path()).args(arguments));
    assert_eq!(code, 78, "{err}");
    assert!(err.contains("failed to load") && err.contains("decoder.onnx"), "{err}");
    assert!(!cache.path().join("out").exists());
}
