//! What nodes said of themselves: reports, addresses, when they were heard last. Soft state.

use std::collections::BTreeMap;

use bytes::Bytes;
use gossamer_proto::limits::SILENCE;
use gossamer_proto::v1::{Code, Directory, Failure, NodeReport, NodeState, PeerAddress};
use tokio::time::Instant;

use crate::queue::SessionId;

/// Nodes that are remembered; beyond, the one unheard for the longest time is forgotten.
const REMEMBERED: usize = 256;

struct Node {
    report: NodeReport,
    heard: Instant,
    session: Option<SessionId>,
}

/// All nodes heard since the start, by id.
#[derive(Default)]
pub(crate) struct Nodes {
    nodes: BTreeMap<u64, Node>,
    known_index: u64,
}

impl Nodes {
    /// A node began a session. Returns the older session that it replaces.
    pub(crate) fn hello(
        &mut self,
        session: SessionId,
        report: NodeReport,
        now: Instant,
    ) -> Result<Option<SessionId>, Failure> {
        self.elsewhere(report.id, &report.storage_id, (report.run, &report.process), now)?;
        let older = self.nodes.get(&report.id).and_then(|node| node.session);
        self.known_index = self.known_index.max(report.applied_index);
        self.nodes.insert(report.id, Node { report, heard: now, session: Some(session) });
        self.forget();
        Ok(older)
    }

    /// Refuses a process under the name of a node of which another process lives, or was started later: its folder is a
    /// copy, or a restored one. Refused with a time to wait, because one that was just killed is silent in a moment.
    pub(crate) fn elsewhere(
        &self,
        id: u64,
        storage_id: &Bytes,
        (run, process): (u64, &Bytes),
        now: Instant,
    ) -> Result<(), Failure> {
        let Some(node) = self.nodes.get(&id) else { return Ok(()) };
        let report = &node.report;
        let lives = node.session.is_some() && now.saturating_duration_since(node.heard) < SILENCE;
        if report.storage_id != storage_id && lives {
            return Err(copied(id, report, "with another storage id"));
        }
        if report.process != process && lives {
            return Err(copied(id, report, "in another process"));
        }
        if report.storage_id == storage_id && report.run > run {
            return Err(copied(id, report, "from a later state of this folder"));
        }
        Ok(())
    }

    /// A node's beat. Returns whether the directory changed.
    pub(crate) fn beat(&mut self, session: SessionId, report: NodeReport, now: Instant) -> bool {
        self.known_index = self.known_index.max(report.applied_index);
        let Some(node) = self.nodes.get_mut(&report.id).filter(|node| node.session == Some(session)) else {
            return false;
        };
        let moved =
            node.report.control_addr != report.control_addr || node.report.data_addr != report.data_addr;
        node.report = report;
        node.heard = now;
        moved
    }

    /// A session ended.
    pub(crate) fn gone(&mut self, session: SessionId) {
        for node in self.nodes.values_mut().filter(|node| node.session == Some(session)) {
            node.session = None;
        }
    }

    /// Where everybody is.
    pub(crate) fn directory(&self) -> Directory {
        let peer = |(id, node): (&u64, &Node)| PeerAddress {
            id: *id,
            control_addr: node.report.control_addr.clone(),
            data_addr: node.report.data_addr.clone(),
            run: node.report.run,
            moves: node.report.moves,
        };
        Directory { peers: self.nodes.iter().map(peer).collect() }
    }

    /// How everybody is.
    pub(crate) fn states(&self, now: Instant) -> Vec<NodeState> {
        let state = |node: &Node| NodeState {
            report: Some(node.report.clone()),
            age_ms: now.saturating_duration_since(node.heard).as_millis() as u64,
            connected: node.session.is_some(),
        };
        self.nodes.values().map(state).collect()
    }

    /// The highest applied index heard.
    pub(crate) fn known_index(&self) -> u64 {
        self.known_index
    }

    /// How many have a session.
    pub(crate) fn connected(&self) -> usize {
        self.nodes.values().filter(|node| node.session.is_some()).count()
    }

    fn forget(&mut self) {
        while self.nodes.len() > REMEMBERED {
            let gone = self.nodes.iter().filter(|(_, node)| node.session.is_none());
            let Some(id) = gone.min_by_key(|(_, node)| node.heard).map(|(id, _)| *id) else { return };
            self.nodes.remove(&id);
        }
    }
}

fn copied(id: u64, report: &NodeReport, how: &str) -> Failure {
    let text = format!(
        "node {id} runs {how} at {}, pid {}: this folder is a copy; a machine of its own needs an empty folder",
        report.control_addr, report.pid,
    );
    Failure { retry_after_ms: SILENCE.as_millis() as u64, ..Failure::new(Code::Refused, text) }
}
