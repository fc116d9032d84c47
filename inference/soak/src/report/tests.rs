//! From recorded files to reports, whole.

use std::{fs, path::Path};

use super::{
    REPORT_EN, REPORT_HTML, REPORT_ZH, ReportError, Summary,
    fixture::Plan,
    plots::{CPU, MEMORY, RTF},
    read::{EVENTS, RESOURCES, RESULTS, RUN, ReadError},
    tables::Length,
    verdict::Verdict,
    write,
};

fn report(plan: &Plan) -> (tempfile::TempDir, Summary) {
    let folder = tempfile::tempdir().unwrap();
    plan.write(folder.path());
    let summary = write(folder.path()).unwrap();
    (folder, summary)
}

fn text(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn a_healthy_soak() {
    let (folder, summary) = report(&Plan::healthy());
    let figures = &summary.figures;
    assert_eq!(figures.memory.verdict, Verdict::Flat, "{:?}", figures.memory);
    assert!(figures.losses.is_whole());
    assert_eq!((figures.losses.answered, figures.losses.failures()), (540, 0));
    assert_eq!((figures.all_recycles.count, figures.engines), (0, 1));
    insta::assert_snapshot!("healthy", text(folder.path(), REPORT_EN));
    insta::assert_snapshot!("healthy_zh", text(folder.path(), REPORT_ZH));
}

#[test]
fn a_soak_with_a_leak_and_every_fault() {
    let (folder, summary) = report(&Plan::ill());
    let figures = &summary.figures;
    assert_eq!(figures.memory.verdict, Verdict::Leaks, "{:?}", figures.memory);
    // 20 MB a file were put in; a little of the warm-up is left over, as engines live for some ten files only.
    let slope = figures.memory.per_100_files.unwrap();
    assert!((1950.0..2150.0).contains(&slope.estimate), "{slope:?}");
    assert_eq!(figures.faults_found().0, figures.faults_found().1, "{:?}", figures.faults);
    assert!(figures.losses.is_whole());
    assert_eq!(figures.losses.failed.get("EngineCrashed"), Some(&18));
    // Six tasks of single faults ran twice; those of the poisoned recording three times each.
    assert_eq!(figures.all_recycles.run_again, 6 + 18 * 2);
    assert_eq!(figures.recycles["Crash"].run_again, 2 + 18 * 2);
    assert_eq!(figures.recycles["Wedged"].run_again, 2);
    insta::assert_snapshot!("ill", text(folder.path(), REPORT_EN));
    insta::assert_snapshot!("ill_zh", text(folder.path(), REPORT_ZH));
    let lines = summary.lines().join("\n").replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!("ill_lines", lines);
}

#[test]
fn a_slow_leak_below_every_limit() {
    let (_folder, summary) = report(&Plan { leak_mb: 0.2, rounds: 20, ..Plan::healthy() });
    assert_eq!(summary.figures.memory.verdict, Verdict::Leaks, "{:?}", summary.figures.memory);
}

#[test]
fn too_few_files() {
    let (folder, summary) = report(&Plan { concurrencies: vec![1], rounds: 1, ..Plan::healthy() });
    assert_eq!(summary.figures.memory.verdict, Verdict::TooFew);
    assert!(text(folder.path(), REPORT_EN).contains("Run more rounds."));
}

#[test]
fn tables_follow_from_the_lines() {
    let (_folder, summary) = report(&Plan { concurrencies: vec![1, 4], ..Plan::healthy() });
    let groups = &summary.figures.groups;
    let shape: Vec<_> = groups.iter().map(|group| (group.length, group.concurrency, group.files)).collect();
    let expected = [(Length::Short, 105), (Length::Long, 75), (Length::All, 180)];
    assert_eq!(shape, expected.map(|(length, files)| [(length, 1, files), (length, 4, files)]).concat());
    let audio: f64 = Plan::healthy().recordings.iter().map(|(_, seconds)| seconds).sum::<f64>() / 240.0;
    assert!((summary.figures.audio_hours - audio * 2.0).abs() < 1e-6);
    // At concurrency 1 nothing but processing and the first load takes time.
    let alone = groups.iter().find(|group| group.length == Length::All && group.concurrency == 1).unwrap();
    let busy = alone.measured.unwrap().rtf * alone.audio_per_hour.unwrap();
    assert!((busy - 1.0).abs() < 1e-3, "{busy}");
    assert!(alone.measured.unwrap().rss_mb[0] > 220.0);
}

#[test]
fn what_is_lost_or_differs_is_told() {
    let folder = tempfile::tempdir().unwrap();
    Plan::healthy().write(folder.path());
    let results = text(folder.path(), RESULTS);
    let mut lines: Vec<String> = results.lines().map(str::to_owned).collect();
    let again = lines[7].clone();
    lines.remove(20);
    lines.remove(20);
    lines.push(again);
    let sha = lines[0].find("\"result_sha256\":\"0").unwrap() + 17;
    lines[0].replace_range(sha..=sha, "f");
    fs::write(folder.path().join(RESULTS), lines.join("\n") + "\n").unwrap();

    let losses = write(folder.path()).unwrap().figures.losses;
    assert_eq!((losses.answered, losses.lost, losses.twice), (538, 2, 1));
    assert_eq!(losses.differing, [("call_01.wav".to_owned(), 2)]);
    assert!(!losses.is_whole());
    let report = text(folder.path(), REPORT_EN);
    assert!(
        report.contains("538 tasks have a result, 2 have none, and 1 results are there again."),
        "{report}"
    );
}

#[test]
fn the_page_needs_nothing_else() {
    let (folder, _summary) = report(&Plan::ill());
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

#[test]
fn errors_name_the_file_and_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let broken = |name: &str, change: &dyn Fn(&str) -> String| {
        Plan { rounds: 1, ..Plan::ill() }.write(folder.path());
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
    assert!(matches!(error, ReadError::Line { line: 3, .. }), "{error}");
    assert!(error.to_string().contains("results.jsonl\", line 3: not what a soak writes: missing field"));
    let error = broken(RESOURCES, &third("a,b"));
    assert!(matches!(error, ReadError::Row { line: 3, .. }), "{error}");
    let error = broken(EVENTS, &third("not JSON"));
    assert!(matches!(error, ReadError::Line { line: 3, .. }), "{error}");
    let error = broken(EVENTS, &|text| text.replacen("\"Crash\"", "\"Boredom\"", 1));
    assert!(matches!(&error, ReadError::Reason { reason, .. } if reason == "Boredom"), "{error}");
    let error = broken(RESULTS, &|text| text.replacen("\"task_id\":2,", "\"task_id\":9999999999,", 1));
    assert!(matches!(error, ReadError::Task { line: 2, task: 9_999_999_999, .. }), "{error}");
    let error = broken(RUN, &|text| text.replacen("seed", "sead", 1));
    assert!(matches!(error, ReadError::Line { .. }), "{error}");
    fs::remove_file(folder.path().join(RESOURCES)).unwrap();
    Plan::healthy().write(folder.path());
    fs::remove_file(folder.path().join(RESOURCES)).unwrap();
    assert!(matches!(write(folder.path()), Err(ReportError::Read(ReadError::File { .. }))));
}

#[test]
fn lines_that_were_cut_off_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    Plan::healthy().write(folder.path());
    for name in [RESULTS, RESOURCES, EVENTS] {
        let whole = text(folder.path(), name);
        fs::write(folder.path().join(name), &whole[..whole.len() - 20]).unwrap();
    }
    assert_eq!(write(folder.path()).unwrap().figures.losses.answered, 539);
}

#[test]
fn a_soak_without_a_single_file() {
    let (_folder, summary) = report(&Plan { recordings: Vec::new(), ..Plan::healthy() });
    assert_eq!(summary.figures.memory.verdict, Verdict::TooFew);
    assert!(summary.lines().len() <= 12);
}

/// Writes the reports of a realistic soak into the folder `SOAK_REPORT`, to be looked at.
#[test]
#[ignore = "for eyes: SOAK_REPORT=/tmp/soak cargo test --release -p verbatim --lib -- --ignored to_be_looked_at"]
fn to_be_looked_at() {
    let folder = std::path::PathBuf::from(std::env::var_os("SOAK_REPORT").unwrap());
    let long = Plan { rounds: 40, ..Plan::healthy() };
    for (name, plan) in [("healthy", long), ("ill", Plan { rounds: 12, ..Plan::ill() })] {
        fs::create_dir_all(folder.join(name)).unwrap();
        plan.write(&folder.join(name));
        println!("{}", write(&folder.join(name)).unwrap().lines().join("\n"));
    }
}

/// A million files, and the memory of the process that reports on them.
#[test]
#[ignore = "measures the whole process: run it alone"]
fn a_million_files_in_forty_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { rounds: 1_000_000 / 36, resources: true, leak_mb: 1.0, ..Plan::healthy() };
    plan.write(folder.path());
    let begun = std::time::Instant::now();
    let summary = write(folder.path()).unwrap();
    assert_eq!(summary.figures.memory.verdict, Verdict::Leaks);
    let peak = procfs::process::Process::myself().unwrap().status().unwrap().vmhwm.unwrap();
    println!("{peak} kB, {:?}", begun.elapsed());
    assert!(peak < 40_000, "{peak} kB");
}
