//! `gossamer demo`: the main job by itself, on real processes, with a leader killed in the middle.

mod cluster;
mod content;
mod large;
mod small;

use std::path::PathBuf;

use gossamer_client::Client;
use tokio::time::Instant;

use crate::args::Common;
use crate::failure::{FAILED, Failure};
use crate::show::{hex, size};
use cluster::Cluster;

/// Nodes of the demo.
const NODES: usize = 3;

/// What the demo did so far, told as it happens.
pub(super) struct Story {
    began: Instant,
}

impl Story {
    /// One line with the time since the beginning. Standard error: the demo has no data to give.
    pub(super) fn tell(&self, what: impl std::fmt::Display) {
        eprintln!("{:7.2} s  {what}", self.began.elapsed().as_secs_f64());
    }
}

/// `1.5 GiB in 2.00 s, 768 MB/s`
pub(super) fn rate(bytes: u64, began: Instant) -> String {
    let seconds = began.elapsed().as_secs_f64();
    format!("{} in {seconds:.2} s, {:.0} MB/s", size::bytes(bytes), bytes as f64 / 1e6 / seconds)
}

/// Something that must hold does not.
pub(super) fn broken(what: impl std::fmt::Display) -> Failure {
    Failure::new(FAILED, format!("demo: {what}"))
}

pub(super) async fn run(common: &Common, file: Option<PathBuf>) -> Result<(), Failure> {
    let story = Story { began: Instant::now() };
    let mut cluster = Cluster::start(&story).await?;
    let ended = show(common, &story, &mut cluster, file).await;
    if let Err(failure) = &ended {
        story.tell(format_args!("FAILED: {}", failure.message));
        cluster.tell_logs();
    }
    cluster.clean_up(&story).await?;
    if ended.is_ok() {
        story.tell("every byte was right");
    }
    ended
}

async fn show(
    common: &Common,
    story: &Story,
    cluster: &mut Cluster,
    file: Option<PathBuf>,
) -> Result<(), Failure> {
    let client = cluster.client(common)?;
    let status = super::status::wait_for(&cluster.common(common), &client, NODES).await?;
    story.tell(format_args!("ready: {} voters", status.voters));
    let small = small::put(story, &client).await?;
    let large = large::prepare(story, cluster.dir(), file).await?;
    large::put_over_a_killed_leader(story, &client, cluster, &large).await?;
    small::get(story, &client, &small).await?;
    large::get(story, &client, cluster.dir(), &large).await?;
    cluster.restart_killed(story)?;
    // A node that has just started lacks nothing of what it knows of; what it missed meanwhile it must hear of first.
    super::status::wait_even(&cluster.common(common), &client, NODES).await?;
    story.tell("the killed node is back and holds everything again");
    verify(story, &client).await
}

async fn verify(story: &Story, client: &Client) -> Result<(), Failure> {
    let report =
        client.verify(&mut |_| {}).await.map_err(|error| Failure::of("verify", error.kind(), &error))?;
    for node in &report.nodes {
        if let Some(error) = &node.failure {
            return Err(broken(format_args!("node {} could not be verified: {error}", node.node)));
        }
        if let Some(bad) = node.bad.first() {
            return Err(broken(format_args!(
                "node {} has a bad chunk: {} {}",
                node.node,
                hex(&bad.hash),
                bad.reason
            )));
        }
        if node.digest.is_empty() || node.digest != report.nodes[0].digest {
            return Err(broken(format_args!("the catalogue of node {} differs", node.node)));
        }
    }
    if report.nodes.len() != NODES {
        return Err(broken(format_args!("{} nodes were verified, not {NODES}", report.nodes.len())));
    }
    let bytes = size::bytes(report.nodes.iter().map(|node| node.checked_bytes).sum());
    story.tell(format_args!(
        "verified: {NODES} equal catalogues at log index {}, {bytes} re-read from disk and hashed",
        report.index
    ));
    Ok(())
}
