//! `gossamer nodes`

use gossamer_proto::v1::{NodeState, Role};
use serde::Serialize;

use super::client;
use crate::args::Common;
use crate::failure::Failure;
use crate::show::{self, size, table};

/// Fields are only ever added.
#[derive(Serialize)]
struct Node {
    id: u64,
    role: &'static str,
    addr: String,
    data_addr: String,
    pid: u32,
    /// Log entries that it has not applied yet.
    lag: u64,
    reads: u64,
    connected: bool,
    /// Since its last sign of life.
    age_ms: u64,
    term: u64,
    applied_index: u64,
    missing_chunks: u64,
    files: u64,
    stored_bytes: u64,
    disk_free_bytes: u64,
    disk_total_bytes: u64,
    version: String,
}

impl Node {
    fn of(state: NodeState, log_index: u64) -> Option<Node> {
        let report = state.report?;
        let role = match report.role() {
            _ if !state.connected => "gone",
            Role::Leader if report.leading => "leader",
            // It was, but no quorum answers it.
            Role::Leader | Role::Voter => "voter",
            Role::Replica => "replica",
            Role::Joining | Role::Unspecified => "joining",
        };
        Some(Node {
            id: report.id,
            role,
            addr: report.control_addr,
            data_addr: report.data_addr,
            pid: report.pid,
            lag: log_index.saturating_sub(report.applied_index),
            reads: report.reads_served,
            connected: state.connected,
            age_ms: state.age_ms,
            term: report.term,
            applied_index: report.applied_index,
            missing_chunks: report.missing_chunks,
            files: report.files,
            stored_bytes: report.stored_bytes,
            disk_free_bytes: report.disk_free_bytes,
            disk_total_bytes: report.disk_total_bytes,
            version: report.version,
        })
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.role.to_owned(),
            self.addr.clone(),
            self.pid.to_string(),
            self.lag.to_string(),
            self.reads.to_string(),
            self.missing_chunks.to_string(),
            size::bytes(self.stored_bytes),
            size::bytes(self.disk_free_bytes),
        ]
    }
}

/// The members, as who knows best says: a node that was removed and went away is not shown.
fn members(nodes: &[NodeState]) -> Vec<u64> {
    let reports = nodes.iter().filter_map(|node| Some((node.connected, node.report.as_ref()?)));
    let best =
        reports.max_by_key(|(here, report)| (*here, report.term, report.leading, report.applied_index));
    best.map(|(_, report)| report.voters.iter().chain(&report.replicas).copied().collect())
        .unwrap_or_default()
}

pub(super) async fn run(common: &Common) -> Result<(), Failure> {
    let client = client(common).await?;
    let description = client.describe().await.map_err(|error| Failure::client(error.kind(), &error))?;
    let reports = description.nodes.iter().filter_map(|node| node.report.as_ref());
    let log_index = reports.map(|report| report.last_log_index).max().unwrap_or(0);
    let members = members(&description.nodes);
    let there = |state: &NodeState| {
        let id = state.report.as_ref().map_or(0, |report| report.id);
        state.connected || members.is_empty() || members.contains(&id)
    };
    let states = description.nodes.into_iter().filter(there);
    let nodes: Vec<Node> = states.filter_map(|state| Node::of(state, log_index)).collect();
    if common.json {
        return nodes.iter().try_for_each(show::json);
    }
    let head = ["ID", "ROLE", "ADDRESS", "PID", "LAG", "READS", "MISSING", "STORED", "FREE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(nodes.iter().map(Node::row));
    table::lines(&rows, &[0, 3, 4, 5, 6, 7, 8]).iter().try_for_each(|line| show::line(line))
}
