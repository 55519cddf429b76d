//! `gossamer status`: is everything fine, and what may fail next?

use std::time::Duration;

use gossamer_client::Client;
use gossamer_proto::v1::{Description, NodeReport};
use serde::Serialize;
use tokio::time::Instant;

use super::client;
use crate::args::Common;
use crate::failure::Failure;
use crate::show::{self, size};

/// Fields are only ever added.
#[derive(Serialize)]
pub(super) struct Status {
    cluster: String,
    cluster_id: String,
    /// Node id of the leader that has a quorum behind it.
    leader: Option<u64>,
    term: u64,
    /// Voters that are there and hold everything.
    pub(super) voters: usize,
    voter_ids: Vec<u64>,
    replicas: usize,
    replica_ids: Vec<u64>,
    /// How many more machines may fail without stopping writes.
    tolerates: usize,
    healthy: bool,
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
    leader_queue: u64,
    read_queue: u64,
    parked: u64,
    reads: Vec<Reads>,
    insecure: bool,
}

#[derive(Serialize)]
struct Reads {
    id: u64,
    reads: u64,
}

impl Status {
    pub(super) fn of(description: &Description, insecure: bool) -> Status {
        let live: Vec<&NodeReport> = description
            .nodes
            .iter()
            .filter(|node| node.connected)
            .filter_map(|node| node.report.as_ref())
            .collect();
        // The report of the highest term knows best; among equals the one that leads.
        let best = live.iter().max_by_key(|report| (report.term, report.leading, report.applied_index));
        let members: Vec<u64> = best.map(|report| report.voters.clone()).unwrap_or_default();
        let leader = live.iter().filter(|report| report.leading).max_by_key(|report| report.term);
        let log_index = live.iter().map(|report| report.last_log_index).max().unwrap_or(0);
        let here = |id: &u64| live.iter().any(|report| report.id == *id);
        let ready = |id: &u64| live.iter().any(|report| report.id == *id && report.missing_chunks == 0);
        let voters = members.iter().filter(|id| here(id)).count();
        let quorum = members.len() / 2 + 1;
        let tolerates = if leader.is_some() { voters.saturating_sub(quorum) } else { 0 };
        let missing_chunks = live.iter().map(|report| report.missing_chunks).sum();
        let queue = description.queue.unwrap_or_default();
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
            disk_free_bytes: live.iter().map(|report| report.disk_free_bytes).min().unwrap_or(0),
            disk_total_bytes: live.iter().map(|report| report.disk_total_bytes).min().unwrap_or(0),
            missing_chunks,
            leader_queue: queue.leader_queued + queue.leader_leased,
            read_queue: queue.read_queued + queue.read_leased,
            parked: queue.parked,
            reads: live.iter().map(|report| Reads { id: report.id, reads: report.reads_served }).collect(),
            insecure: insecure || description.insecure,
        }
    }

    /// The first line: is everything fine, and what may fail next?
    fn summary(&self) -> String {
        let name = &self.cluster;
        if self.cluster_id.is_empty() {
            return "no cluster yet: start a node, `gossamer node`".to_owned();
        }
        if self.leader.is_none() {
            return format!(
                "{name}: NO LEADER: {} of {} voters answer; nothing can be read or written until a majority is back",
                self.voters,
                self.voter_ids.len()
            );
        }
        let mood = if self.healthy { "fine" } else { "DEGRADED" };
        match self.tolerates {
            0 => format!("{name}: {mood}; no further machine may fail"),
            1 => format!("{name}: {mood}; one more machine may fail"),
            more => format!("{name}: {mood}; {more} more machines may fail"),
        }
    }

    fn lines(&self) -> Vec<String> {
        let list = |ids: &[u64]| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        let leader = self.leader.map_or_else(|| "none".to_owned(), |id| format!("node {id}"));
        let reads: Vec<String> =
            self.reads.iter().map(|it| format!("node {}: {}", it.id, it.reads)).collect();
        let mut lines = vec![
            self.summary(),
            format!("  leader    {leader}, term {}", self.term),
            format!(
                "  voters    {} of {} ready (nodes {})",
                self.voters,
                self.voter_ids.len(),
                list(&self.voter_ids)
            ),
        ];
        if !self.replica_ids.is_empty() {
            lines.push(format!("  replicas  {} (nodes {})", self.replicas, list(&self.replica_ids)));
        }
        lines.extend([
            format!("  log       at {}, slowest node {} behind", self.log_index, self.lag),
            format!("  files     {}, {} stored on each node", self.files, size::bytes(self.stored_bytes)),
            format!(
                "  disk      {} of {} free on the fullest node",
                size::bytes(self.disk_free_bytes),
                size::bytes(self.disk_total_bytes)
            ),
            format!(
                "  queues    {} writes, {} reads, {} parked",
                self.leader_queue, self.read_queue, self.parked
            ),
            format!("  reads     {}", reads.join(", ")),
            format!("  chunks    {} with too few copies", self.missing_chunks),
        ]);
        if self.insecure {
            lines.push("  INSECURE  nothing is proven or encrypted on this network".to_owned());
        }
        lines
    }
}

pub(super) async fn run(common: &Common, wait: Option<usize>) -> Result<(), Failure> {
    let client = client(common).await?;
    let status = match wait {
        None => look(common, &client).await?,
        Some(voters) => wait_for(common, &client, voters).await?,
    };
    if common.json {
        show::json(&status)?;
    } else {
        status.lines().iter().try_for_each(|line| show::line(line))?;
    }
    match status.leader {
        Some(_) => Ok(()),
        None => Err(Failure::new(5, "")),
    }
}

async fn look(common: &Common, client: &Client) -> Result<Status, Failure> {
    let description = client.describe().await.map_err(|error| Failure::client(error.kind(), &error))?;
    Ok(Status::of(&description, common.insecure && common.token.is_none() && common.token_file.is_none()))
}

/// How often a waiting status looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until `voters` are ready and there is a leader; `--timeout` bounds it.
pub(super) async fn wait_for(common: &Common, client: &Client, voters: usize) -> Result<Status, Failure> {
    wait_until(common, client, voters, |_| true).await
}

/// The same, and until none of them is behind: while others write, that may never be.
pub(super) async fn wait_even(common: &Common, client: &Client, voters: usize) -> Result<Status, Failure> {
    wait_until(common, client, voters, |status| status.lag == 0 && status.missing_chunks == 0).await
}

async fn wait_until(
    common: &Common,
    client: &Client,
    voters: usize,
    more: impl Fn(&Status) -> bool,
) -> Result<Status, Failure> {
    let began = Instant::now();
    let mut seen = String::new();
    loop {
        match look(common, client).await {
            Ok(status) if status.leader.is_some() && status.voters >= voters && more(&status) => {
                return Ok(status);
            }
            Ok(status) => {
                let now = format!("{voters} voters to be ready; {} are", status.voters);
                if now != seen {
                    if !common.quiet {
                        eprintln!("gossamer: waiting for {now}");
                    }
                    seen = now;
                }
            }
            Err(failure) if began.elapsed() >= common.timeout => return Err(failure),
            Err(_) => {}
        }
        if began.elapsed() >= common.timeout {
            let what = format!("after {:?} still waiting for {seen}; see `gossamer nodes`", common.timeout);
            return Err(Failure::new(5, what));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
