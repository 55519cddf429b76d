//! `gossamer queue`: a queue server.

use std::net::SocketAddr;
use std::sync::Arc;

use gossamer_proto::listener::Bound;
use gossamer_queue_server::{self as queue_server, Cluster, RunError};
use gossamer_world::World;
use tokio_util::sync::CancellationToken;

use super::node::until_signal;
use crate::args::{Common, Queue};
use crate::failure::{FAILED, Failure, REFUSED};
use crate::{credentials, lan, place};

pub(super) async fn run(common: &Common, queue: Queue) -> Result<(), Failure> {
    let world = World::real();
    let dir = match queue.dir {
        Some(dir) => dir,
        None => place::base()?.join("queue-server"),
    };
    let kept = credentials::of_server(common, &dir, dir.join("cluster").exists())?;
    if let Some(kept) = kept.as_ref().filter(|kept| !kept.is_kept) {
        credentials::keep(&dir, kept)?;
    }
    let trust = credentials::trust(kept.map(|kept| kept.token), common);
    let listen = queue.listen.unwrap_or_else(|| SocketAddr::new(place::host(&trust), place::QUEUE_PORT));
    let grpc = place::bind(&world, listen, &trust).await?;
    let http = place::bind(&world, queue.http.unwrap_or_else(|| http_beside(listen)), &trust).await?;
    eprintln!("queue server on {}, http://{}/metrics, folder {}", grpc.addr(), http.addr(), dir.display());
    let shutdown = CancellationToken::new();
    let mut config = queue_server::Config::new(world, dir, queue.cluster);
    config.insecure = trust.is_insecure();
    if let Some(token) = trust.token() {
        // Who has a token joins: clusters are founded by `up`.
        config.cluster = Cluster::Join { name: token.name().to_owned(), id: *token.cluster() };
        let ask = lan::Ask {
            trust: trust.clone(),
            announce: Some(grpc.addr().port()),
            fixed: Vec::new(),
            advertise: None,
            search: true,
        };
        config.metrics = lan::search(ask, &shutdown).counters.map(metrics);
    }
    let serving = serve(config, grpc, http, shutdown.clone());
    until_signal(serving, shutdown).await
}

/// Where health and metrics are, if nobody says: the next port; if the kernel chose the first, it chooses both.
pub(super) fn http_beside(grpc: SocketAddr) -> SocketAddr {
    let next = if grpc.port() == 0 { 0 } else { grpc.port().saturating_add(1) };
    SocketAddr::new(grpc.ip(), next)
}

/// What discovery counts, as lines for `/metrics`.
pub(super) fn metrics(discovery: gossamer_discovery::Handle) -> queue_server::Metrics {
    Arc::new(move || discovery.counters().render())
}

/// Runs a queue server until shutdown.
pub(super) async fn serve(
    config: queue_server::Config,
    grpc: Bound,
    http: Bound,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let ended = queue_server::run(config, grpc, Some(http), shutdown).await;
    ended.map_err(|error| {
        let code = if matches!(error, RunError::OtherCluster(_)) { REFUSED } else { FAILED };
        Failure::new(code, format!("queue server: {error}"))
    })
}
