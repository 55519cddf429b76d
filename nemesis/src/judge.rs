//! What must hold once nothing is broken any more, and what a run must have seen to count.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use gossamer_client::Client;
use gossamer_sim::content;
use gossamer_sim::history::{Call, Condition, Return};
use serde::Serialize;
use tokio::time::Instant;

use crate::cluster::{Cluster, PATIENCE, Watch};
use crate::faults::Kind;
use crate::lab::{Host, Inside};
use crate::load::book::{Book, Counts};
use crate::load::operation::perform;

/// Within this after the last fault, every name is written and read.
pub const FLOWS: Duration = Duration::from_secs(10);

/// What a run has shown.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Coverage {
    /// Cuts with the leader on the side of the majority.
    pub leader_in_majority: usize,
    /// Cuts with the leader on the side of the minority.
    pub leader_in_minority: usize,
    /// Snapshots that a node took from another.
    pub snapshots_installed: usize,
    /// Logs that were cut back because another leader knew better.
    pub logs_truncated: usize,
    /// Changes of the voters.
    pub voters_changed: usize,
    /// The number of the last Collect.
    pub collects: usize,
    /// Bytes that interrupted uploads did not have to send again.
    pub resumed_bytes: u64,
    /// Bytes that were not synced when the power failed, and are lost.
    pub lost_bytes: u64,
    /// The highest term: how often there was an election.
    pub term: u64,
}

/// A write and a read of every name succeed in time, noted in the book.
pub fn flows(cluster: &Cluster, book: &std::sync::Arc<Book>) -> anyhow::Result<()> {
    let inside = Inside::enter(&cluster.lab, cluster.clients())?;
    let client = cluster.connect(&inside, 1, FLOWS)?.remove(0);
    let names: Vec<String> = book.names().into_keys().collect();
    let (all, book) = (names.len(), book.clone());
    let done = inside.run(async move {
        let both = names.into_iter().map(|name| {
            let (client, book) = (client.clone(), book.clone());
            tokio::spawn(async move { write_and_read(&client, &book, &name).await })
        });
        let both: Vec<_> = both.collect();
        tokio::time::timeout(FLOWS, async move {
            for one in both {
                one.await??;
            }
            anyhow::Ok(())
        })
        .await
    });
    done.with_context(|| format!("a write and a read of each of {all} names took longer than {FLOWS:?}"))?
}

async fn write_and_read(client: &Client, book: &Book, name: &str) -> anyhow::Result<()> {
    // Not of many chunks: all names at once.
    let mut value = book.value();
    while content::is_large(value) {
        value = book.value();
    }
    let put = Call::Put { value, condition: Condition::None };
    let back = perform(client, book, name, put, None).await;
    ensure!(matches!(back, Return::Written(_)), "a write of {name} after all was mended: {back:?}");
    let back = perform(client, book, name, Call::Get, None).await;
    ensure!(matches!(back, Return::Found { .. }), "a read of {name} after all was mended: {back:?}");
    Ok(())
}

/// All nodes are there, have the same, and all of it; nobody panicked. What is `rotten` may have to be found first, by looking
/// at every chunk; then it is mended.
pub fn whole(cluster: &Cluster, watch: &Watch, rotten: bool) -> anyhow::Result<()> {
    let nodes = cluster.first_nodes();
    for host in &nodes {
        ensure!(cluster.has_node(*host), "the node of {host} ended: {}", last_words(cluster, *host));
    }
    watch.settled(nodes.len(), PATIENCE)?;
    let inside = Inside::enter(&cluster.lab, cluster.clients())?;
    let client = cluster.connect(&inside, 1, PATIENCE)?.remove(0);
    let begun = Instant::now();
    loop {
        let client = client.clone();
        let report = inside.run(async move { client.verify(&mut |_| {}).await })?;
        if report.is_clean() && report.nodes.len() >= nodes.len() {
            break;
        }
        ensure!(rotten && begun.elapsed() < PATIENCE, "not all are whole: {report:?}");
    }
    for (host, log) in logs(cluster) {
        let panics = log.lines().find(|line| line.contains("panicked at"));
        ensure!(panics.is_none(), "{host}: {}", panics.unwrap_or_default());
    }
    Ok(())
}

fn last_words(cluster: &Cluster, host: Host) -> String {
    let log = cluster.node_log(host);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}

/// What every host's programs have said.
fn logs(cluster: &Cluster) -> Vec<(Host, String)> {
    let hosts = (1..=cluster.clients().0).map(Host);
    let named =
        hosts.flat_map(|host| ["up", "node", "queue"].map(|name| (host, cluster.lab.log(host, name))));
    named.collect()
}

/// What was seen, by the logs and the faults.
pub fn coverage(cluster: &Cluster, watch: &Watch, faults: &BTreeMap<Kind, usize>, book: &Book) -> Coverage {
    use Kind::{Deaf, IsolateFollower, IsolateLeader, MajorityWithLeader, MinorityWithLeader, Mute};
    let logs = logs(cluster);
    let said =
        |what: &str| logs.iter().map(|(_, log)| log.lines().filter(|line| line.contains(what)).count()).sum();
    let times = |kinds: &[Kind]| kinds.iter().filter_map(|kind| faults.get(kind)).sum();
    Coverage {
        leader_in_majority: times(&[IsolateFollower, MajorityWithLeader]),
        leader_in_minority: times(&[IsolateLeader, MinorityWithLeader, Mute, Deaf]),
        snapshots_installed: said("snapshot installed"),
        logs_truncated: said("the log is truncated"),
        voters_changed: said("changing the voters"),
        collects: logs.iter().filter_map(|(_, log)| last_collect(log)).max().unwrap_or(0),
        resumed_bytes: book.resumed_bytes(),
        lost_bytes: cluster.lost_bytes(),
        term: watch.look().reports().map(|(_, report)| report.term).max().unwrap_or(0),
    }
}

/// The number of the last Collect that a log tells of.
fn last_collect(log: &str) -> Option<usize> {
    let line = log.lines().rev().find(|line| line.contains("since this collect"))?;
    let digits = line.rsplit_once("number=")?.1.split_whitespace().next()?;
    digits.parse().ok()
}

impl Coverage {
    /// Fails if something was never seen that a long run must have seen.
    pub fn is_complete(&self) -> anyhow::Result<()> {
        let Coverage { leader_in_majority, leader_in_minority, snapshots_installed, .. } = *self;
        let seen = [
            ("a leader in the majority", leader_in_majority),
            ("a leader in the minority", leader_in_minority),
            ("a snapshot installed", snapshots_installed),
            ("a log truncated", self.logs_truncated),
            ("the voters changed", self.voters_changed),
            ("a collect", self.collects),
            ("a resumed upload", self.resumed_bytes as usize),
            ("un-synced bytes lost with the power", self.lost_bytes as usize),
        ];
        for (what, times) in seen {
            ensure!(times > 0, "the run shows nothing: never {what}");
        }
        Ok(())
    }
}

/// Something succeeded, and something did while something was broken.
pub fn shows(counts: Counts) -> anyhow::Result<()> {
    ensure!(counts.ok > 0, "the run shows nothing: no operation succeeded");
    ensure!(counts.despite > 0, "the run shows nothing: no operation succeeded while something was broken");
    Ok(())
}
