//! Tests against real servers on the loopback: a Kubernetes control plane, an S3 server, and a
//! fault-injecting proxy in front of it.
//!
//! One binary, so that all tests share one control plane. Tests on a real node are in `node`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod api;
mod chart;
mod control_plane;
mod proxy;
mod s3;
