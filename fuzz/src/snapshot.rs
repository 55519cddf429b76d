//! A snapshot that was changed on its way or on the disk is refused; one whose checksums were made to fit is read without harm.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gossamer_cluster_node::storage::catalogue::backend::Backend;
use gossamer_cluster_node::storage::catalogue::{Catalogue, Entry, Payload, memory};
use gossamer_cluster_node::storage::extents::{Chunks, Config};
use gossamer_cluster_node::storage::position::Position;
use gossamer_cluster_node::storage::snapshot::Snapshots;
use gossamer_proto::hash::Hash;
use gossamer_proto::v1::{self, command};
use gossamer_world::memory::Memory;

use crate::disk::{changes, damage, disk, image, world};

const DIR: &str = "/snapshots";

struct Node {
    catalogue: Catalogue,
    chunks: Arc<Chunks>,
    snapshots: Arc<Snapshots>,
}

fn node(disk: &Memory) -> Option<Node> {
    let world = world(disk);
    let backend: Arc<dyn Backend> = Arc::new(memory::Memory::default());
    let config = Config { extent_bytes: 1 << 20, reserve_bytes: 0, after_crash: false };
    let chunks = Chunks::open(&world, Path::new("/extents"), backend.clone(), config).unwrap();
    let catalogue = Catalogue::open(backend, chunks.clone()).unwrap();
    Some(Node { catalogue, chunks, snapshots: Snapshots::open(&world, Path::new(DIR)).ok()? })
}

fn put(number: u64) -> v1::Command {
    let data = Bytes::from(vec![number as u8; 20]);
    let put = v1::PutSmall {
        name: format!("files/{number:03}"),
        blake3: Hash::of(&data).as_bytes().to_vec().into(),
        data,
        ..v1::PutSmall::default()
    };
    v1::Command { operation: None, kind: Some(command::Kind::Put(put)) }
}

/// The bytes of a good one.
fn good() -> &'static Vec<u8> {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let disk = Memory::new();
        let node = node(&disk).unwrap();
        let membership = v1::Membership { configs: vec![v1::Voters { ids: vec![1] }], nodes: vec![1, 2] };
        let at = |index| Position { term: 1, node: 1, index };
        let batch = v1::Batch { commands: (0..30).map(put).collect(), now_ms: 7 };
        let payloads = [Payload::Membership(membership), Payload::Batch(batch)];
        let entries = (1..).zip(payloads).map(|(index, payload)| Entry { at: at(index), payload });
        node.catalogue.apply(entries.collect()).unwrap();
        node.snapshots.build(&node.catalogue, &|| node.chunks.sync().map_err(std::io::Error::other)).unwrap();
        image(&disk, Path::new(DIR)).remove(0).1
    })
}

/// The input: 0 and changes of a good one; 1 and a meta, and blocks of up to 255 bytes with their lengths, all with good
/// checksums; anything else is the file.
pub fn run(bytes: &[u8]) {
    let (kind, rest) = bytes.split_first().map_or((2, bytes), |(kind, rest)| (*kind, rest));
    let path = Path::new(DIR).join("current");
    let mut files = vec![(path, good().clone())];
    match kind {
        0 => {
            damage(&mut files, &changes(rest));
        }
        1 => files[0].1 = sealed(rest),
        _ => files[0].1 = rest.to_vec(),
    }
    let content = files[0].1.clone();
    received(&content, kind);
    let disk = disk(Path::new(DIR), &files);
    let Some(node) = node(&disk) else { return };
    if node.snapshots.restore(&node.catalogue, false).is_ok() {
        assert!(kind == 1 || content == *good(), "a changed snapshot was taken");
        let (_, found, kept) = node.catalogue.recompute_digest().unwrap();
        assert_eq!(found, kept);
    }
}

/// The same bytes from another node, in parts.
fn received(content: &[u8], kind: u8) {
    let disk = Memory::new();
    let node = node(&disk).unwrap();
    let mut receiving = node.snapshots.receive().unwrap();
    content.chunks(100).for_each(|part| receiving.write(part).unwrap());
    if receiving.finish().is_ok() {
        assert!(kind == 1 || content == good(), "a changed snapshot was received");
    }
}

/// A file whose checksums are right, whatever it says.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let (meta, mut rest) = part(bytes);
    let mut file = b"GOSSNAP\n\x01\0\0\0".to_vec();
    file.extend_from_slice(&(meta.len() as u32).to_le_bytes());
    file.extend_from_slice(meta);
    close(&mut file, 0);
    let mut rows = 0u64;
    while !rest.is_empty() {
        let (block, behind) = part(rest);
        rest = behind;
        let start = file.len();
        file.extend_from_slice(&(block.len() as u32).to_le_bytes());
        file.extend_from_slice(block);
        close(&mut file, start);
        rows += 1;
    }
    let start = file.len();
    file.extend_from_slice(&0u32.to_le_bytes());
    file.extend_from_slice(&rows.to_le_bytes());
    let hash = blake3::hash(&file);
    file.extend_from_slice(hash.as_bytes());
    close(&mut file, start);
    file
}

fn close(file: &mut Vec<u8>, start: usize) {
    let crc = crc32fast::hash(&file[start..]);
    file.extend_from_slice(&crc.to_le_bytes());
}

/// A length and so many bytes, and what is behind them.
fn part(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = bytes.split_first() else { return (&[], &[]) };
    rest.split_at(rest.len().min(usize::from(*length)))
}
