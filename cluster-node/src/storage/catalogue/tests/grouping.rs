//! The same entries come to the same rows, however they are grouped and interrupted.

use std::sync::Arc;

use gossamer_proto::v1::{self, command::Kind};

use super::random::{Entries, entry, operation, own, put};
use super::{fake, fake::rows};
use crate::storage::catalogue::Entry;
use crate::storage::catalogue::backend::Backend;
use crate::storage::catalogue::memory::Memory;
use crate::storage::catalogue::sled_backend::SledBackend;

/// Applies the entries in groups of `size`, opening the catalogue anew before each; each group begins with entries
/// that were applied before. Returns all rows and the digest.
fn run(
    backend: Arc<dyn Backend>,
    entries: &[Entry],
    size: usize,
) -> (Vec<(bytes::Bytes, bytes::Bytes)>, [u8; 32]) {
    for start in (0..entries.len()).step_by(size) {
        let (catalogue, _) = fake::catalogue(&backend);
        let again = start.saturating_sub(3);
        let results = catalogue.apply(entries[again..entries.len().min(start + size)].to_vec()).unwrap();
        assert!(results[..start - again].iter().all(Vec::is_empty), "applied twice");
    }
    let (catalogue, _) = fake::catalogue(&backend);
    (rows(&backend, "A", "{"), catalogue.digest())
}

/// One at a time, in odd groups or all at once, in memory or on sled, with restarts between: every row, local ones
/// and noted digests included, is the same.
#[test]
fn grouping_and_restarts_leave_no_trace() {
    for seed in 100..104 {
        let entries: Vec<_> = Entries::new(seed).take(300).collect();
        let whole = run(Arc::new(Memory::default()), &entries, 300);
        for size in [1, 7, 64] {
            assert!(
                run(Arc::new(Memory::default()), &entries, size) == whole,
                "seed {seed}, groups of {size}"
            );
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(
            run(Arc::new(SledBackend::open(dir.path()).unwrap()), &entries, 50) == whole,
            "seed {seed}, sled"
        );
    }
}

/// Operations of expired generations are forgotten a few rows at a time until none is left, while newer ones stay.
#[test]
fn forgotten_operations_are_swept() {
    let backend: Arc<dyn Backend> = Arc::new(Memory::default());
    let (catalogue, _) = fake::catalogue(&backend);
    let commands = (0..200).map(|n| v1::Command {
        operation: Some(operation(1, n, 0)),
        kind: Some(Kind::Put(put("files/a", &n.to_be_bytes()))),
    });
    catalogue.apply(vec![entry(2, commands.collect())]).unwrap();
    assert_eq!(catalogue.operations(), (0, 200));
    let expire = |index, generation| entry(index, vec![own(Kind::Expire(v1::Expire { generation }))]);
    catalogue.apply(vec![expire(3, 1)]).unwrap();
    assert_eq!((rows(&backend, "o", "p").len(), catalogue.operations()), (200, (1, 0)));
    catalogue.apply(vec![expire(4, 2)]).unwrap();
    assert_eq!(rows(&backend, "o", "p").len(), 136);
    catalogue.apply((5..8).map(|index| entry(index, vec![])).collect()).unwrap();
    assert!(rows(&backend, "o", "p").is_empty());
    let (_, recomputed, kept) = catalogue.recompute_digest().unwrap();
    assert_eq!(recomputed, kept);
}

/// The digest at a mark is that after its whole entry, survives a restart, and the 65th mark drops the first.
#[test]
fn marks_are_kept() {
    let backend: Arc<dyn Backend> = Arc::new(Memory::default());
    let mark = || own(Kind::Mark(v1::MarkDigest {}));
    let (catalogue, _) = fake::catalogue(&backend);
    catalogue.apply(vec![entry(2, vec![mark(), own(Kind::Put(put("files/a", b"a")))])]).unwrap();
    let digest = catalogue.digest();
    catalogue.apply(vec![entry(3, vec![own(Kind::Put(put("files/a", b"b")))])]).unwrap();
    assert_ne!(catalogue.digest(), digest);
    let (catalogue, _) = fake::catalogue(&backend);
    assert_eq!((catalogue.digest_at(2), catalogue.digest_at(3)), (Some(digest), None));
    catalogue.apply((4..68).map(|index| entry(index, vec![mark()])).collect()).unwrap();
    assert_eq!((catalogue.digest_at(2), catalogue.digest_at(67)), (None, Some(catalogue.digest())));
}
