//! Real servers for tests. Each belongs to its creator, and is removed with it.

pub mod cluster;
pub mod helm;
pub mod otelcol;
pub mod process;
pub mod proxy;
pub mod versitygw;

pub use self::cluster::ControlPlane;
pub use self::otelcol::Collector;
pub use self::proxy::Proxy;
pub use self::versitygw::VersityGw;
