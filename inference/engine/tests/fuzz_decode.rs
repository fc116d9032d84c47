//! Thousands of damaged files: the decoder must not crash, hang, or use excessive memory. `docs/fuzzing.md`
//! lists the findings.
//!
//! Each input is generated from its number alone, so that a finding is one number:
//! - `VERBATIM_FUZZ_SECONDS`: duration (default 3, for the ordinary test run; `make fuzz` takes a minute)
//! - `VERBATIM_FUZZ_FIRST`: number of the first input (default 1)
//! - `VERBATIM_FUZZ_ONE`: run only this input; `VERBATIM_FUZZ_KEEP`: write it to this path

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use verbatim_engine::audio::{AudioLimits, AudioStream};
use verbatim_fixtures::random::Xorshift;
use verbatim_fixtures::signal::{self, left, right, sampled};
use verbatim_fixtures::wav::Wav;
use verbatim_protocol::failure::FailureReason;
use verbatim_protocol::task::ChannelMode;

/// Maximum time of one input. Inputs have at most 175 kB; the slowest undamaged one takes 0.1 s without
/// optimisation.
const DEADLINE: Duration = Duration::from_secs(10);
/// Maximum memory of one input, without FFmpeg's: a resampler for 64 channels of an unusual rate takes 60 MB.
const MEMORY: usize = 192 << 20;
/// Audio in seconds after which an input is stopped: 30 times the longest fixture.
const MAX_SECONDS: f64 = 36.0;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed to the system's allocator unchanged; the counters do not affect it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: guaranteed by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: guaranteed by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: guaranteed by the caller.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Position; in half of the cases within the first 300 bytes, where headers are.
fn position(random: &mut Xorshift, len: usize) -> usize {
    let end = if random.below(2) == 0 { len.min(300) } else { len };
    random.below(end)
}

/// Numbers that are hard for parsers.
const NUMBERS: [u32; 12] =
    [0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];

fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(signal::fixture("")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut corpus: Vec<Vec<u8>> = files.iter().map(|f| std::fs::read(f).unwrap()).collect();
    corpus.push(Wav::s16(8000, &[sampled(left, 8000, 0.3), sampled(right, 8000, 0.3)]).bytes());
    corpus.push(Wav::f32(22_050, &[sampled(left, 22_050, 0.2)]).bytes());
    assert!(corpus.len() > 30);
    corpus
}

/// Generates input number `number`.
fn generate(number: u64, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut random = Xorshift::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(8) {
        if bytes.is_empty() {
            break;
        }
        let at = position(&mut random, bytes.len());
        match random.below(9) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.below(256) as u8,
            2 | 3 => {
                let number = NUMBERS[random.below(NUMBERS.len())];
                let raw = if random.below(2) == 0 { number.to_le_bytes() } else { number.to_be_bytes() };
                let width = [1, 2, 4][random.below(3)].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&raw[..width]);
            }
            4 => bytes.truncate(at.max(1)),
            5 => {
                let end = (at + 1 + random.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            6 => {
                let end = (at + 1 + random.below(256)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = position(&mut random, bytes.len());
                bytes.splice(to..to, copy);
            }
            7 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len());
                let part = other[from..(from + 512).min(other.len())].to_vec();
                let end = (at + part.len()).min(bytes.len());
                bytes.splice(at..end, part);
            }
            _ => {
                let end = (at + 1 + random.below(40)).min(bytes.len());
                bytes[at..end].iter_mut().for_each(|b| *b = random.below(256) as u8);
            }
        }
    }
    bytes
}

/// Decodes a file to its end; "ok" or the reason of the failure.
fn run(path: &Path, mode: ChannelMode) -> &'static str {
    let limits = AudioLimits { max_seconds: Some(MAX_SECONDS) };
    let mut stream = match AudioStream::open(path, mode, &limits) {
        Ok(stream) => stream,
        Err(e) => return e.reason().as_str(),
    };
    loop {
        match stream.next_block() {
            Ok(None) => return "ok",
            Ok(Some(block)) => {
                assert_eq!(block.len(), stream.output_channels());
                assert!(block.iter().all(|c| c.len() == block[0].len() && c.len() <= 16_000));
                assert!(block.iter().flatten().all(|s| s.is_finite()));
            }
            Err(e) => return e.reason().as_str(),
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|_| panic!("{name} is not a number: {v}")))
}

