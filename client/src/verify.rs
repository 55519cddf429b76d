//! Comparing all nodes: their catalogues at one log index, and every chunk on their disks.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gossamer_proto::channel::Target;
use gossamer_proto::limits::{MESSAGE_BYTES, RPC};
use gossamer_proto::v1::peer_client::PeerClient;
use gossamer_proto::v1::{BadChunk, Description, Failure, Mark, Queue, VerifyRequest, outcome, task};
use tokio::sync::mpsc;

use crate::Client;
use crate::kind::Kind;
use crate::retry::AskError;

/// Why no mark was put into the log.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct MarkError(#[from] AskError);

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct VerifyError(#[from] AskError);

impl MarkError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        self.0.kind()
    }
}

impl VerifyError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        self.0.kind()
    }
}

/// How far one node is, or what became of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeVerify {
    /// Its id.
    pub node: u64,
    /// Its control address.
    pub addr: String,
    /// Chunks re-read and hashed so far.
    pub checked_chunks: u64,
    /// Their bytes.
    pub checked_bytes: u64,
    /// Chunks on its disk.
    pub total_chunks: u64,
    /// Its catalogue's digest at the mark; empty until it is done.
    pub digest: Bytes,
    /// Chunks that are not what their name says, or not there.
    pub bad: Vec<BadChunk>,
    /// All was looked at.
    pub done: bool,
    /// Why not all could be looked at.
    pub failure: Option<String>,
}

/// What all nodes together are.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyReport {
    /// The log index at which the catalogues were compared.
    pub index: u64,
    /// Every voter, and every replica that is connected, by id.
    pub nodes: Vec<NodeVerify>,
}

impl VerifyReport {
    /// Every node looked at everything, nothing is bad, and all digests are the same.
    pub fn is_clean(&self) -> bool {
        let digests: BTreeSet<&Bytes> = self.nodes.iter().map(|node| &node.digest).collect();
        let all = self.nodes.iter().all(|node| node.done && node.failure.is_none() && node.bad.is_empty());
        all && digests.len() == 1
    }
}

impl Client {
    /// Puts an entry into the log at which every node notes its catalogue's digest, and returns its index.
    pub async fn mark(&self) -> Result<u64, MarkError> {
        let mut patience = self.patience(&*self.0.progress, "put a mark into the log".to_owned());
        let answered = self.ask(Queue::LeaderQueue, task::Kind::Mark(Mark {}), &mut patience).await?;
        match answered.kind {
            outcome::Kind::Marked(marked) => Ok(marked.index),
            _ => Err(patience.nonsense("no mark in the answer").into()),
        }
    }

    /// Has every node hash all its chunks and compares their catalogues; `progress` hears of each node as it goes.
    /// What one node finds or fails at is in the report, not an error.
    pub async fn verify(
        &self,
        progress: &mut (dyn FnMut(NodeVerify) + Send),
    ) -> Result<VerifyReport, VerifyError> {
        let index = self.mark().await.map_err(|MarkError(error)| error)?;
        let description = self.description(&*self.0.progress).await?;
        let (heard, mut hears) = mpsc::channel(64);
        let mut running: FuturesUnordered<_> = members(&description)
            .into_iter()
            .map(|(id, addr)| {
                let target = Target {
                    cluster: description.cluster_id.clone(),
                    epoch: Some(description.epoch),
                    node: id,
                };
                Box::pin(self.verify_node(target, addr, index, heard.clone()))
            })
            .collect();
        let mut nodes = Vec::new();
        while !running.is_empty() {
            tokio::select! {
                Some(node) = running.next() => nodes.push(node),
                Some(node) = hears.recv() => progress(node),
            }
        }
        while let Ok(node) = hears.try_recv() {
            progress(node);
        }
        nodes.sort_by_key(|node| node.node);
        Ok(VerifyReport { index, nodes })
    }

