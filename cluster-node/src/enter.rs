//! Entering a cluster: asking the queue servers until one lets this node found it, or the leader gives it an id.

use std::time::Duration;

use bytes::Bytes;
use gossamer_proto::channel::{Channels, ConnectError, Target};
use gossamer_proto::limits::{LEASE, RPC};
use gossamer_proto::v1::work_client::WorkClient;
use gossamer_proto::v1::{Code, EnterAnswer, EnterRequest, Failure};
use tokio_util::sync::CancellationToken;

use crate::identity::{Identity, Member};

/// Why a node cannot enter.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// An address that cannot be used at all.
    #[error(transparent)]
    Address(#[from] ConnectError),
    /// The cluster does not want this node.
    #[error("{0}")]
    Refused(String),
    /// Told to stop before it was in.
    #[error("stopped before the node was in a cluster")]
    Stopped,
}

/// Between two rounds of asking.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks one queue server after the other, for ever: a cluster may be started in any order.
pub async fn enter(
    channels: &Channels,
    queues: &[String],
    identity: &Identity,
    (control_addr, data_addr): (&str, &str),
    shutdown: &CancellationToken,
) -> Result<Member, EnterError> {
    let mut clients = Vec::new();
    for queue in queues {
        let target = Target { cluster: Bytes::new(), node: 0 };
        clients.push((queue, WorkClient::with_interceptor(channels.grpc(queue)?, target)));
    }
    let (replaces, replaces_storage_id) = identity.replaces.unwrap_or_default();
    let request = EnterRequest {
        storage_id: Bytes::copy_from_slice(&identity.storage_id),
        cluster_id: Bytes::new(),
        replaces,
        replaces_storage_id: Bytes::copy_from_slice(&replaces_storage_id),
        control_addr: control_addr.to_owned(),
        data_addr: data_addr.to_owned(),
    };
    let mut said = String::new();
    loop {
        for (queue, client) in &mut clients {
            // The queue server waits for the leader itself; its patience ends before ours.
            let asked = tokio::time::timeout(RPC + LEASE, client.enter(request.clone()));
            let answer = tokio::select! {
                () = shutdown.cancelled() => return Err(EnterError::Stopped),
                answer = asked => answer,
            };
            let waiting_for = match answer {
                Ok(Ok(answer)) => match member(answer.into_inner()) {
                    Ok(member) => return Ok(member),
                    Err(waiting_for) => format!("{waiting_for} (queue server {queue})"),
                },
                Ok(Err(status)) => {
                    let failure = Failure::from(status);
                    if failure.code() == Code::Refused {
                        return Err(EnterError::Refused(failure.message));
                    }
                    format!("queue server {queue}: {}", failure.message)
                }
                Err(_) => format!("an answer of queue server {queue}"),
            };
            if waiting_for != said {
                tracing::info!(%waiting_for, "not in a cluster yet");
                said = waiting_for;
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return Err(EnterError::Stopped),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn member(answer: EnterAnswer) -> Result<Member, String> {
    if answer.node_id == 0 || answer.cluster_id.len() != 16 {
        return Err(answer.waiting_for);
    }
    Ok(Member {
        cluster_id: answer.cluster_id,
        cluster_name: answer.cluster_name,
        node_id: answer.node_id,
        founder: answer.found,
    })
}
