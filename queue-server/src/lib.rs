//! The queue server: the door between clients and nodes. It holds tasks and relays bytes that it never reads.
//!
//! # Layout
//! - [`queue`]: both queues as a pure state machine; `desk`: one lock around it, and the outboxes of all streams
//! - `door`: the face for clients; `work`: the face for nodes; `outbox`: what waits to be sent down a stream
//! - `nodes`: what nodes said of themselves; `found`: which cluster this is, and who may found it
//! - `folder`: what is kept on disk; `server`: what the faces share; `http`: health and metrics
//!
//! # Invariants
//! - The grant to found a cluster is on disk before it is sent, and is only ever given to one storage id.
//! - Every queue and outbox is bounded; whoever does not read what it asked for is disconnected, never waited for.
//! - What [`queue`] promises of tasks and leases.
//!
//! # What it does not guarantee
//! - That a task runs at most once: a lease may be lost after its node began. Operations carry their own identity.
//! - That tasks survive its end: clients send them again, to this or to another queue server.
//! - That two queue servers started with empty folders do not let one node each found a cluster of its own: found
//!   with one.

mod config;
mod desk;
mod door;
mod folder;
mod found;
mod http;
mod nodes;
mod outbox;
pub mod queue;
mod server;
mod work;

use std::sync::Arc;
use std::time::Duration;

pub use config::{Cluster, Config, Metrics, Witness};
pub use folder::FolderError;
use gossamer_proto::listener::{Bound, server as grpc_server};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::door::ClientDoor;
use crate::folder::Folder;
use crate::found::Founding;
use crate::server::Server;
use crate::work::NodeDoor;

/// How often deadlines, leases and silences are looked at: well under [`gossamer_proto::limits::SILENCE`].
const TICK: Duration = Duration::from_millis(20);
/// How long connections get to end when the queue server stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a queue server stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The folder belongs to another cluster than the token.
    #[error("{0}")]
    OtherCluster(String),
    /// The gRPC server failed.
    #[error("the gRPC server failed: {0}")]
    Grpc(#[from] tonic::transport::Error),
    /// The HTTP server failed.
    #[error("the HTTP server failed: {0}")]
    Http(std::io::Error),
}

/// Runs a queue server on bound addresses until `shutdown`.
pub async fn run(
    config: Config,
    grpc: Bound,
    http: Option<Bound>,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let (world, dir) = (config.world.clone(), config.dir.clone());
    let (folder, cluster) = config.world.blocking.run(move || Folder::open(&world, &dir)).await?;
    let now = Instant::now();
    // Whatever ends this call ends every stream, so that none outlives the folder's lock.
    let shutdown = shutdown.child_token();
    let _ends_all = shutdown.clone().drop_guard();
    let server = Arc::new(Server {
        desk: Desk::new(config.world.random.number(), config.bounds, config.witness),
        founding: Founding::new(config.world, folder, cluster, config.cluster, now + config.grace)?,
        insecure: config.insecure,
        metrics: config.metrics,
        started: now,
        shutdown: shutdown.clone(),
    });
    tracing::info!(addr = %grpc.addr(), "queue server");
    let serve = async {
        let services = grpc_server()
            .add_service(ClientDoor::service(server.clone()))
            .add_service(NodeDoor::service(server.clone()));
        let grpc = async {
            let stop = shutdown.cancelled();
            services.serve_with_incoming_shutdown(grpc.incoming(), stop).await.map_err(RunError::Grpc)
        };
        let http = async {
            match http {
                Some(bound) => http::serve(server.clone(), bound).await.map_err(RunError::Http),
                None => Ok(()),
            }
        };
        tokio::try_join!(grpc, http).map(drop)
    };
    tokio::select! {
        result = Box::pin(serve) => result,
        () = tick(&server) => Ok(()),
        () = farewell(&shutdown) => Ok(()),
    }
}

/// Lets time pass for the queues, for ever.
async fn tick(server: &Server) {
    let mut every = interval(TICK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        server.desk.tick();
    }
}

/// Ends a bounded time after the shutdown began, however slow the connections are to end.
async fn farewell(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(FAREWELL).await;
}
