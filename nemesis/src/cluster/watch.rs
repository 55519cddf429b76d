//! What the queue servers know of the nodes, asked all at once and often.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use anyhow::bail;
use gossamer_client::Client;
use gossamer_proto::v1::{Description, NodeReport};
use tokio::time::Instant;

use super::Cluster;
use crate::lab::{Host, Inside};

/// How long one queue server may take to answer.
const ANSWER: Duration = Duration::from_millis(400);
/// A report that is older says nothing of now.
const FRESH: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks at a cluster from the clients' host.
pub struct Watch {
    inside: Inside,
    clients: Vec<Client>,
    hosts: BTreeMap<String, Host>,
}

/// All that is known of the nodes at one moment: the freshest report of each.
#[derive(Clone, Debug, Default)]
pub struct Seen(BTreeMap<Host, NodeReport>);

impl Watch {
    pub(super) fn new(cluster: &Cluster) -> anyhow::Result<Watch> {
        let inside = Inside::enter(&cluster.lab, cluster.clients())?;
        let mut clients = Vec::new();
        for host in cluster.queues() {
            let config = cluster.config(&[host], ANSWER);
            clients.push(inside.run(async { Client::new(config) })?);
        }
        let hosts = cluster.nodes().into_iter().map(|host| (cluster.lab.address(host), host)).collect();
        Ok(Watch { inside, clients, hosts })
    }

    /// What every queue server that answers says.
    pub fn descriptions(&self) -> Vec<Description> {
        let asked: Vec<_> = self
            .clients
            .iter()
            .map(|client| {
                let client = client.clone();
                self.inside.spawn(async move { tokio::time::timeout(ANSWER, client.describe()).await })
            })
            .collect();
        self.inside.run(async move {
            let mut descriptions = Vec::new();
            for answer in asked {
                if let Ok(Ok(Ok(description))) = answer.await {
                    descriptions.push(description);
                }
            }
            descriptions
        })
    }

    /// Looks once.
    pub fn look(&self) -> Seen {
        let mut freshest: BTreeMap<Host, (u64, NodeReport)> = BTreeMap::new();
        for state in self.descriptions().into_iter().flat_map(|description| description.nodes) {
            let Some(report) = state.report.filter(|_| state.connected) else { continue };
            let host = report.control_addr.rsplit_once(':').and_then(|(ip, _)| self.hosts.get(ip));
            let (Some(host), age) = (host, state.age_ms) else { continue };
            let known = freshest.get(host).is_some_and(|(known, _)| *known <= age);
            if u128::from(age) <= FRESH.as_millis() && !known {
                freshest.insert(*host, (age, report));
            }
        }
        Seen(freshest.into_iter().map(|(host, (_, report))| (host, report)).collect())
    }

    /// Looks again and again until something is so.
    pub fn until<T>(
        &self,
        what: &str,
        patience: Duration,
        mut is_so: impl FnMut(&Seen) -> Option<T>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            let seen = self.look();
            if let Some(so) = is_so(&seen) {
                return Ok(so);
            }
            if begun.elapsed() > patience {
                bail!("waited {patience:?} for {what}; what is seen: {seen:?}");
            }
            sleep(LOOK_EVERY);
        }
    }

    /// The host of the leader, as soon as there is one.
    pub fn leader(&self, patience: Duration) -> anyhow::Result<Host> {
        self.until("a leader", patience, Seen::leader)
    }

    /// Waits until so many voters are there, one of them leads, and all nodes are even.
    pub fn settled(&self, voters: usize, patience: Duration) -> anyhow::Result<()> {
        self.until(&format!("{voters} voters, all even"), patience, |seen| {
            seen.is_settled(voters).then_some(())
        })
    }
}

impl Seen {
    /// The host of the leader that has a quorum: that of the highest term that says so.
    pub fn leader(&self) -> Option<Host> {
        let leaders = self.0.iter().filter(|(_, report)| report.leading);
        leaders.max_by_key(|(_, report)| report.term).map(|(host, _)| *host)
    }

    /// The report of each node that is there.
    pub fn reports(&self) -> impl Iterator<Item = (Host, &NodeReport)> {
        self.0.iter().map(|(host, report)| (*host, report))
    }

    /// The report of one node.
    pub fn report(&self, host: Host) -> Option<&NodeReport> {
        self.0.get(&host)
    }

    /// So many voters are there, one of them leads, and all nodes are even.
    pub fn is_settled(&self, voters: usize) -> bool {
        let Some(leader) = self.leader().and_then(|host| self.0.get(&host)) else { return false };
        let here = leader.voters.iter().filter(|id| self.0.values().any(|report| report.id == **id));
        let last = leader.last_log_index;
        let even = |report: &NodeReport| {
            report.term == leader.term && report.applied_index + 20 > last && report.missing_chunks == 0
        };
        !leader.joint && here.count() >= voters && self.0.values().all(even)
    }
}
