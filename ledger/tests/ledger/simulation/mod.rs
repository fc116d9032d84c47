//! Workers over a store in memory, with faults drawn from a seed, on simulated time: thousands of seconds in a moment.
//!
//! A failure names its seed: `VERBATIM_SIMULATION_SEED=17 cargo test -p verbatim-ledger --test simulation` repeats it alone.

mod faulty;
mod world;

use self::world::{Mishaps, World};

/// Seeds that are tried, each a run with dozens of faults.
const RUNS: u64 = 200;

fn seeds() -> Vec<u64> {
    match std::env::var("VERBATIM_SIMULATION_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=RUNS).collect(),
    }
}

#[test]
fn nothing_is_lost_and_nothing_is_twice() {
    let mut faults = 0;
    for seed in seeds() {
        faults += World::new(seed, Mishaps::all()).run();
    }
    println!("{faults} faults in {} runs", seeds().len());
    assert!(faults > 1_000 || seeds().len() == 1, "{faults} faults try nothing");
}

#[test]
fn without_mishaps_each_file_is_asked_for_once() {
    let world = World::new(1, Mishaps::none());
    let requests = world.requests();
    world.run();
    let requests = requests.lock().unwrap().clone();
    println!("{requests:?}");
    let files = world::FILES as u64;
    assert_eq!(requests.gets_of_recordings, files);
    assert_eq!(requests.puts_of_transcripts, 2 * files, "two formats");
    // Three workers, each with some requests to begin and to end with.
    let most = 8 * requests.shards + 3 * 20;
    assert!(requests.others <= most, "{requests:?}: {most} at most");
}
