//! Real jobs for Prometheus to scrape: a control plane, an S3 server, the operator and workers on the
//! loopback, without root. `scripts/check-queries.sh` starts it together with a Prometheus.
//!
//! `cargo run --release -p verbatim-tests --example check_queries -- BINARIES SPEECH RECORDINGS STATE`: the
//! folder of `verbatim` and `verbatim-operator`; long recordings for soaks, which repeat them; many short
//! ones for the jobs; and a folder for logs. It prints `ready` when every job is applied, and runs until its
//! standard input is closed.

mod jobs;
mod pod;

use std::error::Error;
use std::io::Read as _;
use std::path::PathBuf;

use verbatim_testing::cluster::{ControlPlane, FakeNode, NodeOptions};
use verbatim_testing::versitygw::VersityGw;

use self::pod::Programs;

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [binaries, speech, recordings, state] = <[PathBuf; 4]>::try_from(folders)
        .map_err(|_| "usage: check_queries BINARIES SPEECH RECORDINGS STATE")?;
    let server = VersityGw::start()?;
    jobs::upload(&server, &recordings)?;

    let cluster = ControlPlane::start()?;
    cluster.apply(include_str!("../../../crds/transcriptionjobs.verbatim.dev.yaml"))?;
    cluster.apply(include_str!("../../../deploy/operator/rbac.yaml"))?;
    cluster.kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd/transcriptionjobs.verbatim.dev",
        "--timeout=60s",
    ])?;
    let system = cluster.namespace("verbatim-system")?;
    let programs = Programs { binaries, state: state.clone(), kubeconfig: cluster.kubeconfig(), speech };
    let mut nodes = vec![FakeNode::start(&system, NodeOptions::default(), programs.clone().script())?];
    jobs::operator(&system)?;
    let mut namespaces = vec![system];
    for (prefix, apply) in jobs::NAMESPACES {
        let namespace = cluster.namespace(prefix)?;
        nodes.push(FakeNode::start(&namespace, NodeOptions::default(), programs.clone().script())?);
        apply(&namespace, &server)?;
        namespaces.push(namespace);
    }
    std::fs::copy(cluster.kubeconfig(), state.join("kubeconfig"))?;
    std::fs::write(state.join("ready"), "")?;
    println!("ready");
    // Ends with the process that started it.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    // Workers first, then their namespaces, and the control plane last.
    drop(nodes);
    drop(namespaces);
    Ok(())
}
