//! Random entries: few names and sessions, so that commands meet each other.

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::v1::{self, command::Kind, condition};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::storage::catalogue::{Entry, Payload};
use crate::storage::position::Position;

/// The place with this index.
pub(in crate::storage) fn at(index: u64) -> Position {
    Position { term: 1, node: 1, index }
}

/// An entry of these commands.
pub(crate) fn entry(index: u64, commands: Vec<v1::Command>) -> Entry {
    Entry { at: at(index), payload: Payload::Batch(v1::Batch { commands, now_ms: 1000 + index }) }
}

/// A command of the leader's own.
pub(crate) fn own(kind: Kind) -> v1::Command {
    v1::Command { operation: None, kind: Some(kind) }
}

/// An inline file.
pub(crate) fn put(name: &str, data: &[u8]) -> v1::PutSmall {
    let blake3 = Bytes::copy_from_slice(Hash::of(data).as_bytes());
    let data = Bytes::copy_from_slice(data);
    v1::PutSmall { name: name.into(), condition: None, data, blake3, attributes: None }
}

/// An operation of session `session`.
pub(in crate::storage) fn operation(session: u8, sequence: u64, known_index: u64) -> v1::Operation {
    v1::Operation { session: vec![session; 16].into(), sequence, known_index }
}

/// Makes entries with indexes 0, 1, 2 and so on; the first is a membership.
pub(in crate::storage) struct Entries {
    random: SmallRng,
    next: u64,
    membership: u64,
    collect: u64,
    generation: u64,
    sent: Vec<v1::Command>,
    /// Ids that may have been given.
    nodes: Vec<u64>,
}

impl Entries {
    pub(in crate::storage) fn new(seed: u64) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        Entries {
            random,
            next: 0,
            membership: 0,
            collect: 0,
            generation: 0,
            sent: Vec::new(),
            nodes: vec![1],
        }
    }

    fn command(&mut self) -> v1::Command {
        if self.random.random_ratio(1, 5) && !self.sent.is_empty() {
            return self.sent[self.random.random_range(0..self.sent.len())].clone();
        }
        let name = format!("files/{}", self.random.random_range(0..12));
        let condition = match self.random.random_range(0..4) {
            0 => Some(condition::Kind::IfAbsent(true)),
            1 => Some(condition::Kind::IfVersion(self.random.random_range(0..=self.next))),
            _ => None,
        };
        let condition = condition.map(|kind| v1::Condition { kind: Some(kind) });
        let kind = match self.random.random_range(0..18) {
            0..5 => {
                let data = vec![self.random.random(); self.random.random_range(0..9)];
                Kind::Put(v1::PutSmall { condition, ..put(&name, &data) })
            }
            5..8 => Kind::Commit(self.commit(name, condition)),
            8..11 => Kind::Remove(v1::Remove { name, condition }),
            11 => Kind::Put(v1::PutSmall { condition, ..put("files/../x", b"bad name") }),
            12 => Kind::SetSetting(self.set_setting()),
            13 => Kind::Retire(v1::Retire { node: self.node(), fewer_voters: self.random.random() }),
            14 | 15 => {
                let from = format!("files/{}", self.random.random_range(0..12));
                Kind::CopyFile(v1::CopyFile { from, to: name, condition, remove: self.random.random() })
            }
            _ => return self.own_command(),
        };
        let known = self.random.random_range(self.next.saturating_sub(60)..=self.next);
        let session = self.random.random_range(0..3);
        let operation = operation(session, self.sent.len() as u64, known);
        let command = v1::Command { operation: Some(operation), kind: Some(kind) };
        self.sent.push(command.clone());
        command
    }

    fn commit(&mut self, name: String, condition: Option<v1::Condition>) -> v1::Commit {
        let count = self.random.random_range(1..4);
        let chunks: Vec<_> = (0..count).map(|_| Hash::of(&[self.random.random_range(0..9)])).collect();
        v1::Commit {
            name,
            condition,
            size: count << 20,
            blake3: vec![7; 32].into(),
            chunks: Hash::join(&chunks),
            depth: 0,
            sealed_under: Some(at(self.membership).into()),
            seal_number: self.collect.saturating_sub(self.random.random_range(0..3)),
            attributes: None,
        }
    }

    fn set_setting(&mut self) -> v1::SetSetting {
        let known = [("voters", 1), ("replace-after", 500), ("scrub-every", 500), ("scrub-rate", 1 << 19)];
        let (key, unit) = *known.get(self.random.random_range(0..5)).unwrap_or(&("colour", 1));
        v1::SetSetting { key: key.into(), value: self.random.random_range(0..9) * unit }
    }

    fn node(&mut self) -> u64 {
        self.nodes[self.random.random_range(0..self.nodes.len())]
    }

    /// With few members: one of them is soon the last that was not removed.
    fn membership(&mut self) -> Payload {
        let nodes = (0..self.random.random_range(0..4)).map(|_| self.node()).collect();
        Payload::Membership(v1::Membership { nodes, ..Default::default() })
    }

    fn own_command(&mut self) -> v1::Command {
        own(match self.random.random_range(0..4) {
            0 => {
                self.nodes.push(self.next);
                let storage_id = vec![self.random.random_range(0..30); 16].into();
                Kind::Admit(v1::Admit { storage_id, founder: false })
            }
            1 => Kind::Mark(v1::MarkDigest {}),
            2 => {
                self.collect += 1;
                Kind::Collect(v1::Collect { number: self.collect })
            }
            _ => {
                self.generation += 1;
                Kind::Expire(v1::Expire { generation: self.generation })
            }
        })
    }
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let payload = match self.random.random_range(0..20) {
            _ if self.next == 0 => self.membership(),
            0 => self.membership(),
            1 => Payload::Blank,
            _ => {
                let commands = (0..self.random.random_range(1..6)).map(|_| self.command()).collect();
                Payload::Batch(v1::Batch { commands, now_ms: self.next })
            }
        };
        // Commits that are repeated after this were sealed before it.
        if matches!(payload, Payload::Membership(_)) {
            self.membership = self.next;
        }
        self.next += 1;
        Some(Entry { at: at(self.next - 1), payload })
    }
}
