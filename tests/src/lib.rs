//! Real servers for tests. Each belongs to who started it, and goes away with it.

pub mod process;
pub mod versitygw;

pub use self::versitygw::VersityGw;
