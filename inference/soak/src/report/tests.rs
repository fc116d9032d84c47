//! Whole reports from recorded files.

use std::{fs, path::Path};

use super::fixture::SyntheticSoak;
use super::plots::{CPU, MEMORY, RTF};
use super::{LineError, REPORT_EN, REPORT_HTML, REPORT_ZH, ReadError, ReportError, Summary, write};
use crate::analysis::{AudioLength, MemoryVerdict};
use crate::record::{EVENTS, RESOURCES, RESULTS, RUN};

fn report(soak: &SyntheticSoak) -> (tempfile::TempDir, Summary) {
    let folder = tempfile::tempdir().unwrap();
    soak.write(folder.path());
    let summary = write(folder.path()).unwrap();
    (folder, summary)
}

fn text(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn healthy_soak() {
    let (folder, summary) = report(&SyntheticSoak::healthy());
    let analysis = &summary.analysis;
    assert_eq!(analysis.memory.verdict, MemoryVerdict::Flat, "{:?}", analysis.memory);
    assert!(analysis.completeness.is_complete());
    assert_eq!((analysis.completeness.answered, analysis.completeness.failures()), (540, 0));
    assert_eq!((analysis.all_replacements.count, analysis.engines), (0, 1));
    insta::assert_snapshot!("healthy", text(folder.path(), REPORT_EN));
    insta::assert_snapshot!("healthy_zh", text(folder.path(), REPORT_ZH));
}

#[test]
fn leak_and_every_fault() {
    let (folder, summary) = report(&SyntheticSoak::faulty());
    let analysis = &summary.analysis;
    assert_eq!(analysis.memory.verdict, MemoryVerdict::Leaks, "{:?}", analysis.memory);
    // 20 MB a file are injected; a little of the warm-up remains, as engines live for only about ten files.
    let slope = analysis.memory.per_100_files.unwrap();
    assert!((1950.0..2150.0).contains(&slope.estimate), "{slope:?}");
    let totals = analysis.fault_totals();
    assert_eq!(totals.injected, totals.detected, "{:?}", analysis.faults);
    assert!(analysis.completeness.is_complete());
    assert_eq!(analysis.completeness.failed.get("EngineCrashed"), Some(&18));
    // Six tasks with single faults are tried twice, those of the poison recording three times.
    assert_eq!(analysis.all_replacements.reruns, 6 + 18 * 2);
    assert_eq!(analysis.replacements["Crash"].reruns, 2 + 18 * 2);
    assert_eq!(analysis.replacements["Wedged"].reruns, 2);
    insta::assert_snapshot!("faulty", text(folder.path(), REPORT_EN));
    insta::assert_snapshot!("faulty_zh", text(folder.path(), REPORT_ZH));
    let lines = summary.lines().join("\n").replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!("faulty_lines", lines);
}

#[test]
fn slow_leak_below_every_limit() {
    let (_folder, summary) = report(&SyntheticSoak { leak_mb: 0.2, rounds: 20, ..SyntheticSoak::healthy() });
    assert_eq!(summary.analysis.memory.verdict, MemoryVerdict::Leaks, "{:?}", summary.analysis.memory);
}

#[test]
fn too_few_files() {
    let (folder, summary) =
        report(&SyntheticSoak { concurrencies: vec![1], rounds: 1, ..SyntheticSoak::healthy() });
    assert_eq!(summary.analysis.memory.verdict, MemoryVerdict::TooFewFiles);
    assert!(text(folder.path(), REPORT_EN).contains("Run more rounds."));
}

#[test]
fn statistics_follow_from_the_results() {
    let (_folder, summary) = report(&SyntheticSoak { concurrencies: vec![1, 4], ..SyntheticSoak::healthy() });
    let groups = &summary.analysis.groups;
    let shape: Vec<_> =
        groups.iter().map(|group| (group.length, group.concurrency, group.files.count)).collect();
    let expected = [(AudioLength::Short, 105), (AudioLength::Long, 75), (AudioLength::All, 180)];
    assert_eq!(shape, expected.map(|(length, files)| [(length, 1, files), (length, 4, files)]).concat());
    let audio: f64 =
        SyntheticSoak::healthy().recordings.iter().map(|(_, seconds)| seconds).sum::<f64>() / 240.0;
    assert!((summary.analysis.audio_hours - audio * 2.0).abs() < 1e-6);
    // At concurrency 1, only processing and the first load take time.
    let alone =
        groups.iter().find(|group| group.length == AudioLength::All && group.concurrency == 1).unwrap();
    let busy = alone.files.measured.unwrap().rtf * alone.audio_per_hour.unwrap();
    assert!((busy - 1.0).abs() < 1e-3, "{busy}");
    assert!(alone.files.measured.unwrap().rss_mb[0] > 220.0);
}

#[test]
fn lost_duplicate_and_differing_results_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    SyntheticSoak::healthy().write(folder.path());
    let results = text(folder.path(), RESULTS);
    let mut lines: Vec<String> = results.lines().map(str::to_owned).collect();
    let again = lines[7].clone();
    lines.remove(20);
    lines.remove(20);
    lines.push(again);
    let sha = lines[0].find("\"result_sha256\":\"0").unwrap() + 17;
    lines[0].replace_range(sha..=sha, "f");
    fs::write(folder.path().join(RESULTS), lines.join("\n") + "\n").unwrap();

    let completeness = write(folder.path()).unwrap().analysis.completeness;
    assert_eq!((completeness.answered, completeness.lost, completeness.duplicates), (538, 2, 1));
    assert_eq!(completeness.differing, [("call_01.wav".to_owned(), 2)]);
    assert!(!completeness.is_complete());
    let report = text(folder.path(), REPORT_EN);
    assert!(
        report.contains("Tasks with a result: 538; without a result: 2; duplicate results: 1."),
        "{report}"
    );
}

