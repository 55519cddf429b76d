//! The face for nodes.

use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::limits::{MESSAGE_BYTES, RPC};
use gossamer_proto::v1::work_server::{Work, WorkServer};
use gossamer_proto::v1::{
    Code, EnterAnswer, EnterRequest, Failure, FromNode, Hello, Join, Outcome, Task, ToNode, from_node,
    outcome, task,
};
use prost::Message;
use tokio::time::{Instant, timeout};
use tonic::{Response, Status, Streaming};

use crate::found::{Entry, come_again};
use crate::outbox::OutboxStream;
use crate::queue::{ClientId, Queue, Submission};
use crate::server::Server;

/// When a node that found no leader should come again, milliseconds: about as long as an election takes.
const NO_LEADER_RETRY_MS: u64 = 300;

/// See the module.
pub(crate) struct NodeDoor(pub(crate) Arc<Server>);

impl NodeDoor {
    pub(crate) fn service(server: Arc<Server>) -> WorkServer<Self> {
        WorkServer::new(NodeDoor(server))
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
    }
}

#[tonic::async_trait]
impl Work for NodeDoor {
    type StealStream = OutboxStream<ToNode>;

    async fn enter(&self, request: tonic::Request<EnterRequest>) -> Result<Response<EnterAnswer>, Status> {
        self.0.check_target(request.metadata())?;
        let request = request.into_inner();
        if request.node_id != 0 {
            let nodes = &self.0.desk.look().nodes;
            nodes.elsewhere(request.node_id, &request.storage_id, &request.process, Instant::now())?;
        }
        let answer = match self.0.founding.enter(&request).await? {
            Entry::Answer(answer) => answer,
            Entry::Ask => ask_leader(&self.0, request).await?,
        };
        Ok(Response::new(answer))
    }

    async fn steal(
        &self,
        request: tonic::Request<Streaming<FromNode>>,
    ) -> Result<Response<Self::StealStream>, Status> {
        self.0.check_target(request.metadata())?;
        let mut messages = request.into_inner();
        let hello = hello(&mut messages).await?;
        self.0.founding.heard_member(&hello.cluster_id, &hello.cluster_name, hello.epoch).await?;
        let ended = self.0.shutdown.child_token();
        let (session, out) = self.0.desk.node(hello, ended.clone())?;
        let server = self.0.clone();
        tokio::spawn(async move {
            while let Some(Ok(Some(message))) = ended.run_until_cancelled(messages.message()).await {
                if let Err(failure) = server.desk.heard(session, message) {
                    tracing::warn!(session, failure.message, "a node breaks the protocol");
                    break;
                }
            }
            server.desk.node_gone(session);
        });
        Ok(Response::new(out))
    }
}

async fn hello(messages: &mut Streaming<FromNode>) -> Result<Hello, Status> {
    let first = timeout(RPC, messages.message()).await;
    let first = first.map_err(|_| Failure::new(Code::Deadline, format!("no hello within {RPC:?}")))??;
    match first.and_then(|message| message.kind) {
        Some(from_node::Kind::Hello(hello)) if hello.report.as_ref().is_some_and(|report| report.id != 0) => {
            Ok(hello)
        }
        _ => Err(Failure::new(Code::Invalid, "a session begins with a hello that names the node").into()),
    }
}

/// Hands the wish to join to the leader and waits for what it says.
async fn ask_leader(server: &Server, request: EnterRequest) -> Result<EnterAnswer, Failure> {
    let join = Join {
        storage_id: request.storage_id,
        control_addr: request.control_addr,
        data_addr: request.data_addr,
    };
    let task = Bytes::from(Task { kind: Some(task::Kind::Join(join)) }.encode_to_vec());
    let ended = server.shutdown.child_token();
    let (client, mut answers) = server.desk.client(ended.clone());
    // However this ends, even if the caller goes away: nobody waits any more.
    let _leave = Leave(server, client);
    // Less than the caller's own patience, so that it hears why.
    let deadline = Instant::now() + RPC * 3 / 4;
    let submission = Submission { request: 1, queue: Queue::Leader, task, deadline, exclude: Vec::new() };
    server.desk.submit(client, submission);
    let answer = ended.run_until_cancelled(answers.next()).await.flatten();
    let answer = answer.ok_or_else(|| Failure::new(Code::Unavailable, "the queue server stops"))?;
    match answer.failure {
        Some(failure) => wait_or_fail(failure),
        None => joined(answer.outcome),
    }
}

fn joined(outcome: Bytes) -> Result<EnterAnswer, Failure> {
    let outcome =
        Outcome::decode(outcome).map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
    match outcome.kind {
        Some(outcome::Kind::Joined(joined)) => Ok(EnterAnswer {
            cluster_id: joined.cluster_id,
            cluster_name: joined.cluster_name,
            node_id: joined.node_id,
            epoch: joined.epoch,
            ..EnterAnswer::default()
        }),
        Some(outcome::Kind::Failure(failure)) => wait_or_fail(failure),
        _ => Err(Failure::new(Code::Internal, "the leader answered a join with something else")),
    }
}

fn wait_or_fail(failure: Failure) -> Result<EnterAnswer, Failure> {
    if !failure.is_retryable() {
        return Err(failure);
    }
    let waiting_for = format!("a leader: {}", failure.message);
    Ok(come_again(failure.retry_after_ms.max(NO_LEADER_RETRY_MS), &waiting_for))
}

/// Takes a client out when dropped.
struct Leave<'a>(&'a Server, ClientId);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.desk.client_gone(self.1);
    }
}
