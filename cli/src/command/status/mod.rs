//! `gossamer status`: is everything fine, and what may fail next? Here what programs get; [`concern`] judges, [`lines`] is
//! for people, [`wait`] waits until it is better.

mod concern;
mod lines;
#[cfg(test)]
mod tests;
mod wait;

use gossamer_client::Client;
use gossamer_proto::v1::{Description, NodeReport};
use serde::Serialize;

pub(super) use concern::{About, Concern};
pub(super) use lines::summary;
pub(super) use wait::{wait_even, wait_for};

use super::client;
use crate::args::{self, Common};
use crate::failure::Failure;
use crate::show;

/// Fields are only ever added.
#[derive(Serialize)]
pub(in crate::command) struct Status {
    cluster: String,
    cluster_id: String,
    /// Node id of the leader that has a quorum behind it.
    pub(super) leader: Option<u64>,
    term: u64,
    /// Voters that are there and hold everything.
    pub(super) voters: usize,
    voter_ids: Vec<u64>,
    replicas: usize,
    replica_ids: Vec<u64>,
    /// How many more machines may fail without stopping writes.
    tolerates: usize,
    pub(super) healthy: bool,
    log_index: u64,
    applied_index: u64,
    /// Of the slowest node, in log entries.
    lag: u64,
    files: u64,
    stored_bytes: u64,
    disk_free_bytes: u64,
    disk_total_bytes: u64,
    /// Chunks that some node should have and has not: too few copies until repair has fetched them.
    missing_chunks: u64,
    /// Bytes of them, at most.
    missing_bytes: u64,
    /// Snapshots, log segments and chunks found damaged since the nodes started, and those of them that are whole again.
    bad_found: u64,
    bad_healed: u64,
    /// One for each node that is there.
    healing: Vec<Healing>,
    leader_queue: u64,
    read_queue: u64,
    parked: u64,
    reads: Vec<Reads>,
    insecure: bool,
    /// What should be looked at, the most pressing first.
    pub(super) concerns: Vec<Concern>,
    /// Voters that are there.
    #[serde(skip)]
    here: usize,
}

#[derive(Serialize)]
struct Reads {
    id: u64,
    reads: u64,
}

/// How a node's disk is, and how it heals.
#[derive(Serialize)]
struct Healing {
    id: u64,
    missing_chunks: u64,
    missing_bytes: u64,
    /// Chunks that came from other nodes because they were missing, since its start.
    fetched_chunks: u64,
    fetched_bytes: u64,
    /// Something is missing, and nothing has come for so long.
    idle_ms: u64,
    bad_found: u64,
    bad_healed: u64,
    /// Of the scrub under way; total 0: none is.
    scrub_done_bytes: u64,
    scrub_total_bytes: u64,
    /// Unix time; 0: never.
    scrub_begun_ms: u64,
    scrub_finished_ms: u64,
}

impl Healing {
    fn of(report: &NodeReport) -> Healing {
        Healing {
            id: report.id,
            missing_chunks: report.missing_chunks,
            missing_bytes: report.missing_bytes,
            fetched_chunks: report.fetched_chunks,
            fetched_bytes: report.fetched_bytes,
            idle_ms: report.healing_idle_ms,
            bad_found: report.bad_found,
            bad_healed: report.bad_healed,
            scrub_done_bytes: report.scrub_done_bytes,
            scrub_total_bytes: report.scrub_total_bytes,
            scrub_begun_ms: report.scrub_begun_ms,
            scrub_finished_ms: report.scrub_finished_ms,
        }
    }
}

