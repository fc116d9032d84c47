//! Measurement of processes from outside: `/proc`, the cgroup, NVML. Linux only.
//!
//! [`Sampler`] takes the process ids of engines and gives [`Snapshot`]s. Values that the kernel does not
//! provide are `None` and never an error: the rest is measured.

mod cgroup;
mod gpu;
mod machine;
mod proc_file;
mod process;
mod sampler;
mod snapshot;

pub use process::{own_process, start_time};
pub use sampler::Sampler;
pub use snapshot::{Cgroup, Gpu, Machine, Process, Snapshot};
