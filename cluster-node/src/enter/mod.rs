//! Entering a cluster, and being let in again: asking the queue servers until one lets this node found it, or the leader
//! gives it an id, or says that the one it has is still its own.
//!
//! # Layout
//! - `newcomer`: a node that is a member of nothing yet; `member`: one that starts, or wonders whether it still is

mod member;
mod newcomer;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use gossamer_proto::channel::{Channels, ConnectError, Target};
use gossamer_proto::limits::{LEASE, RPC};
use gossamer_proto::v1::work_client::WorkClient;
use gossamer_proto::v1::{Code, EnterAnswer, EnterRequest, Failure};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::identity::{Identity, Member};
use crate::whereabouts::Whereabouts;

/// Why a node cannot enter, or not stay.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The cluster does not want this node.
    #[error("{0}")]
    Refused(String),
    /// Told to stop before it was in.
    #[error("stopped before the node was in a cluster")]
    Stopped,
}

/// Between two rounds of asking.
const PAUSE: Duration = Duration::from_millis(200);

/// The way into the cluster.
#[derive(Clone)]
pub struct Door {
    /// Makes the connections.
    pub channels: Channels,
    /// Queue servers, as far as they are known.
    pub queues: watch::Receiver<Vec<String>>,
    /// Who wants in.
    pub identity: Identity,
    /// 16 random bytes, drawn when this process started.
    pub process: Bytes,
    /// Where it is.
    pub whereabouts: Whereabouts,
    /// Ends all waiting.
    pub shutdown: CancellationToken,
}

type Client = WorkClient<InterceptedService<Channel, Target>>;

/// What one queue server says.
enum Said {
    /// Welcome.
    In(EnterAnswer),
    /// Not yet, and for what it waits.
    Wait(String),
    /// Nothing.
    Silent(String),
    /// Another process lives under this name, for now at least.
    Elsewhere(String),
    /// Never.
    Refused(String),
    /// It is of another cluster, or proves nothing: an address that has changed hands, or a wrong token.
    Stranger(String),
}

impl Door {
    fn request(&self, member: Option<&Member>) -> EnterRequest {
        EnterRequest {
            storage_id: Bytes::copy_from_slice(&self.identity.storage_id),
            cluster_id: member.map(|member| member.cluster_id.clone()).unwrap_or_default(),
            control_addr: self.whereabouts.control(),
            data_addr: self.whereabouts.data(),
            node_id: member.map_or(0, |member| member.node_id),
            process: self.process.clone(),
        }
    }

    async fn ask(&self, mut client: Client, queue: String, request: EnterRequest) -> Said {
        // The queue server waits for the leader itself; its patience ends before ours.
        match tokio::time::timeout(RPC + LEASE, client.enter(request)).await {
            Ok(Ok(answer)) => {
                let answer = answer.into_inner();
                if answer.node_id == 0 { Said::Wait(answer.waiting_for) } else { Said::In(answer) }
            }
            Ok(Err(status)) => self.refusal(&queue, Failure::from(status)),
            Err(_) => Said::Silent(format!("an answer of queue server {queue}")),
        }
    }

    fn refusal(&self, queue: &str, failure: Failure) -> Said {
        if let Some(why) = self.channels.refusal(queue) {
            return Said::Stranger(why);
        }
        match failure.code() {
            Code::Refused if failure.retry_after_ms > 0 => Said::Elsewhere(failure.message),
            Code::Removed => Said::Refused(failure.message),
            Code::Refused => Said::Stranger(failure.message),
            _ => Said::Silent(format!("queue server {queue}: {}", failure.message)),
        }
    }

    fn client(
        &self,
        clients: &mut BTreeMap<String, Client>,
        queue: &str,
        member: Option<&Member>,
    ) -> Result<Client, ConnectError> {
        if let Some(client) = clients.get(queue) {
            return Ok(client.clone());
        }
        let cluster = member.map(|member| member.cluster_id.clone()).unwrap_or_default();
        let epoch = member.map(|member| member.epoch);
        let client =
            WorkClient::with_interceptor(self.channels.grpc(queue)?, Target { cluster, epoch, node: 0 });
        clients.insert(queue.to_owned(), client.clone());
        Ok(client)
    }

    /// Waits a little, or until other queue servers are known.
    async fn pause(&self) {
        let mut queues = self.queues.clone();
        queues.mark_unchanged();
        let changed = async {
            if queues.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = changed => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
