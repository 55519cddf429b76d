//! What the members say of themselves when the leader asks who may vote.

use std::collections::{BTreeMap, BTreeSet};

use gossamer_proto::channel::within_rpc;
use gossamer_proto::limits::RPC;
use gossamer_proto::setting::Setting;
use gossamer_proto::v1::peer_client::PeerClient;
use gossamer_proto::v1::{self, NodeReport, StateRequest};

use super::Lead;
use super::voters::Situation;
use crate::raft::View;
use crate::storage::catalogue::backend::BackendError;

/// Log entries that a member applies while commits pause for a moment.
const NEAR: u64 = 256;

/// What the log says, without asking anybody.
pub(super) async fn known(lead: &Lead, view: &View) -> Result<Situation, BackendError> {
    let catalogue = lead.catalogue.clone();
    let retired = lead.config.world.blocking.run(move || catalogue.retired()).await?;
    Ok(Situation::of(view, lead.catalogue.setting(Setting::Voters), retired))
}

/// Asks every other member. `settled`: who has applied that entry, misses no chunk, and has all on disk, holds
/// everything up to it. Without it who is near counts, and nobody syncs: good enough to see whether there is anything
/// to do.
///
/// A member that does not answer holds nothing. One that is silent anyway is not asked: commits may be waiting.
pub(super) async fn situation(
    lead: &Lead,
    view: &View,
    settled: Option<u64>,
) -> Result<Situation, BackendError> {
    let mut now = known(lead, view).await?;
    let reports = reports(lead, view, settled).await;
    now.whole = reports.keys().copied().collect();
    if itself(lead, settled).await {
        now.whole.insert(view.id);
    }
    let may_vote = |id: &u64| view.replicas.contains(id) && !now.retired.contains_key(id);
    now.ready = reports.keys().copied().filter(may_vote).collect();
    let former: BTreeSet<u64> = view.voters.iter().chain(&view.replicas).copied().collect();
    let own = lead.report.borrow().clone();
    let claims: Vec<(u64, &v1::Former)> = reports
        .iter()
        .chain([(&view.id, &own)])
        .flat_map(|(id, report)| report.replaces.iter().map(|former| (*id, former)))
        .filter(|(_, claimed)| former.contains(&claimed.node_id))
        .collect();
    if !claims.is_empty() {
        let catalogue = lead.catalogue.clone();
        let members = lead.config.world.blocking.run(move || catalogue.members()).await?;
        // The storage id proves it: only who had the old folder knows it, and the folder has lost that node's log.
        let proven = |former: &v1::Former| {
            members.iter().any(|(node, id)| (*node, id) == (former.node_id, &former.storage_id))
        };
        let proven = claims.into_iter().filter(|(_, former)| proven(former));
        let proven = proven.map(|(id, former)| (former.node_id, id));
        let takes_over = |(old, new): &(u64, u64)| view.voters.contains(old) && now.ready.contains(new);
        now.successors = proven.clone().filter(takes_over).collect();
        now.superseded = proven.map(|(old, _)| old).filter(|old| view.replicas.contains(old)).collect();
    }
    Ok(now)
}

async fn reports(lead: &Lead, view: &View, settled: Option<u64>) -> BTreeMap<u64, NodeReport> {
    let near = view.applied.map_or(0, |at| at.index).saturating_sub(NEAR);
    let last = settled.unwrap_or(near);
    let silent = lead.raft.silent(RPC);
    let request = StateRequest { settled: settled.unwrap_or(0) };
    let members = view.voters.iter().chain(&view.replicas).copied();
    let others: BTreeSet<u64> = members.filter(|id| *id != view.id && !silent.contains(id)).collect();
    let asked = others.iter().map(|id| async { (*id, report(lead, *id, request).await) });
    let answers = futures_util::future::join_all(asked).await;
    answers
        .into_iter()
        .filter_map(|(id, report)| Some((id, report?)))
        .filter(|(_, report)| report.applied_index >= last && report.missing_chunks == 0)
        .collect()
}

/// Whether this node, which leads, holds everything.
async fn itself(lead: &Lead, settled: Option<u64>) -> bool {
    let chunks = lead.chunks.clone();
    lead.config
        .world
        .blocking
        .run(move || (settled.is_none() || chunks.sync().is_ok()) && chunks.missing_count() == 0)
        .await
}

async fn report(lead: &Lead, id: u64, request: StateRequest) -> Option<NodeReport> {
    let channel = lead.peers.channel(id)?;
    let target = lead.peers.target(id);
    let mut client = PeerClient::with_interceptor(channel, target);
    let answer = within_rpc(client.state(request)).await.ok()?;
    answer.into_inner().report
}