impl Status {
    pub(super) fn of(description: &Description, insecure: bool) -> Status {
        let live: Vec<&NodeReport> = concern::live(description).collect();
        let best = best(description);
        let members: Vec<u64> = best.map(|report| report.voters.clone()).unwrap_or_default();
        let leader = live.iter().filter(|report| report.leading).max_by_key(|report| report.term);
        let log_index = live.iter().map(|report| report.last_log_index).max().unwrap_or(0);
        let here = |id: &u64| live.iter().any(|report| report.id == *id);
        let ready = |id: &u64| live.iter().any(|report| report.id == *id && report.missing_chunks == 0);
        let voters = members.iter().filter(|id| here(id)).count();
        let quorum = members.len() / 2 + 1;
        let tolerates = if leader.is_some() { voters.saturating_sub(quorum) } else { 0 };
        let missing_chunks = live.iter().map(|report| report.missing_chunks).sum();
        let fullest = live.iter().min_by_key(|report| report.disk_free_bytes);
        let queue = description.queue.unwrap_or_default();
        let insecure = insecure || description.insecure;
        Status {
            cluster: description.cluster_name.clone(),
            cluster_id: show::hex(&description.cluster_id),
            leader: leader.map(|report| report.id),
            term: best.map_or(0, |report| report.term),
            voters: members.iter().filter(|id| ready(id)).count(),
            replicas: best.map_or(0, |report| report.replicas.len()),
            replica_ids: best.map(|report| report.replicas.clone()).unwrap_or_default(),
            tolerates,
            healthy: leader.is_some() && voters == members.len() && missing_chunks == 0,
            voter_ids: members,
            log_index,
            applied_index: live.iter().map(|report| report.applied_index).max().unwrap_or(0),
            lag: live.iter().map(|report| log_index.saturating_sub(report.applied_index)).max().unwrap_or(0),
            files: best.map_or(0, |report| report.files),
            stored_bytes: live.iter().map(|report| report.stored_bytes).max().unwrap_or(0),
            disk_free_bytes: fullest.map_or(0, |report| report.disk_free_bytes),
            disk_total_bytes: fullest.map_or(0, |report| report.disk_total_bytes),
            missing_chunks,
            missing_bytes: live.iter().map(|report| report.missing_bytes).sum(),
            bad_found: live.iter().map(|report| report.bad_found).sum(),
            bad_healed: live.iter().map(|report| report.bad_healed).sum(),
            healing: live.iter().map(|report| Healing::of(report)).collect(),
            leader_queue: queue.leader_queued + queue.leader_leased,
            read_queue: queue.read_queued + queue.read_leased,
            parked: queue.parked,
            reads: live.iter().map(|report| Reads { id: report.id, reads: report.reads_served }).collect(),
            insecure,
            concerns: concern::all(description, best, insecure),
            here: voters,
        }
    }
}

/// Who knows best who is a member: who is there, of those who is of the highest term, of those who leads.
pub(super) fn best(description: &Description) -> Option<&NodeReport> {
    let reports = description.nodes.iter().filter_map(|node| Some((node.connected, node.report.as_ref()?)));
    reports
        .max_by_key(|(here, report)| (*here, report.term, report.leading, report.applied_index))
        .map(|(_, report)| report)
}

pub(super) async fn run(common: &Common, args: args::Status) -> Result<(), Failure> {
    let client = client(common).await?;
    let status = match args.wait {
        None => look(common, &client).await?,
        Some(voters) => wait_for(common, &client, voters).await?,
    };
    if common.json {
        show::json(&status)?;
    } else {
        lines::lines(&status, args.bytes).iter().try_for_each(|line| show::line(line))?;
    }
    match status.leader {
        Some(_) => Ok(()),
        None => Err(Failure::new(5, "")),
    }
}

async fn look(common: &Common, client: &Client) -> Result<Status, Failure> {
    let description = client.describe().await.map_err(|error| Failure::client(error.kind(), &error))?;
    Ok(Status::of(&description, is_insecure(common)))
}

/// Whether this client proves nothing and asks for no proof.
pub(super) fn is_insecure(common: &Common) -> bool {
    common.insecure && common.token.is_none() && common.token_file.is_none()
}
