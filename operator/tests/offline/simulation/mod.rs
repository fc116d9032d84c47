//! Simulation of a cluster, its workers and a job's ledger as events on a virtual clock, with the operator's
//! decisions in the loop.

pub(crate) mod figures;
pub(crate) mod job;
pub(crate) mod random;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod scenarios;
pub(crate) mod scrape;
pub(crate) mod world;
