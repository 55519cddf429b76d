//! What all nodes together applied, and what must hold of it at every step.
//!
//! # Invariants it checks
//! - Every node applies the same entries with the same results, and then has the same digest. Positions only grow.
//! - Along the log, the leaders that proposed only ever follow each other: by term, then by id.
//! - A commit applies only under the membership that it was sealed under, and before a second Collect.
//! - An id has one storage id and a storage id one id, for ever; the founder's is noted before another node votes.
//! - An operation is carried out once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gossamer_cluster_node::raft::View;
use gossamer_cluster_node::storage::catalogue::{Applied, Entry, FOUNDER, Payload};
use gossamer_cluster_node::storage::position::Position;
use gossamer_cluster_node::witness::Witness;
use gossamer_proto::hash::Hash;
use gossamer_proto::v1::{self, command::Kind};
use prost::Message;

use crate::coverage::Counter;

/// Commits whose chunks are kept in mind: more than are acknowledged between two looks.
const CHUNKS_OF: usize = 256;

/// The record of one run. Clones share it.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<State>>);

struct State {
    counter: Counter,
    entries: BTreeMap<u64, Noted>,
    /// After the entry of this index.
    digests: BTreeMap<u64, [u8; 32]>,
    last: Option<Position>,
    storage_ids: BTreeMap<u64, Bytes>,
    /// The version that each operation made when it was carried out.
    versions: BTreeMap<(Bytes, u64), u64>,
    /// What the latest commits name, by the index that wrote them.
    chunks: BTreeMap<u64, Vec<Hash>>,
    membership_at: Option<Position>,
    membership: v1::Membership,
    collect_number: u64,
    /// The ids that each host's node has had, the last one at the end; also while it is down.
    ids: BTreeMap<String, Vec<u64>>,
    /// What each host's node says of itself.
    views: BTreeMap<String, View>,
    wrong: Vec<String>,
}

/// An entry as the first node applied it.
#[derive(PartialEq, Eq)]
struct Noted {
    at: Position,
    content: blake3::Hash,
    results: Vec<Applied>,
}

impl Ledger {
    /// An empty one.
    pub fn new(counter: Counter) -> Self {
        Ledger(Arc::new(Mutex::new(State {
            counter,
            entries: BTreeMap::new(),
            digests: BTreeMap::new(),
            last: None,
            storage_ids: BTreeMap::new(),
            versions: BTreeMap::new(),
            chunks: BTreeMap::new(),
            membership_at: None,
            membership: v1::Membership::default(),
            collect_number: 0,
            ids: BTreeMap::new(),
            views: BTreeMap::new(),
            wrong: Vec::new(),
        })))
    }

    /// Who tells of the node on this host.
    pub fn eye(&self, host: &str) -> Arc<dyn Witness> {
        Arc::new(Eye { ledger: self.clone(), host: host.to_owned() })
    }

    /// What must not be, so far.
    pub fn wrong(&self) -> Vec<String> {
        self.state().wrong.clone()
    }

    /// The host of the node that leads the highest term.
    pub fn leader(&self) -> Option<String> {
        let state = self.state();
        let leading = state.views.iter().filter(|(_, view)| view.leader == Some(view.id));
        leading.max_by_key(|(_, view)| view.term).map(|(host, _)| host.clone())
    }

    /// The id of the node that runs on this host, if it is in the cluster.
    pub fn id(&self, host: &str) -> Option<u64> {
        self.state().views.get(host).map(|view| view.id)
    }

    /// The ids that the node on this host has had since its disk was empty, the last one at the end.
    pub fn ids(&self, host: &str) -> Vec<u64> {
        self.state().ids.get(host).cloned().unwrap_or_default()
    }

    /// The chunks that the commit at this index names; none if there was no such commit lately.
    pub fn chunks(&self, index: u64) -> Vec<Hash> {
        self.state().chunks.get(&index).cloned().unwrap_or_default()
    }

    /// The sets of voters, by host where there is one, as the latest applied membership has them.
    pub fn voters(&self) -> Vec<Vec<Option<String>>> {
        let state = self.state();
        let host =
            |id: &u64| state.ids.iter().find(|(_, known)| known.last() == Some(id)).map(|it| it.0.clone());
        state.membership.configs.iter().map(|config| config.ids.iter().map(host).collect()).collect()
    }

    /// The machine is down: what its node last said of itself is no longer so.
    pub fn down(&self, host: &str) {
        self.state().views.remove(host);
    }

