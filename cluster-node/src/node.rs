//! A node's life: open, enter, start, run, stop.

mod parts;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use futures_util::FutureExt;
use gossamer_proto::channel::{Channels, Expect};
use gossamer_proto::limits;
use gossamer_proto::listener::{self, Bound};
use gossamer_proto::v1::NodeReport;
use gossamer_proto::v1::peer_server::PeerServer;
use gossamer_world::network::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::data::{self, ticket::Tickets};
use crate::enter::{Door, EnterError};
use crate::folder::{Folder, FolderError};
use crate::identity::{Former, Member};
use crate::peers::{Cluster, Peers};
use crate::storage::open::{self, OpenError, Storage};
use crate::storage::{collect, repair, scrub};
use crate::whereabouts::Whereabouts;
use crate::{lead, raft, read, report, source, steal, upload};

/// Why a node ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Log, snapshot, catalogue or extents cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No cluster lets it in.
    #[error(transparent)]
    Enter(#[from] EnterError),
    /// Raft could not start.
    #[error(transparent)]
    Raft(#[from] raft::StartError),
    /// The founding node could not initialise the cluster.
    #[error("founding the cluster: {0}")]
    Found(#[from] raft::ProposeError),
    /// The disk or Raft failed while it ran: it must not go on with what it may have lost.
    #[error("the node had to stop: {0}; the others go on without it; mend the disk and start it again")]
    Failed(String),
    /// A listener failed.
    #[error("the gRPC server ended: {0}")]
    Serve(#[from] tonic::transport::Error),
    /// The last writes of a clean stop failed.
    #[error("stopping: {0}")]
    Close(io::Error),
}

/// Runs a node in `folder` on two bound ports until shutdown or failure.
pub async fn run(
    config: Config,
    mut folder: Folder,
    control: Bound,
    data: Bound,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let channels = Channels::new(&config.world, config.trust.clone());
    let whereabouts = Whereabouts::new(config.advertise.clone(), control.addr().port(), data.addr().port());
    let process = Bytes::copy_from_slice(&config.world.random.id());
    let storage = open::storage(&config, &mut folder).await?;
    let door = Door {
        channels: channels.clone(),
        queues: config.queues.clone(),
        identity: folder.identity().clone(),
        process,
        whereabouts,
        shutdown: shutdown.clone(),
    };
    let member = match folder.identity().member.clone() {
        Some(member) => {
            door.admits(&member).await?;
            member
        }
        None => {
            let member = door.enter().await?;
            folder.enter(member.clone())?;
            member
        }
    };
    tracing::info!(node = member.node_id, cluster = member.cluster_name, "in the cluster");
    let node = match Box::pin(Node::start(config, &folder, storage, member, channels, door)).await {
        Ok(node) => node,
        Err(error) => return Err(noted(error, &mut folder)),
    };
    if let Err(error) = Box::pin(node.serve(control, data, shutdown)).await {
        // First of all: closing what is open may take as long as a disk that fails likes, or end the process.
        let error = noted(error, &mut folder);
        node.end_raft().await;
        return Err(error);
    }
    node.end_raft().await;
    match node.close(folder.dir()).await {
        Ok(()) => Ok(folder.close()?),
        Err(error) => Err(noted(error, &mut folder)),
    }
}

/// After an error that may have been of the catalogue, or a sync: neither is believed at the next start, which builds the one
/// anew.
fn noted(error: RunError, folder: &mut Folder) -> RunError {
    if let RunError::Failed(_) | RunError::Raft(_) | RunError::Close(_) = error
        && let Err(error) = folder.distrust()
    {
        tracing::error!(%error, "the next start cannot be told to build the catalogue anew");
    }
    error
}

/// Queue servers that may all hand out as much as they were offered at the same time.
const FULL_QUEUES: usize = 4;

/// Everything that runs in a started node.
struct Node {
    config: Config,
    storage: Storage,
    member: Member,
    channels: Channels,
    peers: Peers,
    raft: raft::Handle,
    upload: upload::Handle,
    tickets: Arc<Tickets>,
    served: Arc<AtomicU64>,
    sources: report::Sources,
    scrub: scrub::Scrub,
    report: (watch::Sender<NodeReport>, watch::Receiver<NodeReport>),
    whereabouts: Whereabouts,
    door: Door,
}

impl Node {
    async fn start(
        config: Config,
        folder: &Folder,
        storage: Storage,
        member: Member,
        channels: Channels,
        door: Door,
    ) -> Result<Self, RunError> {
        let whereabouts = door.whereabouts.clone();
        let peers =
            Peers::new(channels.clone(), Cluster { id: member.cluster_id.clone(), epoch: member.epoch });
        let raft = raft::start(raft::Config {
            world: config.world.clone(),
            id: member.node_id,
            cluster: member.cluster_id.clone(),
            log: storage.log.clone(),
            catalogue: storage.catalogue.clone(),
            snapshots: storage.snapshots.clone(),
            chunks: storage.chunks.clone(),
            peers: peers.clone(),
            compaction: config.compaction,
            witness: config.witness.clone(),
        })
        .await?;
        if member.founder {
            // No effect on a log that is not empty: a founder that crashed right after the grant ends here again.
            raft.initialize().await?;
        }
        let tickets = Arc::new(Tickets::new(&config.world));
        let upload = upload::Handle::new(upload::Config {
            world: config.world.clone(),
            channels: channels.clone(),
            raft: raft.clone(),
            catalogue: storage.catalogue.clone(),
            chunks: storage.chunks.clone(),
            peers: peers.clone(),
            tickets: tickets.clone(),
            whereabouts: whereabouts.clone(),
            dir: folder.dir().to_owned(),
            reserve_bytes: config.reserve_bytes,
        });
        let served = Arc::new(AtomicU64::new(0));
        let scrub = scrub::Scrub {
            world: config.world.clone(),
            dir: folder.dir().to_owned(),
            catalogue: storage.catalogue.clone(),
            chunks: storage.chunks.clone(),
            snapshots: storage.snapshots.clone(),
            log: storage.log.clone(),
            cut: Arc::new(raft.clone()),
            progress: Arc::default(),
            stepping: Arc::default(),
        };
        let sources = report::Sources {
            world: config.world.clone(),
            dir: folder.dir().to_owned(),
            fixed: NodeReport {
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                storage_id: Bytes::copy_from_slice(&folder.identity().storage_id),
                replaces: folder.identity().replaces.iter().map(Former::report).collect(),
                run: folder.identity().run,
                process: door.process.clone(),
                ..NodeReport::default()
            },
            whereabouts: whereabouts.clone(),
            view: raft.view(),
            catalogue: storage.catalogue.clone(),
            chunks: storage.chunks.clone(),
            served: served.clone(),
            scrub: scrub.progress.clone(),
        };
        let report = watch::channel(sources.with_space(sources.report(&NodeReport::default())));
        Ok(Node {
            config,
            storage,
            member,
            channels,
            peers,
            raft,
            upload,
            tickets,
            served,
            sources,
            scrub,
            report,
            whereabouts,
            door,
        })
    }

    /// Serves until shutdown or failure; at shutdown leadership is handed over first, so that no client waits for
    /// an election.
    async fn serve(&self, control: Bound, data: Bound, shutdown: CancellationToken) -> Result<(), RunError> {
        let stop = CancellationToken::new();
        let mut work = JoinSet::new();
        let mut server = std::pin::pin!(self.spawn(&mut work, control, data, &stop));
        let ended = tokio::select! {
            biased;
            failed = self.failed() => Err(RunError::Failed(failed)),
            panicked = panicked(&mut work) => Err(RunError::Failed(panicked)),
            () = shutdown.cancelled() => Ok(()),
            why = self.expelled() => Err(EnterError::Refused(why).into()),
            ended = server.as_mut() => match ended {
                Ok(()) => Err(RunError::Failed("the gRPC server ended by itself".to_owned())),
                Err(error) => Err(error.into()),
            },
        };
        if ended.is_err() {
            // Nothing is waited for: until it is noted, the next start may trust what it must not.
            stop.cancel();
            return ended;
        }
        // Served until leadership has moved: the others have to reach this node meanwhile.
        tokio::select! {
            () = self.raft.hand_over() => {}
            _ = server.as_mut() => {}
        }
        stop.cancel();
        let rest = async { while work.join_next().await.is_some() {} };
        if tokio::time::timeout(limits::STOP, rest).await.is_err() {
            // Nothing acknowledged depends on it.
            tracing::warn!(
                "something was still under way {:?} after this node was told to stop",
                limits::STOP
            );
        }
        // It may have failed meanwhile, and then this is no clean stop.
        self.failed().now_or_never().map_or(Ok(()), |why| Err(RunError::Failed(why)))
    }

    async fn end_raft(&self) {
        if tokio::time::timeout(limits::STOP, self.raft.shutdown()).await.is_err() {
            tracing::warn!("raft did not end within {:?}", limits::STOP);
        }
    }

    fn spawn(
        &self,
        work: &mut JoinSet<()>,
        control: Bound,
        data: Bound,
        stop: &CancellationToken,
    ) -> impl Future<Output = Result<(), tonic::transport::Error>> + use<> {
        // Every queue server may hand out all the credits it was offered; with more of them the room is the limit.
        let (leader_claims, leader_tasks) = mpsc::channel(limits::LEADER_CREDITS as usize * FULL_QUEUES);
        let (read_claims, read_tasks) = mpsc::channel(limits::READ_CREDITS as usize * FULL_QUEUES);
        work.spawn(report::run(self.sources.clone(), self.report.0.clone(), stop.clone()));
        work.spawn(data::run(data, self.data_config(), stop.clone()));
        work.spawn(lead::run(self.lead(), leader_tasks, stop.clone()));
        work.spawn(read::run(self.read_config(), read_tasks, stop.clone()));
        work.spawn(steal::run(self.steal_config(leader_claims, read_claims), stop.clone()));
        work.spawn(collect::run(self.config.world.clone(), self.storage.chunks.clone(), stop.clone()));
        work.spawn(scrub::run(self.scrub.clone(), stop.clone()));
        let others = source::Nodes::new(self.channels.clone(), self.peers.clone());
        let (world, chunks) = (self.config.world.clone(), self.storage.chunks.clone());
        work.spawn(repair::run(world, chunks, Arc::new(others), stop.clone()));
        work.spawn(self.raft.clone().refill(stop.clone()));
        work.spawn(replayed(self.raft.clone(), self.storage.clone(), stop.clone()));
        let expect = Expect(self.peers.target(self.member.node_id));
        let raft = self.raft.service().server();
        let peer = PeerServer::new(self.peer_service())
            .max_decoding_message_size(limits::MESSAGE_BYTES)
            .max_encoding_message_size(limits::MESSAGE_BYTES);
        let stopped = stop.clone();
        listener::server()
            .layer(tonic::service::InterceptorLayer::new(expect))
            .add_service(raft)
            .add_service(peer)
            .serve_with_incoming_shutdown(control.incoming(), stopped.cancelled_owned())
    }

    /// Resolves when this node is no longer wanted.
    async fn expelled(&self) -> String {
        let view = self.raft.view();
        self.door.expelled(&self.member, || view.borrow().leading).await
    }

    /// Resolves when the node must not go on.
    async fn failed(&self) -> String {
        tokio::select! {
            error = self.storage.log.failed() => format!("the log: {error}"),
            error = self.storage.chunks.failed() => format!("the extents: {error}"),
            why = self.raft.stopped() => why,
            why = self.scrub.progress.failed() => why,
        }
    }

    /// Leaves files that the next start may trust.
    async fn close(self, dir: &Path) -> Result<(), RunError> {
        let Node { config, storage, .. } = self;
        storage.log.close().await.map_err(RunError::Close)?;
        let (world, dir) = (config.world.clone(), dir.to_owned());
        config.world.blocking.run(move || storage.close(&world, &dir)).await.map_err(RunError::Close)
    }
}

impl scrub::Cut for raft::Handle {
    fn towards(&self, index: u64) -> BoxFuture<'_, ()> {
        Box::pin(self.cut_towards(index))
    }
}

/// Resolves when a task of the node has panicked: without it the node would go on as half of one.
async fn panicked(work: &mut JoinSet<()>) -> String {
    while let Some(ended) = work.join_next().await {
        if let Err(error) = ended {
            return format!("one of its tasks: {error}");
        }
    }
    std::future::pending().await
}

/// Once a barrier has passed, everything that this node may have confirmed before its last stop is applied again,
/// and the Collects of before no longer endanger it.
async fn replayed(raft: raft::Handle, storage: Storage, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            barrier = raft.barrier(limits::RPC) => if barrier.is_ok() { break },
        }
        tokio::time::sleep(limits::BEAT).await;
    }
    storage.chunks.replayed();
}
