//! A worker of this machine: the ledger's protocol, with our stores below it and our engine beside it.

pub mod batch;
pub mod counts;
pub mod identity;
pub mod looks;
pub mod room;
pub mod stores;
pub mod traced;
