//! A queue server whose every word the test says itself.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use gossamer_proto::listener::{Bound, server};
use gossamer_proto::trust::Trust;
use gossamer_proto::v1::work_server::{Work, WorkServer};
use gossamer_proto::v1::{self, from_node, task, to_node};
use gossamer_world::World;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// Nothing here takes as long, unless it is never to come.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// The listening side.
pub(super) struct Queue {
    pub(super) addr: SocketAddr,
    opened: mpsc::Receiver<Session>,
    stop: CancellationToken,
    stopped: tokio::task::JoinHandle<()>,
}

impl Queue {
    pub(super) async fn start(addr: &str) -> Self {
        let bound = Bound::bind(&World::real(), addr.parse().unwrap(), &Trust::Loopback).await.unwrap();
        let addr = bound.addr();
        let (open, opened) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let stopped = tokio::spawn(async move {
            let serve =
                server().add_service(WorkServer::new(Service(open))).serve_with_incoming(bound.incoming());
            tokio::select! {
                ended = serve => ended.unwrap(),
                () = stopping.cancelled() => {}
            }
        });
        Queue { addr, opened, stop, stopped }
    }

    /// The next session, welcomed, and its hello.
    pub(super) async fn session(&mut self) -> (Session, v1::Hello) {
        let mut session = tokio::time::timeout(SOON, self.opened.recv()).await.unwrap().unwrap();
        let from_node::Kind::Hello(hello) = session.next().await.unwrap() else { panic!("no hello") };
        session.say(to_node::Kind::Welcome(v1::Welcome { boot_nonce: 1, lease_ms: 1000 })).await;
        (session, hello)
    }

    /// Gives the address free. Sessions end when they are dropped.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.stopped.await.unwrap();
    }
}

struct Service(mpsc::Sender<Session>);

#[tonic::async_trait]
impl Work for Service {
    type StealStream = Pin<Box<dyn Stream<Item = Result<v1::ToNode, Status>> + Send>>;

    async fn enter(&self, _: Request<v1::EnterRequest>) -> Result<Response<v1::EnterAnswer>, Status> {
        Err(Status::unimplemented("no test enters"))
    }

    async fn steal(
        &self,
        up: Request<Streaming<v1::FromNode>>,
    ) -> Result<Response<Self::StealStream>, Status> {
        let (down, messages) = mpsc::channel(64);
        self.0.send(Session { up: up.into_inner(), down }).await.unwrap();
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }
}

/// One stream, as the queue server sees it.
pub(super) struct Session {
    up: Streaming<v1::FromNode>,
    down: mpsc::Sender<Result<v1::ToNode, Status>>,
}

impl Session {
    /// The next message; none once the node has closed the stream.
    pub(super) async fn next(&mut self) -> Option<from_node::Kind> {
        let message = tokio::time::timeout(SOON, self.up.message()).await.expect("the node says something");
        message.unwrap().map(|message| message.kind.unwrap())
    }

    /// The next that is no beat.
    pub(super) async fn word(&mut self) -> from_node::Kind {
        loop {
            match self.next().await.expect("the stream goes on") {
                from_node::Kind::Beat(_) => {}
                other => return other,
            }
        }
    }

    /// The next that is neither a beat nor a credit.
    pub(super) async fn result(&mut self) -> from_node::Kind {
        loop {
            match self.word().await {
                from_node::Kind::Credit(_) => {}
                other => return other,
            }
        }
    }

    /// Waits for a beat that names exactly these leases. Beats come for ever, so that waiting ends only if one is right.
    pub(super) async fn beat_with(&mut self, leases: &[u64]) -> v1::NodeReport {
        let wait = async {
            loop {
                match self.next().await.expect("the stream goes on") {
                    from_node::Kind::Beat(beat) if beat.leases == leases => return beat.report.unwrap(),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("a beat with these leases")
    }

    pub(super) async fn say(&self, kind: to_node::Kind) {
        self.down.send(Ok(v1::ToNode { kind: Some(kind) })).await.unwrap();
    }

    /// Assigns a task with a minute left.
    pub(super) async fn assign(&self, lease: u64, queue: v1::Queue, kind: task::Kind) {
        let task = v1::Task { kind: Some(kind) }.encode_to_vec().into();
        let assign = v1::Assign { lease, queue: queue as i32, time_left_ms: 60_000, task };
        self.say(to_node::Kind::Assign(assign)).await;
    }
}
