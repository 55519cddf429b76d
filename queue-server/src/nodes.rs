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

impl Node {
    /// Has a session, and was heard on it lately.
    fn lives(&self, now: Instant) -> bool {
        self.session.is_some() && now.saturating_duration_since(self.heard) < SILENCE
    }
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
        self.elsewhere(report.id, &report.storage_id, &report.process, now)?;
        if self.nodes.get(&report.id).is_some_and(|node| node.lives(now)) {
            // Another address of this queue server: were the older session to end, the two would take turns for ever. One
            // that is broken without knowing is silent in a moment.
            let text = format!("node {} has a session already, by another address", report.id);
            return Err(Failure::new(Code::Unavailable, text).retry_after(SILENCE.as_millis() as u64));
        }
        let older = self.nodes.get(&report.id).and_then(|node| node.session);
        self.known_index = self.known_index.max(report.applied_index);
        self.nodes.insert(report.id, Node { report, heard: now, session: Some(session) });
        self.forget();
        Ok(older)
    }

    /// Refuses a process under the name of a node of which another process lives: its folder is a copy. Refused with a time
    /// to wait, because one that was just killed is silent in a moment.
    pub(crate) fn elsewhere(
        &self,
        id: u64,
        storage_id: &Bytes,
        process: &Bytes,
        now: Instant,
    ) -> Result<(), Failure> {
        let Some(node) = self.nodes.get(&id).filter(|node| node.lives(now)) else { return Ok(()) };
        if node.report.storage_id != storage_id {
            return Err(copied(id, &node.report, "with another storage id"));
        }
        if node.report.process != process {
            return Err(copied(id, &node.report, "in another process"));
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
