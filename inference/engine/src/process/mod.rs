//! Engine as a process: a supervisor starts it and exchanges messages with it over one socket.
//!
//! The supervisor may kill the process at any moment. The process ends when the supervisor is gone.

mod exit;
mod inject;
mod receive;
mod sandbox;
mod send;
mod serve;

pub use sandbox::enter as enter_sandbox;
pub use serve::{Load, main};
