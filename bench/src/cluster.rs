//! A whole cluster on loopback, in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use gossamer_client::{Client, Config as ClientConfig};
use gossamer_cluster_node::config::Config;
use gossamer_cluster_node::{folder::Folder, node};
use gossamer_proto::listener::Bound;
use gossamer_proto::trust::Trust;
use gossamer_queue_server as queue_server;
use gossamer_world::World;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Nodes, all of them voters.
const NODES: usize = 3;
/// The cluster must have formed by then.
const FORMED: Duration = Duration::from_secs(30);
/// Benches may fill a disk further than a server should.
const RESERVE_BYTES: u64 = 64 << 20;

/// A running cluster. Its files are removed when it is dropped.
pub struct Cluster {
    /// A client of it.
    pub client: Client,
    shutdown: CancellationToken,
    work: TaskTracker,
    _dir: TempDir,
}

impl Cluster {
    /// Starts one and waits until it has all its voters.
    pub async fn start() -> Result<Self> {
        let (world, dir) = (World::real(), tempfile::tempdir()?);
        let (shutdown, work) = (CancellationToken::new(), TaskTracker::new());
        let queue = Bound::bind(&world, any_port(), &Trust::Loopback).await?;
        let queues = vec![queue.addr().to_string()];
        let config = queue_server::Config::new(world.clone(), dir.path().join("queue"), "bench");
        work.spawn(say(queue_server::run(config, queue, None, shutdown.clone())));
        for number in 1..=NODES {
            let dir = dir.path().join(format!("node-{number}"));
            node(&world, &dir, &queues, &work, &shutdown).await?;
        }
        let client = Client::new(ClientConfig::new(world, queues))?;
        tokio::time::timeout(FORMED, formed(&client)).await.context("the cluster did not form")?;
        Ok(Cluster { client, shutdown, work, _dir: dir })
    }

    /// Stops all of it.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.work.close();
        self.work.wait().await;
    }
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn node(
    world: &World,
    dir: &Path,
    queues: &[String],
    work: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<()> {
    let folder = Folder::open(world, dir)?;
    let control = Bound::bind(world, any_port(), &Trust::Loopback).await?;
    let data = Bound::bind(world, any_port(), &Trust::Loopback).await?;
    let mut config = Config::new(world.clone(), queues.to_vec(), Ipv4Addr::LOCALHOST.to_string());
    config.reserve_bytes = RESERVE_BYTES;
    work.spawn(say(node::run(config, folder, control, data, shutdown.clone())));
    Ok(())
}

/// A server that fails shows in the bench as a client that waits; this says why.
async fn say<E: std::fmt::Display>(server: impl Future<Output = Result<(), E>>) {
    if let Err(error) = server.await {
        eprintln!("a server ended: {error}");
    }
}

async fn formed(client: &Client) {
    loop {
        if let Ok(description) = client.describe().await {
            let mut reports = description.nodes.iter().filter_map(|node| node.report.as_ref());
            if reports.any(|report| report.leading && report.voters.len() == NODES && !report.joint) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
