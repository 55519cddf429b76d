//! `gossamer queue`: a queue server.

use std::net::SocketAddr;

use gossamer_proto::listener::Bound;
use gossamer_queue_server as queue_server;
use gossamer_world::World;
use tokio_util::sync::CancellationToken;

use super::node::until_signal;
use crate::args::{Common, Queue};
use crate::failure::{FAILED, Failure};
use crate::place;

pub(super) async fn run(common: &Common, queue: Queue) -> Result<(), Failure> {
    let world = World::real();
    let listen =
        queue.listen.unwrap_or_else(|| SocketAddr::new(place::host(common.insecure), place::QUEUE_PORT));
    let grpc = place::bind(&world, listen, common.insecure).await?;
    // Bound by the kernel to port 0, it is the kernel's choice for both.
    let next = if listen.port() == 0 { 0 } else { listen.port().saturating_add(1) };
    let http = queue.http.unwrap_or_else(|| SocketAddr::new(listen.ip(), next));
    let http = place::bind(&world, http, common.insecure).await?;
    let dir = match queue.dir {
        Some(dir) => dir,
        None => place::base()?.join("queue-server"),
    };
    eprintln!("queue server on {}, http://{}/metrics, folder {}", grpc.addr(), http.addr(), dir.display());
    let shutdown = CancellationToken::new();
    let config = queue_server::Config::new(world, dir, queue.cluster);
    let serving = serve(config, grpc, http, shutdown.clone());
    until_signal(serving, shutdown).await
}

/// Runs a queue server until shutdown.
pub(super) async fn serve(
    config: queue_server::Config,
    grpc: Bound,
    http: Bound,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let ended = queue_server::run(config, grpc, Some(http), shutdown).await;
    ended.map_err(|error| Failure::new(FAILED, format!("queue server: {error}")))
}
