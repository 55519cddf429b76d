//! `gossamer dev`: a whole cluster in this process, on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use gossamer_cluster_node::config::Config;
use gossamer_cluster_node::folder::Folder;
use gossamer_proto::listener::Bound;
use gossamer_proto::trust::Trust;
use gossamer_queue_server as queue_server;
use gossamer_world::World;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::node::{self, until_signal};
use super::{client_of, queue, status};
use crate::args::{Common, Dev};
use crate::failure::{FAILED, Failure};
use crate::place;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A cluster to try things out needs no half gigabyte kept free.
const RESERVE_BYTES: u64 = 64 << 20;

pub(super) async fn run(common: &Common, dev: Dev) -> Result<(), Failure> {
    let (dir, temporary) = match dev.dir {
        Some(dir) => (dir, false),
        None => (std::env::temp_dir().join(format!("gossamer-dev-{}", std::process::id())), true),
    };
    let dir = std::path::absolute(&dir)
        .map_err(|error| Failure::new(FAILED, format!("{}: {error}", dir.display())))?;
    let shutdown = CancellationToken::new();
    let ended = until_signal(serve(common, dev.nodes, &dir, temporary, shutdown.clone()), shutdown).await;
    if temporary && let Err(error) = std::fs::remove_dir_all(&dir) {
        eprintln!("gossamer: {} could not be removed: {error}", dir.display());
    }
    ended
}

async fn serve(
    common: &Common,
    nodes: u16,
    dir: &Path,
    temporary: bool,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let world = World::real();
    let usual = SocketAddr::new(ANY_PORT.ip(), place::QUEUE_PORT);
    let grpc = match Bound::bind(&world, usual, &Trust::Loopback).await {
        Ok(bound) => bound,
        Err(_) => place::bind(&world, ANY_PORT, &Trust::Loopback).await?,
    };
    let http = place::bind(&world, ANY_PORT, &Trust::Loopback).await?;
    let addr = grpc.addr().to_string();
    let mut servers = JoinSet::new();
    let config = queue_server::Config::new(world.clone(), dir.join("queue-server"), "dev".to_owned());
    servers.spawn(queue::serve(config, grpc, http, shutdown.clone()));
    for number in 1..=nodes {
        let folder: PathBuf = dir.join(format!("node-{number}"));
        let folder = Folder::open(&world, &folder).map_err(|error| Failure::new(FAILED, error))?;
        let (control, data) = (
            place::bind(&world, ANY_PORT, &Trust::Loopback).await?,
            place::bind(&world, ANY_PORT, &Trust::Loopback).await?,
        );
        let mut config = Config::new(world.clone(), vec![addr.clone()], ANY_PORT.ip().to_string());
        config.reserve_bytes = RESERVE_BYTES;
        servers.spawn(node::serve(config, folder, control, data, shutdown.clone()));
    }
    let mine = Common { queue: vec![addr.clone()], ..common.clone() };
    let client = client_of(&mine, mine.queue.clone(), Trust::Loopback)?;
    tokio::select! {
        ready = status::wait_for(&mine, &client, voters(nodes)) => {
            ready?;
            say_ready(&addr, nodes, dir, temporary);
        }
        Some(ended) = servers.join_next() => return ended.unwrap_or_else(|error| Err(Failure::new(FAILED, error))),
    }
    while let Some(ended) = servers.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                shutdown.cancel();
                return Err(failure);
            }
            Err(error) => return Err(Failure::new(FAILED, error)),
        }
    }
    Ok(())
}

/// The number of voters is odd and at most the target.
fn voters(nodes: u16) -> usize {
    let nodes = usize::from(nodes).min(gossamer_proto::limits::VOTER_TARGET);
    if nodes % 2 == 1 { nodes } else { nodes - 1 }
}

fn say_ready(addr: &str, nodes: u16, dir: &Path, temporary: bool) {
    let plural = if nodes == 1 { "node" } else { "nodes" };
    let fate = if temporary { "removed at the end" } else { "kept" };
    eprintln!(
        "ready: {nodes} {plural}, queue server {addr}, files in {} ({fate}). In another terminal:",
        dir.display()
    );
    if addr != format!("127.0.0.1:{}", place::QUEUE_PORT) {
        eprintln!("    export GOSSAMER_QUEUE={addr}");
    }
    eprintln!(
        "    gossamer put README.md\n    gossamer ls\n    gossamer get README.md copy.md\n    gossamer status"
    );
    eprintln!("Ctrl-C stops it.");
}
