//! `gossamer nodes`

use gossamer_proto::v1::{NodeState, Role};
use serde::Serialize;

use super::client;
use super::status::best;
use crate::args::{self, Common};
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

    fn row(&self, exact: bool, verbose: bool) -> Vec<String> {
        let mut row = vec![
            self.id.to_string(),
            self.role.to_owned(),
            self.addr.clone(),
            self.lag.to_string(),
            self.reads.to_string(),
            self.missing_chunks.to_string(),
            size::of(self.stored_bytes, exact),
            size::of(self.disk_free_bytes, exact),
        ];
        if verbose {
            row.extend([self.pid.to_string(), self.version.clone()]);
        }
        row
    }
}

/// Heads of the columns; the last two are seen with `-v` only.
const HEAD: [&str; 10] =
    ["ID", "ROLE", "ADDRESS", "LAG", "READS", "MISSING", "STORED", "FREE", "PID", "VERSION"];
/// Columns of numbers.
const NUMBERS: [usize; 7] = [0, 3, 4, 5, 6, 7, 8];

pub(super) async fn run(common: &Common, args: args::Nodes) -> Result<(), Failure> {
    let client = client(common).await?;
    let description = client.describe().await.map_err(|error| Failure::client(error.kind(), &error))?;
    let reports = description.nodes.iter().filter_map(|node| node.report.as_ref());
    let log_index = reports.map(|report| report.last_log_index).max().unwrap_or(0);
    // A node that was removed and went away is not shown.
    let best = best(&description);
    let members: Vec<u64> =
        best.map(|best| best.voters.iter().chain(&best.replicas).copied().collect()).unwrap_or_default();
    let there = |state: &NodeState| {
        let id = state.report.as_ref().map_or(0, |report| report.id);
        state.connected || members.is_empty() || members.contains(&id)
    };
    let states = description.nodes.into_iter().filter(there);
    let nodes: Vec<Node> = states.filter_map(|state| Node::of(state, log_index)).collect();
    if common.json {
        return nodes.iter().try_for_each(show::json);
    }
    let verbose = common.verbose > 0;
    let shown = if verbose { HEAD.len() } else { HEAD.len() - 2 };
    let mut rows = vec![HEAD[..shown].iter().map(|&head| head.to_owned()).collect()];
    rows.extend(nodes.iter().map(|node| node.row(args.bytes, verbose)));
    table::lines(&rows, &NUMBERS).iter().try_for_each(|line| show::line(line))
}
