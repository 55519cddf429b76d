//! A cluster in memory: one queue server (a real gRPC `Door`) and two nodes' data ports (real HTTP), with switches.

mod state;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use gossamer_client::{Client, Config};
use gossamer_proto::channel::{Body, full};
use gossamer_proto::hash::Hash;
use gossamer_proto::listener::{Bound, server};
use gossamer_proto::trust::Trust;
use gossamer_proto::v1::door_server::{Door, DoorServer};
use gossamer_proto::v1::{self, Answer, Outcome, Request, outcome};
use gossamer_world::World;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

use state::State;
pub(crate) use state::Trick;

/// Its two faces: the queue server's door, and the nodes' data ports.
#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    pub(crate) queue: String,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let world = World::real();
        let bind =
            async || Bound::bind(&world, "127.0.0.1:0".parse().unwrap(), &Trust::Loopback).await.unwrap();
        let door = bind().await;
        let fake = Fake { state: Arc::default(), queue: door.addr().to_string() };
        for node in 1..=2 {
            let bound = bind().await;
            fake.state().nodes.push(bound.addr().to_string());
            tokio::spawn(fake.clone().data_port(node, bound));
        }
        tokio::spawn(
            server().add_service(DoorServer::new(fake.clone())).serve_with_incoming(door.incoming()),
        );
        fake
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        self.patient(Duration::from_secs(20))
    }

    pub(crate) fn patient(&self, patience: Duration) -> Client {
        Client::new(Config { patience, ..Config::new(World::real(), vec![self.queue.clone()]) }).unwrap()
    }

    async fn data_port(self, node: u64, bound: Bound) {
        loop {
            let accepted = bound.accept().await;
            let fake = self.clone();
            let service = hyper::service::service_fn(move |request| fake.clone().answer(node, request));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(accepted), service),
            );
        }
    }

    async fn answer(
        self,
        node: u64,
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Body>, std::io::Error> {
        let (head, body) = request.into_parts();
        assert_eq!(head.headers["gossamer-ticket"], "7469636b6574");
        match head.uri.path() {
            "/upload" => return self.upload(body).await,
            "/have" => {
                let hashes = Hash::list(&body.collect().await.unwrap().to_bytes()).unwrap();
                Ok(hyper::Response::new(full(self.state().held(&hashes))))
            }
            "/suspect" => {
                let hashes = Hash::list(&body.collect().await.unwrap().to_bytes()).unwrap();
                self.state().suspects.push((node, hashes[0]));
                Ok(hyper::Response::new(full(Bytes::new())))
            }
            "/read" => {
                let from: usize = head.headers["gossamer-from"].to_str().unwrap().parse().unwrap();
                let hashes = Hash::list(&body.collect().await.unwrap().to_bytes()).unwrap();
                Ok(self.state().read(node, &hashes[from..]))
            }
            other => panic!("no such path: {other}"),
        }
    }

    async fn upload(&self, mut body: Incoming) -> Result<hyper::Response<Body>, std::io::Error> {
        if self.state().is_forbidden() {
            return Ok(hyper::Response::builder().status(403).body(full("other ticket\n".into())).unwrap());
        }
        let mut buffer = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return Err(std::io::Error::other("the client went away")) };
            buffer.extend_from_slice(&frame.into_data().unwrap());
            while buffer.len() >= 36 {
                let length = u32::from_le_bytes(buffer[..4].try_into().unwrap()) as usize;
                if buffer.len() < 36 + length {
                    break;
                }
                let mut frame = buffer.split_to(36 + length).freeze();
                frame.advance(4);
                let hash = Hash::try_from(&frame.split_to(32)[..]).unwrap();
                assert_eq!(Hash::of(&frame), hash, "frames match their hashes");
                let mut state = self.state();
                if state.break_after.as_mut().is_some_and(|left| {
                    let over = *left == 0;
                    *left = left.saturating_sub(1);
                    over
                }) {
                    state.break_after = None;
                    return Err(std::io::Error::other("killed"));
                }
                state.uploaded.push(hash);
                state.chunks.insert(hash, frame);
            }
        }
        assert!(buffer.is_empty(), "the body ends with a frame");
        Ok(hyper::Response::new(full(Bytes::new())))
    }
}

#[tonic::async_trait]
impl Door for Fake {
    type SubmitStream = ReceiverStream<Result<Answer, Status>>;

    async fn describe(
        &self,
        _: tonic::Request<v1::DescribeRequest>,
    ) -> Result<Response<v1::Description>, Status> {
        let heard = self.state().heard.clone();
        let nodes = if heard.is_empty() { vec![v1::NodeState::default()] } else { heard };
        Ok(Response::new(v1::Description { nodes, known_index: 1, ..v1::Description::default() }))
    }

    async fn submit(
        &self,
        requests: tonic::Request<Streaming<Request>>,
    ) -> Result<Response<Self::SubmitStream>, Status> {
        let (answers, stream) = mpsc::channel(16);
        let (fake, mut requests) = (self.clone(), requests.into_inner());
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                if request.cancel {
                    continue;
                }
                let worked = fake.state().work(&request);
                let (kind, node) = worked.unwrap_or_else(|failure| (outcome::Kind::Failure(failure), 1));
                let applied_index = fake.state().version;
                let outcome = Outcome { kind: Some(kind), applied_index, node }.encode_to_vec().into();
                let in_doubt = std::mem::take(&mut fake.state().in_doubt);
                let _ = answers.send(Ok(Answer { id: request.id, outcome, failure: None, in_doubt })).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}
