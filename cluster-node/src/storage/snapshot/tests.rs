//! Snapshots as a whole: there and back, damage, and what a crash leaves.

use std::fs;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::setting::Setting;
use gossamer_world::World;

use super::{Snapshot, SnapshotError, Snapshots};
use crate::storage::catalogue::Catalogue;
use crate::storage::catalogue::backend::{Backend, BackendError};
use crate::storage::catalogue::memory::Memory;
use crate::storage::catalogue::sled_backend::SledBackend;
use crate::storage::catalogue::tests::fake::{self, rows};
use crate::storage::catalogue::tests::random::Entries;

type Rows = Vec<(Bytes, Bytes)>;

/// A node's folder of snapshots and its catalogue.
struct Node {
    dir: tempfile::TempDir,
    backend: Arc<dyn Backend>,
    catalogue: Catalogue,
    snapshots: Arc<Snapshots>,
}

impl Node {
    /// A node that has applied this many random entries of this seed.
    fn new(seed: u64, entries: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backend: Arc<dyn Backend> = Arc::new(Memory::default());
        let (catalogue, _) = fake::catalogue(&backend);
        catalogue.apply(Entries::new(seed).take(entries).collect()).unwrap();
        let snapshots = Snapshots::open(&World::real(), dir.path()).unwrap();
        Node { dir, backend, catalogue, snapshots }
    }

    /// The same node after a kill.
    fn restarted(self) -> Self {
        let (catalogue, _) = fake::catalogue(&self.backend);
        let snapshots = Snapshots::open(&World::real(), self.dir.path()).unwrap();
        Node { catalogue, snapshots, ..self }
    }

    fn build(&self) -> Snapshot {
        self.snapshots.build(&self.catalogue, &|| Ok(())).unwrap()
    }

    /// The names in the folder of snapshots.
    fn names(&self) -> Vec<String> {
        World::real().files.list(self.dir.path()).unwrap()
    }

    /// Everything but what only one node knows: marks it saw itself.
    fn state(&self) -> (Rows, Rows, [u8; 32], Option<Bytes>) {
        let applied = self.backend.get(b"A").unwrap();
        (rows(&self.backend, "a", "{"), rows(&self.backend, "B", "Z"), self.catalogue.digest(), applied)
    }
}

/// Sends a snapshot to a node in small parts.
fn send(from: &Node, snapshot: &Snapshot, to: &Node) -> Snapshot {
    let mut receiving = to.snapshots.receive().unwrap();
    let mut offset = 0;
    while offset < snapshot.bytes {
        let part = from.snapshots.read(snapshot, offset, 700).unwrap();
        receiving.write(&part).unwrap();
        offset += part.len() as u64;
    }
    receiving.finish().unwrap()
}

/// A node with another past takes a snapshot and is then, references included, as if it had applied the entries; and
/// goes on from there.
#[test]
fn there_and_back() {
    let (from, to) = (Node::new(1, 500), Node::new(2, 60));
    let built = from.build();
    // Still the old bytes, although another file is current by now.
    from.catalogue.apply(Entries::new(1).take(520).collect()).unwrap();
    from.build();
    let received = send(&from, &built, &to);
    assert_eq!(received.meta, built.meta);
    to.snapshots.install(received, &to.catalogue).unwrap();
    assert!(to.state() == Node::new(1, 500).state());
    for setting in Setting::ALL {
        let expected = Node::new(1, 500).catalogue.set_to(setting);
        assert!(expected.is_some() && to.catalogue.set_to(setting) == expected, "{setting:?}: {expected:?}");
    }
    assert_eq!(to.names(), ["current"]);
    to.catalogue.apply(Entries::new(1).take(520).collect()).unwrap();
    assert!(to.state() == from.state());
}

/// Whatever bit flips, and wherever the file ends too early, the snapshot is refused and the old state is kept.
#[test]
fn damage_is_found() {
    let (from, to) = (Node::new(3, 40), Node::new(4, 40));
    let built = from.build();
    let good = fs::read(&built.path).unwrap();
    let before = to.state();
    let refused = |bytes: &[u8]| {
        let mut receiving = to.snapshots.receive().unwrap();
        receiving.write(bytes).unwrap();
        assert!(matches!(receiving.finish(), Err(SnapshotError::Corrupt { .. })));
    };
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        refused(&bad);
    }
    (0..good.len()).step_by(13).for_each(|end| refused(&good[..end]));
    refused(&[&good[..], b"x"].concat());
    assert!(to.names().is_empty() && to.snapshots.current().is_none() && to.state() == before);
}

/// Damage that comes after a file was received or became current is found before its rows are used.
#[test]
fn damage_on_disk_is_found() {
    let (from, to) = (Node::new(3, 40), Node::new(4, 40));
    let built = from.build();
    let received = send(&from, &built, &to);
    let flip = |snapshot: &Snapshot| {
        let mut bytes = fs::read(&snapshot.path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&snapshot.path, bytes).unwrap();
    };
    flip(&received);
    let before = to.state();
    assert!(matches!(to.snapshots.install(received, &to.catalogue), Err(SnapshotError::Corrupt { .. })));
    assert!(to.snapshots.current().is_none() && to.names().is_empty() && to.state() == before);
    flip(&built);
    let before = from.state();
    assert!(matches!(from.snapshots.restore(&from.catalogue, true), Err(SnapshotError::Corrupt { .. })));
    assert!(from.state() == before);
}

