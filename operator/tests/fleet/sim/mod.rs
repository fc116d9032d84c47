//! A cluster, its workers and a job's ledger as events on a clock of their own, with the operator's decisions in the loop.

pub(crate) mod families;
pub(crate) mod figures;
pub(crate) mod job;
pub(crate) mod look;
pub(crate) mod random;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod world;