#[test]
fn page_is_self_contained() {
    let (folder, _summary) = report(&SyntheticSoak::faulty());
    let page = text(folder.path(), REPORT_HTML);
    for reference in ["<script", "<link", "<img", "<iframe", "src=", "href=", "url(", "@import", "onload="] {
        assert!(!page.contains(reference), "{reference}");
    }
    let addresses: Vec<_> = page.match_indices("://").map(|(at, _)| &page[at - 4..at + 18]).collect();
    assert!(addresses.iter().all(|address| *address == "http://www.w3.org/2000"), "{addresses:?}");
    assert_eq!(page.matches("<svg ").count(), 3);
    assert!(page.contains("lang=\"zh-CN\"") && page.contains("内存泄漏"));
    assert!(page.len() < 2_000_000, "{}", page.len());
    for plot in [MEMORY, CPU, RTF] {
        let svg = text(folder.path(), plot);
        assert!(page.contains(&svg), "{plot}");
        assert!(svg.contains("xmlns=\"http://www.w3.org/2000/svg\"") && svg.trim_end().ends_with("</svg>"));
        assert!(text(folder.path(), REPORT_EN).contains(&format!("]({plot})")));
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4 + 6, "{left:?}");
}

fn problem(error: &ReadError) -> &LineError {
    match error {
        ReadError::Line { problem, .. } => problem,
        ReadError::File { .. } => panic!("{error}"),
    }
}

