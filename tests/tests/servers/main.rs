//! Tests against real servers on the loopback: Kubernetes' control plane, an S3 server, and a proxy with
//! faults before it.
//!
//! One binary, so that one control plane serves all of them. Tests on a real node are in `node`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod api;
mod chart;
mod control_plane;
mod proxy;
mod s3;
