//! Fleets of 1 to 1000 workers over whole jobs, with all that goes wrong: is the end foretold, the target kept, the
//! fleet quiet? All of it is seeded.

mod eta;
mod quiet;
mod sim;
mod target;
