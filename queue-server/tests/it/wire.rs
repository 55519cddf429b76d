//! A queue server on loopback, and the fake nodes and clients that talk to it.

use std::path::Path;

use bytes::Bytes;
use gossamer_proto::channel::Channels;
use gossamer_proto::listener::Bound;
use gossamer_proto::trust::Trust;
use gossamer_proto::v1::door_client::DoorClient;
use gossamer_proto::v1::work_client::WorkClient;
use gossamer_proto::v1::*;
use gossamer_queue_server::{Config, RunError, run};
use gossamer_world::World;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

pub(crate) const CLUSTER: Bytes = Bytes::from_static(&[7; 16]);

/// Fails a test that would otherwise hang.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("nothing came")
}

pub(crate) struct Running {
    pub(crate) grpc: String,
    pub(crate) http: String,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

impl Running {
    pub(crate) async fn start(dir: &Path, grace: Duration) -> Self {
        Self::start_with(dir, |config| config.grace = grace).await
    }

    pub(crate) async fn start_with(dir: &Path, set: impl FnOnce(&mut Config)) -> Self {
        let world = World::real();
        let any = "127.0.0.1:0".parse().unwrap();
        let grpc = Bound::bind(&world, any, &Trust::Loopback).await.unwrap();
        let http = Bound::bind(&world, any, &Trust::Loopback).await.unwrap();
        let shutdown = CancellationToken::new();
        let mut config = Config::new(world, dir, "test");
        set(&mut config);
        let (grpc_addr, http_addr) = (grpc.addr().to_string(), http.addr().to_string());
        let task = tokio::spawn(run(config, grpc, Some(http), shutdown.clone()));
        Running { grpc: grpc_addr, http: http_addr, shutdown, task }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        soon(self.task).await.unwrap().unwrap();
    }

    fn channel(&self) -> Channel {
        Channels::new(&World::real(), Trust::Loopback).grpc(&self.grpc).unwrap()
    }

    pub(crate) fn door(&self) -> DoorClient<Channel> {
        DoorClient::new(self.channel())
    }

    pub(crate) async fn enter(&self, storage: u8, cluster_id: Bytes) -> Result<EnterAnswer, Status> {
        let storage_id = Bytes::from(vec![storage; 16]);
        let request = EnterRequest { storage_id, cluster_id, ..EnterRequest::default() };
        Ok(soon(WorkClient::new(self.channel()).enter(request)).await?.into_inner())
    }

    pub(crate) async fn node(&self, id: u64, storage: u8, cluster: Bytes) -> Result<Node, Status> {
        let report = NodeReport { id, storage_id: vec![storage; 16].into(), ..NodeReport::default() };
        self.node_saying(report, cluster).await
    }

    pub(crate) async fn node_saying(&self, report: NodeReport, cluster: Bytes) -> Result<Node, Status> {
        let (send, receive) = mpsc::channel(64);
        let hello = Hello {
            cluster_id: cluster,
            cluster_name: "theirs".into(),
            report: Some(report.clone()),
            epoch: 0,
        };
        send.send(FromNode { kind: Some(from_node::Kind::Hello(hello)) }).await.unwrap();
        let mut work = WorkClient::new(self.channel());
        let stream = soon(work.steal(ReceiverStream::new(receive))).await?.into_inner();
        let mut node = Node { send, stream, report };
        assert!(matches!(node.next().await, Some(to_node::Kind::Welcome(_))));
        assert!(matches!(node.next().await, Some(to_node::Kind::Directory(_))));
        Ok(node)
    }

    pub(crate) async fn client(&self) -> Client {
        let (send, receive) = mpsc::channel(64);
        let stream = soon(self.door().submit(ReceiverStream::new(receive))).await.unwrap().into_inner();
        Client { send, stream }
    }

    pub(crate) async fn http_get(&self, path: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(&self.http).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        soon(stream.read_to_string(&mut text)).await.unwrap();
        text
    }
}

pub(crate) struct Node {
    send: mpsc::Sender<FromNode>,
    stream: Streaming<ToNode>,
    report: NodeReport,
}

impl Node {
    pub(crate) async fn send(&self, kind: from_node::Kind) {
        self.send.send(FromNode { kind: Some(kind) }).await.unwrap();
    }

    pub(crate) async fn credit(&self, queue: Queue, count: u32, term: u64) {
        self.send(from_node::Kind::Credit(Credit { queue: queue as i32, count, term, withdraw: false }))
            .await;
    }

    pub(crate) async fn beat(&self, leases: Vec<u64>) {
        self.send(from_node::Kind::Beat(Beat { report: Some(self.report.clone()), leases })).await;
    }

    pub(crate) async fn done(&self, lease: u64, outcome: &'static [u8]) {
        self.send(from_node::Kind::Done(Done { lease, outcome: outcome.into() })).await;
    }

    /// The next message; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<to_node::Kind> {
        soon(self.stream.message()).await.ok().flatten().and_then(|message| message.kind)
    }

    /// The next task; directories are passed over.
    pub(crate) async fn assigned(&mut self) -> Assign {
        loop {
            match self.next().await {
                Some(to_node::Kind::Assign(assign)) => return assign,
                Some(to_node::Kind::Directory(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

pub(crate) struct Client {
    send: mpsc::Sender<Request>,
    stream: Streaming<Answer>,
}

impl Client {
    pub(crate) async fn ask(&self, id: u64, queue: Queue, task: &'static [u8]) {
        let request = Request {
            id,
            queue: queue as i32,
            time_left_ms: 15_000,
            task: task.into(),
            ..Request::default()
        };
        self.send.send(request).await.unwrap();
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        soon(self.stream.message()).await.unwrap().expect("the stream goes on")
    }
}