#[test]
fn errors_name_the_file_and_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let broken = |name: &str, change: &dyn Fn(&str) -> String| {
        SyntheticSoak { rounds: 1, ..SyntheticSoak::faulty() }.write(folder.path());
        let changed = change(&text(folder.path(), name));
        fs::write(folder.path().join(name), changed).unwrap();
        match write(folder.path()) {
            Err(ReportError::Read(error)) => error,
            other => panic!("{name}: {other:?}"),
        }
    };
    let third = |new: &'static str| {
        move |text: &str| {
            let lines: Vec<&str> =
                text.lines().enumerate().map(|(index, line)| if index == 2 { new } else { line }).collect();
            lines.join("\n") + "\n"
        }
    };
    let error = broken(RESULTS, &third("{\"task_id\": 3}"));
    assert!(matches!(error, ReadError::Line { line: 3, problem: LineError::Json(_), .. }), "{error}");
    assert!(
        error.to_string().contains("results.jsonl\", line 3: not a line that a soak writes: missing field")
    );
    let error = broken(RESOURCES, &third("a,b"));
    assert!(matches!(error, ReadError::Line { line: 3, problem: LineError::Csv(_), .. }), "{error}");
    let error = broken(EVENTS, &third("not JSON"));
    assert!(matches!(error, ReadError::Line { line: 3, problem: LineError::Json(_), .. }), "{error}");
    let error = broken(EVENTS, &|text| text.replacen("\"Crash\"", "\"Boredom\"", 1));
    assert!(matches!(problem(&error), LineError::Reason(reason) if reason == "Boredom"), "{error}");
    let error = broken(RESULTS, &|text| text.replacen("\"task_id\":2,", "\"task_id\":9999999999,", 1));
    assert!(matches!(error, ReadError::Line { line: 2, .. }), "{error}");
    assert!(matches!(problem(&error), LineError::Task(9_999_999_999)), "{error}");
    let error = broken(RUN, &|text| text.replacen("seed", "sead", 1));
    assert!(matches!(problem(&error), LineError::Json(_)), "{error}");
    fs::remove_file(folder.path().join(RESOURCES)).unwrap();
    SyntheticSoak::healthy().write(folder.path());
    fs::remove_file(folder.path().join(RESOURCES)).unwrap();
    assert!(matches!(write(folder.path()), Err(ReportError::Read(ReadError::File { .. }))));
}

#[test]
fn incomplete_last_lines_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    SyntheticSoak::healthy().write(folder.path());
    for name in [RESULTS, RESOURCES, EVENTS] {
        let whole = text(folder.path(), name);
        fs::write(folder.path().join(name), &whole[..whole.len() - 20]).unwrap();
    }
    assert_eq!(write(folder.path()).unwrap().analysis.completeness.answered, 539);
}

#[test]
fn soak_without_files() {
    let (_folder, summary) = report(&SyntheticSoak { recordings: Vec::new(), ..SyntheticSoak::healthy() });
    assert_eq!(summary.analysis.memory.verdict, MemoryVerdict::TooFewFiles);
    assert!(summary.lines().len() <= 12);
}

/// Writes the reports of realistic soaks into the folder `SOAK_REPORT`, for visual inspection.
#[test]
#[ignore = "SOAK_REPORT=/tmp/soak cargo test --release -p verbatim-soak -- --ignored reports_for_inspection"]
fn reports_for_inspection() {
    let folder = std::path::PathBuf::from(std::env::var_os("SOAK_REPORT").unwrap());
    let long = SyntheticSoak { rounds: 40, ..SyntheticSoak::healthy() };
    for (name, soak) in
        [("healthy", long), ("faulty", SyntheticSoak { rounds: 12, ..SyntheticSoak::faulty() })]
    {
        fs::create_dir_all(folder.join(name)).unwrap();
        soak.write(&folder.join(name));
        println!("{}", write(&folder.join(name)).unwrap().lines().join("\n"));
    }
}

/// Peak memory of the process that reports on a million files.
#[test]
#[ignore = "measures the whole process: run it alone"]
fn million_files_in_forty_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let soak =
        SyntheticSoak { rounds: 1_000_000 / 36, resources: true, leak_mb: 1.0, ..SyntheticSoak::healthy() };
    soak.write(folder.path());
    let started = std::time::Instant::now();
    let summary = write(folder.path()).unwrap();
    assert_eq!(summary.analysis.memory.verdict, MemoryVerdict::Leaks);
    let peak = procfs::process::Process::myself().unwrap().status().unwrap().vmhwm.unwrap();
    println!("{peak} kB, {:?}", started.elapsed());
    assert!(peak < 40_000, "{peak} kB");
}
