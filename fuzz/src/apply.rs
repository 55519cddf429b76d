//! Whatever commands are committed, apply ends, and comes to the same on every node: one entry at a time or all at once, with
//! or without a restart between.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use gossamer_cluster_node::storage::catalogue::applied::Applied;
use gossamer_cluster_node::storage::catalogue::backend::Backend;
use gossamer_cluster_node::storage::catalogue::{Catalogue, Entry, Payload, memory};
use gossamer_cluster_node::storage::extents::{Chunks, Config};
use gossamer_cluster_node::storage::position::Position;
use gossamer_proto::hash::Hash;
use gossamer_proto::v1::command::Kind;
use gossamer_proto::v1::{self, condition};
use gossamer_world::memory::Memory;
use prost::Message;

use crate::disk::world;

/// The input: entries, each a kind, a length up to 255 and so many bytes: a membership, a batch as it is on the wire, or a
/// script of four bytes for each command, which come closer to what a cluster does.
pub fn run(bytes: &[u8]) {
    let entries = entries(bytes);
    let whole = Node::new();
    let at_once = whole.apply(&entries);
    let mut single = Node::new();
    let mut one_by_one = Vec::new();
    for entry in &entries {
        one_by_one.extend(single.apply(std::slice::from_ref(entry)));
        single.restart();
        assert!(single.apply(std::slice::from_ref(entry)).iter().all(Vec::is_empty), "applied twice");
    }
    assert_eq!(at_once, one_by_one);
    assert_eq!(whole.digest(), single.digest());
}

/// What became of the commands of an input.
pub fn results(bytes: &[u8]) -> Vec<Applied> {
    Node::new().apply(&entries(bytes)).into_iter().flatten().collect()
}

struct Node {
    disk: Memory,
    backend: Arc<dyn Backend>,
    catalogue: Catalogue,
}

impl Node {
    fn new() -> Self {
        let (disk, backend): (_, Arc<dyn Backend>) = (Memory::new(), Arc::new(memory::Memory::default()));
        let catalogue = open(&disk, &backend);
        Node { disk, backend, catalogue }
    }

    fn restart(&mut self) {
        self.disk.kill();
        self.catalogue = open(&self.disk, &self.backend);
    }

    fn apply(&self, entries: &[Entry]) -> Vec<Vec<Applied>> {
        self.catalogue.apply(entries.to_vec()).unwrap()
    }

    /// That it keeps, which is that of its rows.
    fn digest(&self) -> [u8; 32] {
        let (_, found, kept) = self.catalogue.recompute_digest().unwrap();
        assert_eq!(found, kept);
        kept
    }
}

fn open(disk: &Memory, backend: &Arc<dyn Backend>) -> Catalogue {
    let config = Config { extent_bytes: 1 << 20, reserve_bytes: 0, after_crash: false };
    let chunks = Chunks::open(&world(disk), Path::new("/extents"), backend.clone(), config).unwrap();
    Catalogue::open(backend.clone(), chunks).unwrap()
}

fn entries(mut bytes: &[u8]) -> Vec<Entry> {
    let (mut entries, mut membership) = (Vec::new(), 0);
    while let [kind, length, rest @ ..] = bytes {
        let (part, behind) = rest.split_at(rest.len().min(usize::from(*length)));
        bytes = behind;
        let index = entries.len() as u64 + 1;
        let payload = match kind % 4 {
            0 => {
                membership = index;
                let ids: Vec<u64> = part.iter().map(|id| u64::from(*id)).collect();
                Payload::Membership(v1::Membership {
                    configs: vec![v1::Voters { ids: ids.clone() }],
                    nodes: ids,
                })
            }
            1 => v1::Batch::decode(part).map_or(Payload::Blank, Payload::Batch),
            _ => {
                let commands = part.chunks_exact(4).map(|it| command(it, index, membership)).collect();
                Payload::Batch(v1::Batch { commands, now_ms: index * 1000 })
            }
        };
        entries.push(Entry { at: at(index), payload });
    }
    entries
}

fn at(index: u64) -> Position {
    Position { term: 1, node: 1, index }
}

/// Which, of which name, with what, and for whom.
fn command(script: &[u8], index: u64, membership: u64) -> v1::Command {
    let number = |at: usize| u64::from(script[at]);
    let (name, other) = (format!("bbb/{}", number(1) % 8), format!("bbb/{}", number(2) % 8));
    let condition = match script[3] >> 4 {
        0..2 => Some(condition::Kind::IfAbsent(true)),
        2..4 => Some(condition::Kind::IfVersion(number(2))),
        _ => None,
    };
    let condition = condition.map(|kind| v1::Condition { kind: Some(kind) });
    let storage_id = Bytes::from(vec![script[1] % 8; 16]);
    let kind = match script[0] % 12 {
        0 | 1 => {
            let data = Bytes::from(vec![script[2]; script[2].into()]);
            let blake3 = Bytes::copy_from_slice(Hash::of(&data).as_bytes());
            Kind::Put(v1::PutSmall { name, condition, data, blake3, attributes: None })
        }
        2 | 3 => Kind::Commit(v1::Commit {
            name,
            condition,
            size: (number(2) % 4) << 20,
            blake3: vec![7; 32].into(),
            chunks: Hash::join(&(0..number(2) % 4).map(|n| Hash::of(&[n as u8])).collect::<Vec<_>>()),
            depth: 0,
            sealed_under: Some(at(membership).into()),
            seal_number: number(3) % 4,
            attributes: None,
        }),
        4 => Kind::Remove(v1::Remove { name, condition }),
        5 | 6 => {
            Kind::CopyFile(v1::CopyFile { from: other, to: name, condition, remove: script[0] & 64 != 0 })
        }
        7 => Kind::Retire(v1::Retire { node: number(1), fewer_voters: script[2] & 1 != 0 }),
        8 => Kind::Admit(v1::Admit { storage_id, founder: script[2] & 1 != 0 }),
        9 => Kind::Collect(v1::Collect { number: number(1) % 8 }),
        10 => Kind::Expire(v1::Expire { generation: number(1) % 8 }),
        _ => Kind::Mark(v1::MarkDigest {}),
    };
    let session = vec![script[3] % 4; 16].into();
    let known_index = index.saturating_sub(number(2) % 64);
    let operation = v1::Operation { session, sequence: number(1) + number(2), known_index };
    // Number 0 is the leader.
    v1::Command { operation: (!script[3].is_multiple_of(4)).then_some(operation), kind: Some(kind) }
}
