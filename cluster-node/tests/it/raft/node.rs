//! A node with Raft, storage and a gRPC server on loopback, and nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use gossamer_cluster_node::peers::{Address, Cluster, Peers, Since};
use gossamer_cluster_node::raft::{self, Compaction, Handle, View};
use gossamer_cluster_node::storage::catalogue::Catalogue;
use gossamer_cluster_node::storage::catalogue::memory::Memory;
use gossamer_cluster_node::storage::extents::{self, Chunks};
use gossamer_cluster_node::storage::log::{self, Log};
use gossamer_cluster_node::storage::snapshot::Snapshots;
use gossamer_proto::channel::{Channels, Expect};
use gossamer_proto::listener::{Bound, server};
use gossamer_proto::trust::Trust;
use gossamer_proto::v1;
use gossamer_proto::v1::peer_server::PeerServer;
use gossamer_world::World;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

/// No step of a scenario takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Node {
    pub(super) raft: Handle,
    pub(super) log: Log,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) chunks: Arc<Chunks>,
    pub(super) snapshots: Arc<Snapshots>,
    pub(super) peers: Peers,
    pub(super) silence: Arc<Silence>,
    world: World,
    address: SocketAddr,
    server: AbortHandle,
    folder: TempDir,
    _refills: DropGuard,
}

/// Keeps a node from answering read barriers, as a paused process does.
#[derive(Default)]
pub(super) struct Silence {
    pub(super) begun: AtomicBool,
    /// Told of each question that gets no answer.
    pub(super) asked: Notify,
}

impl Node {
    /// A node with an empty folder.
    pub(super) async fn start(id: u64, compaction: Compaction) -> Node {
        Node::start_in(id, compaction, World::real()).await
    }

    /// The same with another disk, say.
    pub(super) async fn start_in(id: u64, compaction: Compaction, world: World) -> Node {
        Node::open(id, compaction, world, tempfile::tempdir().unwrap()).await
    }

    async fn open(id: u64, compaction: Compaction, world: World, folder: TempDir) -> Node {
        let dir = |name: &str| Path::join(folder.path(), name);
        let config = log::Config { segment_bytes: 1 << 20, cache_bytes: 1 << 20 };
        let log = Log::open(&world, &dir("log"), config).await.unwrap();
        let backend = Arc::new(Memory::default());
        let config = extents::Config { extent_bytes: 4 << 20, reserve_bytes: 0, after_crash: false };
        let chunks = Chunks::open(&world, &dir("extents"), backend.clone(), config).unwrap();
        let catalogue = Arc::new(Catalogue::open(backend, chunks.clone()).unwrap());
        let snapshots = Snapshots::open(&world, &dir("snapshots")).unwrap();
        snapshots.restore(&catalogue, false).unwrap();
        let cluster = Bytes::from_static(b"cluster");
        let peers =
            Peers::new(Channels::new(&world, Trust::Loopback), Cluster { id: cluster.clone(), epoch: 0 });
        let config = raft::Config {
            world: world.clone(),
            id,
            cluster,
            log: log.clone(),
            catalogue: catalogue.clone(),
            snapshots: snapshots.clone(),
            chunks: chunks.clone(),
            peers: peers.clone(),
            compaction,
            witness: None,
        };
        let raft = Box::pin(raft::start(config)).await.unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(raft.clone().refill(shutdown.clone()));
        let bound = Bound::bind(&world, "127.0.0.1:0".parse().unwrap(), &Trust::Loopback).await.unwrap();
        let address = bound.addr();
        let expect = Expect(peers.target(id));
        let silence = Arc::<Silence>::default();
        let router = server()
            .add_service(InterceptedService::new(raft.service().server(), expect.clone()))
            .add_service(PeerServer::with_interceptor(Peer(raft.clone(), silence.clone()), expect));
        let server = tokio::spawn(router.serve_with_incoming(bound.incoming())).abort_handle();
        Node {
            raft,
            log,
            catalogue,
            chunks,
            snapshots,
            peers,
            silence,
            world,
            address,
            server,
            folder,
            _refills: shutdown.drop_guard(),
        }
    }

    /// Ends Raft and its server, as a crash would for the others.
    pub(super) async fn stop(&self) {
        self.server.abort();
        self.raft.shutdown().await;
    }

    /// Stops and starts again on the same folder; the catalogue comes from snapshot and log alone.
    pub(super) async fn restart(self, compaction: Compaction) -> Node {
        self.stop().await;
        self.log.close().await.unwrap();
        let id = self.raft.id();
        let Node { world, folder, .. } = self;
        Node::open(id, compaction, world, folder).await
    }

    pub(super) fn view(&self) -> View {
        self.raft.view().borrow().clone()
    }

    /// Waits until the view is as wanted, and returns it.
    pub(super) async fn until(&self, wanted: impl FnMut(&View) -> bool) -> View {
        let mut view = self.raft.view();
        let waited = tokio::time::timeout(PATIENCE, view.wait_for(wanted)).await;
        match waited {
            Ok(seen) => seen.unwrap().clone(),
            Err(_) => panic!("node {} stayed at {:?}", self.raft.id(), self.view()),
        }
    }

    /// Waits until this node has applied entry `index`.
    pub(super) async fn applied(&self, index: u64) {
        self.until(|view| view.applied.is_some_and(|applied| applied.index >= index)).await;
    }
}

/// Tells all nodes where all are.
pub(super) fn introduce(nodes: &[&Node]) {
    for node in nodes {
        for other in nodes {
            let control = other.address.to_string();
            node.peers.learn(other.raft.id(), Address { data: control.clone(), control }, Since::default());
        }
    }
}

/// Waits for the first of these nodes that leads.
pub(super) async fn leader<'a>(nodes: &[&'a Node]) -> &'a Node {
    let waits = nodes.iter().map(|node| {
        Box::pin(async move {
            node.until(|view| view.leading).await;
            *node
        })
    });
    futures_util::future::select_all(waits).await.0
}

/// Answers read barriers only.
struct Peer(Handle, Arc<Silence>);

type Verifying = Pin<Box<dyn Stream<Item = Result<v1::VerifyProgress, Status>> + Send>>;

fn absent<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not part of this scenario"))
}

#[tonic::async_trait]
impl v1::peer_server::Peer for Peer {
    type VerifyStream = Verifying;

    async fn read_index(
        &self,
        _: Request<v1::ReadIndexRequest>,
    ) -> Result<Response<v1::ReadIndexAnswer>, Status> {
        if self.1.begun.load(Ordering::Relaxed) {
            self.1.asked.notify_one();
            return std::future::pending().await;
        }
        Ok(Response::new(self.0.serve_read_index().await))
    }
    async fn receive(&self, _: Request<v1::ReceiveRequest>) -> Result<Response<v1::ReceiveAnswer>, Status> {
        absent()
    }
    async fn seal(&self, _: Request<v1::SealRequest>) -> Result<Response<v1::SealAnswer>, Status> {
        absent()
    }
    async fn offer(&self, _: Request<v1::OfferRequest>) -> Result<Response<v1::OfferAnswer>, Status> {
        absent()
    }
    async fn state(&self, _: Request<v1::StateRequest>) -> Result<Response<v1::StateAnswer>, Status> {
        absent()
    }
    async fn verify(&self, _: Request<v1::VerifyRequest>) -> Result<Response<Verifying>, Status> {
        absent()
    }
}