/// A build that fails or dies before its end leaves the snapshot before it current, and no file.
#[test]
fn crash_while_building() {
    let node = Node::new(5, 50);
    let first = node.build();
    node.catalogue.apply(Entries::new(5).take(80).collect()).unwrap();
    let failed = node.snapshots.build(&node.catalogue, &|| Err(io::Error::other("no fsync")));
    assert!(matches!(failed, Err(SnapshotError::Io(_))));
    assert_eq!(node.names(), ["current"]);
    fs::write(node.dir.path().join("build-7"), b"torn").unwrap();
    let node = node.restarted();
    assert_eq!(node.names(), ["current"]);
    assert_eq!(node.snapshots.current().unwrap().meta, first.meta);
}

/// A build that is overtaken by an install does not bring the older snapshot back.
#[test]
fn overtaken_build() {
    let (ahead, node) = (Node::new(6, 90), Node::new(6, 50));
    let received = std::sync::Mutex::new(Some(send(&ahead, &ahead.build(), &node)));
    let install = || {
        let received = received.lock().unwrap().take().unwrap();
        node.snapshots.install(received, &node.catalogue).map_err(io::Error::other)
    };
    let built = node.snapshots.build(&node.catalogue, &install).unwrap();
    assert_eq!(built.meta.at, ahead.catalogue.applied().at);
    assert_eq!(node.snapshots.current().unwrap().meta, built.meta);
    assert_eq!(node.names(), ["current"]);
}

/// Killed after the snapshot became current, or after any number of its rows were written, a node refuses to use the
/// rest of its rows and is whole after `restore`.
#[test]
fn crash_while_installing() {
    let from = Node::new(7, 300);
    let built = from.build();
    let count = super::read::Rows::new(&built).unwrap().count();
    for written in [None, Some(0), Some(1), Some(300), Some(count)] {
        let to = Node::new(8, 30);
        let adopted = to.snapshots.adopt(send(&from, &built, &to)).unwrap();
        if let Some(written) = written {
            let killed = || BackendError::Store("killed".to_owned());
            let rows = super::read::Rows::new(&adopted).unwrap().take(written);
            let rows = rows.chain(std::iter::once_with(|| Err(killed().into())));
            to.catalogue
                .replace::<SnapshotError>(adopted.meta.applied(), adopted.meta.digest, rows)
                .unwrap_err();
        }
        let to = to.restarted();
        assert_eq!(to.catalogue.is_half_replaced(), written.is_some());
        if written.is_some() {
            assert!(matches!(to.catalogue.file("files/1"), Err(BackendError::Replacing)));
            let entries = Entries::new(7).take(310).collect();
            assert!(matches!(to.catalogue.apply(entries), Err(BackendError::Replacing)));
        }
        to.snapshots.restore(&to.catalogue, false).unwrap();
        assert!(to.state() == Node::new(7, 300).state(), "killed after {written:?} rows");
        assert!(!to.restarted().catalogue.is_half_replaced());
    }
}

/// Rows that do not add up to the digest are not taken for the catalogue.
#[test]
fn digest_must_match() {
    let from = Node::new(9, 100);
    let built = from.build();
    let to = Node::new(10, 10);
    let some = super::read::Rows::new(&built).unwrap().skip(1);
    let result = to.catalogue.replace(built.meta.applied(), built.meta.digest, some);
    assert!(matches!(result, Err(SnapshotError::Catalogue(BackendError::Row(_)))));
    assert!(to.catalogue.is_half_replaced());
}

/// sled can be deleted: snapshot and log bring everything back. A catalogue that is ahead of the snapshot is left
/// alone unless it is distrusted; a distrusted one without a snapshot is emptied.
#[test]
fn sled_is_deleted() {
    let node = Node::new(11, 200);
    node.build();
    let entries: Vec<_> = Entries::new(11).take(260).collect();
    node.catalogue.apply(entries.clone()).unwrap();
    let whole = node.state();
    node.snapshots.restore(&node.catalogue, false).unwrap();
    assert!(node.state() == whole);
    let sled = tempfile::tempdir().unwrap();
    let node = Node { backend: Arc::new(SledBackend::open(sled.path()).unwrap()), ..node }.restarted();
    node.snapshots.restore(&node.catalogue, false).unwrap();
    assert!(node.state() == Node::new(11, 200).state());
    node.catalogue.apply(entries).unwrap();
    assert!(node.state() == whole);
    node.snapshots.restore(&node.catalogue, true).unwrap();
    assert!(node.state() == Node::new(11, 200).state());
    fs::remove_file(node.dir.path().join("current")).unwrap();
    let node = node.restarted();
    node.snapshots.restore(&node.catalogue, true).unwrap();
    assert_eq!(node.catalogue.applied().at, None);
    assert!(rows(&node.backend, "a", "{").is_empty() && rows(&node.backend, "R", "S").is_empty());
}