    async fn verify_node(
        &self,
        target: Target,
        addr: Option<String>,
        index: u64,
        heard: mpsc::Sender<NodeVerify>,
    ) -> NodeVerify {
        let mut state =
            NodeVerify { node: target.node, addr: addr.unwrap_or_default(), ..NodeVerify::default() };
        let followed = match state.addr.is_empty() {
            true => Err("it has not been heard since the queue server started; is it running?".to_owned()),
            false => self.follow(target, index, &mut state, &heard).await,
        };
        state.failure = followed.err();
        // The end is said like every step before it. The receiver lives as long as this future.
        let _ = heard.send(state.clone()).await;
        state
    }

    /// Follows one node's verification to its end.
    async fn follow(
        &self,
        target: Target,
        index: u64,
        state: &mut NodeVerify,
        heard: &mpsc::Sender<NodeVerify>,
    ) -> Result<(), String> {
        let patience = self.0.patience;
        let late = |_| format!("nothing heard for {patience:?}");
        let said = |status: tonic::Status| Failure::from(status).message;
        let channel = self.0.channels.grpc(&state.addr).map_err(|error| error.to_string())?;
        let mut peer = PeerClient::with_interceptor(channel, target).max_decoding_message_size(MESSAGE_BYTES);
        let request = VerifyRequest { index, digest_only: false };
        let answer = tokio::time::timeout(RPC.max(patience), peer.verify(request)).await;
        let mut steps = answer.map_err(late)?.map_err(said)?.into_inner();
        while let Some(step) =
            tokio::time::timeout(patience, steps.message()).await.map_err(late)?.map_err(said)?
        {
            state.checked_chunks = step.checked_chunks;
            state.checked_bytes = step.checked_bytes;
            state.total_chunks = step.total_chunks;
            state.bad.extend(step.bad);
            if let Some(failure) = step.failure {
                return Err(failure.message);
            }
            if step.done {
                (state.digest, state.done) = (step.digest, true);
                return Ok(());
            }
            let _ = heard.send(state.clone()).await;
        }
        Err("it broke off before the end".to_owned())
    }
}

/// Who must be as everybody else, with their addresses as far as those are known: the voters, also those that nobody
/// has heard, for every promise rests on them; and the replicas that are there. A node that was replaced is neither.
pub(crate) fn members(description: &Description) -> BTreeMap<u64, Option<String>> {
    let reports =
        || description.nodes.iter().filter_map(|node| Some((node.connected, node.report.as_ref()?)));
    let addrs: BTreeMap<u64, (bool, &String)> =
        reports().map(|(connected, report)| (report.id, (connected, &report.control_addr))).collect();
    // The report of the highest term knows best; among equals the one that leads.
    let best = reports()
        .filter(|(connected, _)| *connected)
        .map(|(_, report)| report)
        .max_by_key(|report| (report.term, report.leading, report.applied_index));
    let Some(best) = best else { return BTreeMap::new() };
    let here = |id: &&u64| addrs.get(id).is_some_and(|(connected, _)| *connected);
    let ids = best.voters.iter().chain(best.replicas.iter().filter(here));
    ids.map(|id| (*id, addrs.get(id).map(|(_, addr)| (*addr).clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossamer_proto::v1::{NodeReport, NodeState};

    /// A voter that nobody has heard is looked for; a node that was replaced, and a replica that is away, are not.
    #[test]
    fn who_is_verified() {
        let state = |id: u64, term, connected| {
            let (voters, replicas) =
                if term == 7 { (vec![1, 3, 9], vec![4, 5]) } else { (vec![1, 2, 3], vec![]) };
            let control_addr = format!("host-{id}");
            let report =
                Some(NodeReport { id, term, voters, replicas, control_addr, ..NodeReport::default() });
            NodeState { report, connected, ..NodeState::default() }
        };
        let nodes = vec![
            state(1, 7, true),
            state(2, 8, false),
            state(3, 6, false),
            state(4, 7, true),
            state(5, 7, false),
        ];
        let members = members(&Description { nodes, ..Description::default() });
        let expected = [(1, Some("host-1")), (3, Some("host-3")), (4, Some("host-4")), (9, None)];
        assert_eq!(members, expected.map(|(id, addr)| (id, addr.map(str::to_owned))).into());
    }
}
