//! Fleets of 1 to 1000 workers over whole jobs, with all that goes wrong: is the end foretold, the target kept, the
//! fleet quiet? All of it is seeded; `VERBATIM_TEST_SEED=1000` tries other seeds.

mod eta;
mod quiet;
// The example that draws uses some of it that tests do not.
#[allow(dead_code)]
mod sim;
mod target;