    /// The machine has an empty disk: who it was is gone.
    pub fn wiped(&self, host: &str) {
        self.down(host);
        self.state().ids.remove(host);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of one node.
struct Eye {
    ledger: Ledger,
    host: String,
}

impl Witness for Eye {
    fn applied(&self, entries: &[Entry], results: &[Vec<Applied>], digest: [u8; 32]) {
        let mut state = self.ledger.state();
        for (entry, results) in entries.iter().zip(results) {
            state.applied(&self.host, entry, results);
        }
        if let Some(last) = entries.last() {
            let known = *state.digests.entry(last.at.index).or_insert(digest);
            if known != digest {
                state.wrong(format!("{}: another catalogue than others after {:?}", self.host, last.at));
            }
        }
    }

    fn installed(&self, _at: Option<Position>) {
        self.ledger.state().counter.happened("snapshot installed");
    }

    fn truncated(&self, _last: Option<u64>) {
        self.ledger.state().counter.happened("log truncated");
    }

    fn view(&self, view: &View) {
        let mut state = self.ledger.state();
        if view.leader == Some(view.id) {
            let others = state.views.iter().filter(|(host, _)| **host != self.host);
            if others.into_iter().any(|(_, other)| other.leader == Some(other.id) && other.term < view.term) {
                state.counter.happened("two leaders at once, of different terms");
            }
        }
        let ids = state.ids.entry(self.host.clone()).or_default();
        if ids.last() != Some(&view.id) {
            ids.push(view.id);
        }
        state.views.insert(self.host.clone(), view.clone());
    }
}

impl State {
    fn wrong(&mut self, what: String) {
        tracing::error!(what, "wrong");
        self.wrong.push(what);
    }

    fn applied(&mut self, host: &str, entry: &Entry, results: &[Applied]) {
        let index = entry.at.index;
        let (content, commands) = match &entry.payload {
            Payload::Blank => (blake3::hash(b"blank"), 0),
            Payload::Batch(batch) => (blake3::hash(&batch.encode_to_vec()), batch.commands.len()),
            Payload::Membership(members) => (blake3::hash(&members.encode_to_vec()), 0),
        };
        if results.len() < commands {
            return;
        }
        let noted = Noted { at: entry.at, content, results: results.to_vec() };
        match self.entries.get(&index) {
            Some(known) if *known == noted => {}
            Some(known) => {
                let what = format!(
                    "{host} applied {:?} with {:?}, another node {:?} with {:?}",
                    noted.at, noted.results, known.at, known.results
                );
                self.wrong(what);
            }
            None => {
                self.judge(entry, results);
                self.entries.insert(index, noted);
            }
        }
    }

    /// The first time that an entry is applied anywhere.
    fn judge(&mut self, entry: &Entry, results: &[Applied]) {
        // Position's order is that of Raft's log ids: leaders are told apart by term and id.
        let follows = |last: Position| entry.at.index == last.index + 1 && entry.at > last;
        if !self.last.is_none_or(follows) {
            self.wrong(format!("{:?} was applied right after {:?}", entry.at, self.last));
        }
        self.last = Some(entry.at);
        match &entry.payload {
            Payload::Blank => {}
            Payload::Membership(membership) => {
                // The founding is no change.
                if self.membership.configs.iter().any(|config| config.ids.len() > 1) {
                    self.counter.happened("membership changed");
                }
                let others_vote = membership.configs.iter().any(|config| config.ids != [FOUNDER]);
                if others_vote && !self.storage_ids.contains_key(&FOUNDER) {
                    self.wrong(format!(
                        "others vote as of {:?}, and whose id the founder's is was not noted",
                        entry.at
                    ));
                }
                self.membership_at = Some(entry.at);
                self.membership = membership.clone();
            }
            Payload::Batch(batch) => {
                for (command, result) in batch.commands.iter().zip(results) {
                    self.judge_command(entry.at, command, result);
                }
            }
        }
    }

    fn judge_command(&mut self, at: Position, command: &v1::Command, result: &Applied) {
        let done_now = matches!(result, Applied::Written { version, .. } if *version == at.index);
        if let (Some(operation), Applied::Written { version, .. } | Applied::Removed { version }) =
            (&command.operation, result)
        {
            let key = (operation.session.clone(), operation.sequence);
            let first = *self.versions.entry(key).or_insert(*version);
            if first != *version {
                self.wrong(format!("an operation was carried out twice: versions {first} and {version}"));
            }
        }
        match (&command.kind, result) {
            (Some(Kind::Commit(commit)), _) if done_now => self.judge_commit(at, commit),
            (Some(Kind::Admit(admit)), Applied::Admitted { node }) => self.judge_id(*node, &admit.storage_id),
            (Some(Kind::Collect(collect)), Applied::Collected) if collect.number > self.collect_number => {
                self.counter.happened("collect applied");
                self.collect_number = collect.number;
            }
            _ => {}
        }
    }

    fn judge_commit(&mut self, at: Position, commit: &v1::Commit) {
        self.chunks.insert(at.index, Hash::list(&commit.chunks).unwrap_or_default());
        if self.chunks.len() > CHUNKS_OF {
            self.chunks.pop_first();
        }
        let under = commit.sealed_under.map(Position::from);
        if under != self.membership_at {
            let now = self.membership_at;
            self.wrong(format!("the commit {at:?} was sealed under {under:?} and applied under {now:?}"));
        }
        if self.collect_number > commit.seal_number + 1 {
            let (sealed, now) = (commit.seal_number, self.collect_number);
            self.wrong(format!("the commit {at:?} was sealed at Collect {sealed} and applied after {now}"));
        }
    }

    fn judge_id(&mut self, node: u64, storage_id: &Bytes) {
        let known = self.storage_ids.entry(node).or_insert_with(|| storage_id.clone());
        if known != storage_id {
            self.wrong(format!("two data folders have the node id {node}"));
        }
        let same = self.storage_ids.iter().find(|(other, id)| **other != node && *id == storage_id);
        if let Some((other, _)) = same {
            let what = format!("one data folder has the node ids {node} and {other}");
            self.wrong(what);
        }
    }
}