/// Watchdog that aborts the process when one input exceeds the deadline, because a hung thread cannot be
/// ended alone.
fn watchdog(
    current: Arc<AtomicU64>,
    done: mpsc::Receiver<()>,
    input: PathBuf,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut last = (u64::MAX, Instant::now());
        while let Err(mpsc::RecvTimeoutError::Timeout) = done.recv_timeout(Duration::from_millis(500)) {
            let now = current.load(Ordering::Relaxed);
            if now != last.0 {
                last = (now, Instant::now());
            } else if last.1.elapsed() > DEADLINE {
                eprintln!("input {now} takes longer than {DEADLINE:?}; it is kept in {}", input.display());
                std::process::abort();
            }
        }
    })
}

#[test]
fn damaged_files_cause_no_crash_no_hang_and_no_excessive_memory() {
    let corpus = corpus();
    let one = number("VERBATIM_FUZZ_ONE");
    let seconds = number("VERBATIM_FUZZ_SECONDS").unwrap_or(3);
    let first = one.or(number("VERBATIM_FUZZ_FIRST")).unwrap_or(1);
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("input");
    if let (Some(n), Ok(keep)) = (one, std::env::var("VERBATIM_FUZZ_KEEP")) {
        std::fs::write(keep, generate(n, &corpus)).unwrap();
    }

    // Panics that the decoder catches are findings about its libraries: position, count, first input.
    let caught: Arc<Mutex<BTreeMap<String, (u64, u64)>>> = Arc::default();
    let current = Arc::new(AtomicU64::new(0));
    let (seen, at) = (Arc::clone(&caught), Arc::clone(&current));
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or_else(String::new, |l| format!("{}:{}", l.file(), l.line()));
        if place.contains("fuzz_decode.rs") {
            return usual(info);
        }
        let mut seen = seen.lock().unwrap();
        seen.entry(format!("{place}: {}", info.payload_as_str().unwrap_or("")))
            .or_insert((at.load(Ordering::Relaxed), 0))
            .1 += 1;
    }));

    let (done, finished) = mpsc::channel();
    let watchdog = watchdog(Arc::clone(&current), finished, input.clone());
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut slowest = (Duration::ZERO, 0);
    let mut largest = (0, 0);
    let start = Instant::now();
    let mut n = first;
    while (start.elapsed() < Duration::from_secs(seconds) && one.is_none()) || n == first {
        current.store(n, Ordering::Relaxed);
        std::fs::write(&input, generate(n, &corpus)).unwrap();
        let before = LIVE.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let mode = if n.is_multiple_of(2) { ChannelMode::Mix } else { ChannelMode::Split };
        let began = Instant::now();
        *outcomes.entry(run(&input, mode)).or_default() += 1;
        slowest = slowest.max((began.elapsed(), n));
        let held = PEAK.load(Ordering::Relaxed).saturating_sub(before);
        largest = largest.max((held, n));
        assert!(held <= MEMORY, "input {n} held {held} bytes");
        n += 1;
    }
    drop(done);
    watchdog.join().unwrap();
    println!("{} inputs from {first} on in {:.0?}: {outcomes:?}", n - first, start.elapsed());
    println!("slowest {slowest:?}, largest {largest:?} bytes");
    for (place, (input, times)) in caught.lock().unwrap().iter() {
        println!("caught {times} panics, first in input {input}: {place}");
    }
    if one.is_none() {
        assert!(outcomes.get("ok").is_some_and(|&ok| ok > 10), "hardly any input decodes: {outcomes:?}");
        assert!(
            outcomes.contains_key(FailureReason::Corrupt.as_str()),
            "no damage was noticed: {outcomes:?}"
        );
    }
}
