//! Workers over a store in memory with random faults, in simulated time: thousands of seconds in a moment.
//!
//! A failure names its seed. To repeat it: `VERBATIM_SIMULATION_SEED=17 cargo test -p verbatim-ledger --test
//! ledger simulation`.

mod faulty;
mod world;

use self::world::{Faults, World};

/// Number of seeds, each a run with dozens of faults.
const RUNS: u64 = 200;

fn seeds() -> Vec<u64> {
    match std::env::var("VERBATIM_SIMULATION_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=RUNS).collect(),
    }
}

#[test]
fn nothing_is_lost_or_duplicated() {
    let mut count = 0;
    for seed in seeds() {
        count += World::new(seed, Faults::all()).run();
    }
    println!("{count} faults in {} runs", seeds().len());
    assert!(count > 1_000 || seeds().len() == 1, "{count} faults prove nothing");
}

#[test]
fn without_faults_each_file_is_read_once() {
    let world = World::new(1, Faults::none());
    let requests = world.requests();
    world.run();
    let requests = requests.lock().unwrap().clone();
    println!("{requests:?}");
    let files = world::FILES as u64;
    assert_eq!(requests.gets_of_recordings, files);
    assert_eq!(requests.puts_of_transcripts, 2 * files, "two formats");
    // Three workers, each with some requests at its start and end.
    let most = 8 * requests.shards + 3 * 20;
    assert!(requests.others <= most, "{requests:?}: {most} at most");
}
