//! Single rules that random commands would rarely meet.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::setting::Setting;
use gossamer_proto::v1::{self, command::Kind};

use super::random::{entry, own, put};
use super::{fake, fake::rows};
use crate::storage::catalogue::Applied;
use crate::storage::catalogue::backend::Backend;
use crate::storage::catalogue::memory::Memory;

fn fresh() -> (Arc<dyn Backend>, crate::storage::catalogue::Catalogue, Arc<fake::FakeChunks>) {
    let backend: Arc<dyn Backend> = Arc::new(Memory::default());
    let (catalogue, chunks) = fake::catalogue(&backend);
    (backend, catalogue, chunks)
}

/// A full disk does not change what is applied, only what is held: the record names a chunk that is missing.
#[test]
fn full_disk_applies() {
    let (backend, catalogue, chunks) = fresh();
    chunks.full.store(true, Ordering::Relaxed);
    let results = catalogue.apply(vec![entry(2, vec![own(Kind::Put(put("files/a", b"a")))])]).unwrap();
    assert!(matches!(results[0][0], Applied::Written { version: 2, .. }));
    assert!(chunks.held.lock().unwrap().is_empty());
    assert_eq!(rows(&backend, "R", "S").len(), 1);
    assert_eq!(catalogue.file_of(&Hash::of(b"a")).unwrap().as_deref(), Some("files/a"));
}

/// What can never be right is refused and leaves no row: bytes that do not match their hash, chunk lists that do not
/// fit the size, numbers that skip.
#[test]
fn nonsense_is_refused() {
    let (_, catalogue, chunks) = fresh();
    let commit = |size, chunks: usize, depth| {
        let (name, chunks) = ("files/c".to_owned(), vec![1; 32 * chunks].into());
        Kind::Commit(v1::Commit {
            name,
            size,
            blake3: vec![2; 32].into(),
            chunks,
            depth,
            ..Default::default()
        })
    };
    let kinds = vec![
        Kind::Put(v1::PutSmall { blake3: Bytes::from(vec![0; 32]), ..put("files/a", b"a") }),
        Kind::Put(put("files/a", &vec![0; (64 << 10) + 1])),
        Kind::Remove(v1::Remove { name: "files".into(), condition: None }),
        commit(1 << 20, 2, 0),
        commit((1 << 20) + 1, 1, 0),
        commit(1025 << 20, 1025, 0),
        commit(1025 << 20, 1, 2),
        Kind::Admit(v1::Admit { storage_id: Bytes::from_static(b"short"), founder: false }),
        Kind::Collect(v1::Collect { number: 2 }),
        Kind::SetSetting(v1::SetSetting { key: "voters".into(), value: 4 }),
        Kind::SetSetting(v1::SetSetting { key: "colour".into(), value: 3 }),
        Kind::Expire(v1::Expire { generation: 2 }),
    ];
    for (index, kind) in (2..).zip(kinds) {
        assert_eq!(catalogue.apply(vec![entry(index, vec![own(kind)])]).unwrap(), [[Applied::Invalid]]);
    }
    assert_eq!(catalogue.digest(), [0; 32]);
    assert!(chunks.held.lock().unwrap().is_empty());
}

/// The founder's id is never given; one entry gives one id; asking again gives the same.
#[test]
fn ids_are_given_once() {
    let (_, catalogue, _) = fresh();
    let admit = |id: u8| own(Kind::Admit(v1::Admit { storage_id: vec![id; 16].into(), founder: false }));
    let entries = vec![
        entry(1, vec![admit(7)]),
        entry(2, vec![admit(7), admit(8)]),
        entry(3, vec![admit(8), admit(7)]),
    ];
    let results = catalogue.apply(entries).unwrap();
    let node = |node| Applied::Admitted { node };
    assert_eq!(
        results,
        [vec![Applied::SealAgain], vec![node(2), Applied::SealAgain], vec![node(3), node(2)]]
    );
}

/// The founder gets its own id, once: neither it again nor another.
#[test]
fn founder() {
    let (_, catalogue, _) = fresh();
    let admit = |id: u8, founder| own(Kind::Admit(v1::Admit { storage_id: vec![id; 16].into(), founder }));
    let entries =
        vec![entry(4, vec![admit(7, true)]), entry(5, vec![admit(8, true), admit(7, true), admit(8, false)])];
    let node = |node| Applied::Admitted { node };
    assert_eq!(catalogue.apply(entries).unwrap(), [vec![node(1)], vec![Applied::Invalid, node(1), node(5)]]);
    assert_eq!(catalogue.members().unwrap()[0], (1, vec![7; 16].into()));
}

/// A node that was removed is not admitted again; the last member cannot be removed, and consent to fewer voters is not
/// taken back; settings and removals are there after a restart.
#[test]
fn retired_for_ever() {
    let (backend, catalogue, _) = fresh();
    let admit = |id: u8| own(Kind::Admit(v1::Admit { storage_id: vec![id; 16].into(), founder: false }));
    let retire = |node, fewer_voters| own(Kind::Retire(v1::Retire { node, fewer_voters }));
    let set = own(Kind::SetSetting(v1::SetSetting { key: "voters".into(), value: 3 }));
    let membership = v1::Membership { nodes: vec![2, 3], ..Default::default() };
    let members = crate::storage::catalogue::Payload::Membership(membership);
    let entries = vec![
        entry(2, vec![admit(7)]),
        entry(3, vec![admit(8), retire(4, true)]),
        crate::storage::catalogue::Entry { at: super::random::at(4), payload: members },
        entry(5, vec![retire(3, true), retire(3, false), retire(2, true), admit(8), set]),
    ];
    let results = catalogue.apply(entries).unwrap();
    let gone = Applied::Retired { node: 3 };
    assert_eq!(results[1][1], Applied::NotFound);
    assert_eq!(results[3], [gone.clone(), gone.clone(), Applied::LastNode, gone, Applied::Configured]);
    drop(catalogue);
    let (catalogue, _) = fake::catalogue(&backend);
    assert_eq!(catalogue.retired().unwrap(), [(3, true)].into());
    assert_eq!((catalogue.setting(Setting::Voters), catalogue.set_to(Setting::ReplaceAfter)), (3, None));
}

/// Pages of a listing join without gap or overlap; a prefix ends where the next character begins.
#[test]
fn pages_of_a_listing() {
    let (_, catalogue, _) = fresh();
    let names = ["aaa/a", "aaa/a/b", "aaa/ab", "aaa/b", "aaa/\u{10ffff}", "aaa/\u{10ffff}z", "bbb/a"];
    let puts = names.iter().map(|name| own(Kind::Put(put(name, b""))));
    catalogue.apply(vec![entry(2, puts.collect())]).unwrap();
    let page = |prefix: &str, after: &str, limit| {
        let (files, more) = catalogue.list(prefix, after, limit).unwrap();
        (files.into_iter().map(|file| file.name).collect::<Vec<_>>().join(" "), more)
    };
    assert_eq!(page("", "", 3), ("aaa/a aaa/a/b aaa/ab".into(), true));
    assert_eq!(page("", "aaa/ab", 9), ("aaa/b aaa/\u{10ffff} aaa/\u{10ffff}z bbb/a".into(), false));
    assert_eq!(page("aaa/a", "", 9), ("aaa/a aaa/a/b aaa/ab".into(), false));
    assert_eq!(page("aaa/\u{10ffff}", "", 2), ("aaa/\u{10ffff} aaa/\u{10ffff}z".into(), false));
    assert_eq!(page("aaa/", "bbb", 9), (String::new(), false));
    assert_eq!(page("", "", 0), (String::new(), true));
}
