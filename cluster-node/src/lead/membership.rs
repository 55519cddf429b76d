//! Replicas that have caught up become voters, while there are fewer than the target; the number stays odd. A voter
//! that is gone, or has lost its log, is replaced by one of them in one joint change.
//!
//! Voters change only to a set of which a majority holds every chunk up to that point, while commits pause
//! (invariant 3): the candidates are asked once more after commits have been paused, and answer when they have
//! applied an entry proposed after that, with all that they hold on disk.

use std::collections::BTreeMap;
use std::time::Duration;

use gossamer_proto::channel::{Target, within_rpc};
use gossamer_proto::v1::peer_client::PeerClient;
use gossamer_proto::v1::{self, NodeReport, StateRequest, command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Lead;
use crate::raft::{ProposeError, View};
use crate::storage::catalogue::Applied;

/// How often the leader looks at the membership: a newcomer waits at most this long.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks until shutdown.
pub async fn run(lead: Lead, shutdown: CancellationToken) {
    // The term in which this node leads, and when it was first seen to.
    let mut led = (0, Instant::now());
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let Some(term) = lead.leading_term() else { continue };
        if led.0 != term {
            led = (term, Instant::now());
        }
        // A new leader has to listen as long as a voter may be silent before it can call one gone.
        match look(&lead, led.1.elapsed() > lead.config.voter_silence).await {
            Ok(()) => {}
            Err(error) => tracing::info!(%error, "the membership could not be changed yet"),
        }
    }
}

async fn look(lead: &Lead, has_listened: bool) -> Result<(), ProposeError> {
    let view = lead.view.borrow().clone();
    if view.configs.len() > 1 {
        // A leader before this one began a change and was lost: the newer set is the one that was wanted.
        return match view.configs.last() {
            Some(wanted) => lead.raft.change_voters(wanted.clone(), true).await,
            None => Ok(()),
        };
    }
    if view.replicas.is_empty() {
        return Ok(());
    }
    let gone = || if has_listened { lead.raft.silent(lead.config.voter_silence) } else { Vec::new() };
    let ready = ready(lead, &view, None).await;
    let Some(change) = wanted(lead, &view, &ready, &gone()) else { return Ok(()) };
    let _paused = lead.upload.pause().await;
    // Commits stand still now, but one of which nothing was heard in time may be in the log and be applied yet. It
    // lies before this entry: who has applied that, and is ready, holds everything that is ever acknowledged before
    // the voters change.
    let behind = mark(lead, view.term).await?;
    let view = lead.view.borrow().clone();
    let ready = self::ready(lead, &view, Some(behind)).await;
    match wanted(lead, &view, &ready, &gone()) {
        Some(again) if again == change => {
            tracing::info!(from = ?view.voters, to = ?change.voters, "changing the voters");
            lead.raft.change_voters(change.voters, change.retain).await
        }
        _ => Ok(()),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Change {
    voters: Vec<u64>,
    /// Whether voters that leave stay replicas: not when their folder is gone for ever.
    retain: bool,
}

/// Proposes an entry that changes nothing; its index, once it is applied here.
async fn mark(lead: &Lead, term: u64) -> Result<u64, ProposeError> {
    let kind = Some(command::Kind::Mark(v1::MarkDigest {}));
    match lead.upload.propose(v1::Command { operation: None, kind }, term).await? {
        Applied::Marked { index } => Ok(index),
        other => Err(ProposeError::Unknown(format!("a mark was applied as {other:?}"))),
    }
}

/// The replicas that hold everything up to `settled`, on disk, or else as far as is known here; with what they say of
/// themselves.
async fn ready(lead: &Lead, view: &View, settled: Option<u64>) -> BTreeMap<u64, NodeReport> {
    let last = settled.unwrap_or_else(|| view.applied.map_or(0, |at| at.index));
    let request = StateRequest { settled: settled.unwrap_or(0) };
    let asked = view.replicas.iter().map(|id| async { (*id, state(lead, *id, request).await) });
    let answers = futures_util::future::join_all(asked).await;
    answers
        .into_iter()
        .filter_map(|(id, report)| Some((id, report?)))
        .filter(|(_, report)| report.applied_index >= last && report.missing_chunks == 0)
        .collect()
}

/// Which voters there should be, given who is ready and who is gone; none if it is well as it is.
fn wanted(lead: &Lead, view: &View, ready: &BTreeMap<u64, NodeReport>, gone: &[u64]) -> Option<Change> {
    let replace = |old: u64, new: u64| {
        view.voters.iter().map(|voter| if *voter == old { new } else { *voter }).collect()
    };
    for (id, report) in ready {
        let old = report.replaces;
        let known = lead.catalogue.members().ok()?;
        // The storage id proves it: only who had the old folder knows it, and the folder has lost that node's log.
        let proven =
            known.iter().any(|(node, storage)| *node == old && *storage == report.replaces_storage_id);
        if old != 0 && proven && view.voters.contains(&old) {
            return Some(Change { voters: replace(old, *id), retain: false });
        }
    }
    // One at a time: whatever a majority holds, a majority then holds again.
    if let (Some(old), Some(new)) =
        (view.voters.iter().find(|voter| gone.contains(voter)), ready.keys().next())
    {
        return Some(Change { voters: replace(*old, *new), retain: true });
    }
    let reachable = (view.voters.len() + ready.len()).min(lead.config.voter_target);
    let odd = if reachable % 2 == 1 { reachable } else { reachable - 1 };
    if odd <= view.voters.len() {
        return None;
    }
    let newcomers = ready.keys().take(odd - view.voters.len());
    Some(Change { voters: view.voters.iter().chain(newcomers).copied().collect(), retain: true })
}

async fn state(lead: &Lead, id: u64, request: StateRequest) -> Option<NodeReport> {
    let channel = lead.peers.channel(id)?;
    let target = Target { cluster: lead.cluster_id.clone(), node: id };
    let mut client = PeerClient::with_interceptor(channel, target);
    let answer = within_rpc(client.state(request)).await.ok()?;
    answer.into_inner().report
}
