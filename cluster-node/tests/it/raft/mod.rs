//! Raft on loopback: real servers, real files, no data plane.

mod node;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use gossamer_cluster_node::raft::{BarrierError, Compaction, ProposeError};
use gossamer_cluster_node::storage::catalogue::Applied;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::RPC;
use gossamer_proto::v1;
use gossamer_world::World;
use gossamer_world::memory::Memory;
use node::{Node, introduce, leader};

const ROOMY: Compaction = Compaction { entries: 10_000, bytes: 1 << 40, keep: 1000 };
const PATIENCE: Duration = Duration::from_secs(30);

fn name(number: u64) -> String {
    format!("files/{number:04}")
}

/// A batch of one small file.
fn put(number: u64) -> v1::Batch {
    put_of(number, 100)
}

fn put_of(number: u64, bytes: usize) -> v1::Batch {
    let data = bytes::Bytes::from(vec![number as u8; bytes]);
    let operation = v1::Operation { session: vec![7; 16].into(), sequence: number, known_index: u64::MAX };
    let put = v1::PutSmall {
        name: name(number),
        condition: None,
        blake3: Hash::of(&data).as_bytes().to_vec().into(),
        data,
        attributes: None,
    };
    let command = v1::Command { operation: Some(operation), kind: Some(v1::command::Kind::Put(put)) };
    v1::Batch { commands: vec![command], now_ms: 1 }
}

/// Proposes these files at `node`, which leads, all at once; the highest index.
async fn put_all(node: &Node, numbers: std::ops::Range<u64>) -> u64 {
    let written = join_all(numbers.map(|number| put_one(node, number))).await;
    written.into_iter().max().unwrap()
}

/// Proposes a file at `node`; its index. On a machine under load a leader may miss its quorum for a moment: it then
/// refuses before anything is appended, and is asked again once it leads.
async fn put_one(node: &Node, number: u64) -> u64 {
    for _ in 0..100 {
        let term = node.until(|view| view.leading).await.term;
        match node.raft.propose(put(number), term).await {
            Err(ProposeError::NotLeader { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            proposed => {
                let (at, outcomes) = proposed.unwrap();
                assert_eq!(outcomes, [Applied::Written { version: at.index, modified_ms: 1 }]);
                return at.index;
            }
        }
    }
    panic!("node {} refused for two seconds although it leads", node.raft.id());
}

/// Three voters, led by the first.
async fn three(compaction: Compaction) -> [Node; 3] {
    let first = Node::start(1, compaction).await;
    first.raft.initialize().await.unwrap();
    first.until(|view| view.leading).await;
    let [second, third] = [Node::start(2, compaction).await, Node::start(3, compaction).await];
    introduce(&[&first, &second, &third]);
    first.raft.add_replica(2).await.unwrap();
    first.raft.add_replica(3).await.unwrap();
    first.raft.change_voters(vec![1, 2, 3], true).await.unwrap();
    let view = first.until(|view| view.membership_at.is_some()).await;
    assert_eq!((view.configs, view.replicas), (vec![vec![1, 2, 3]], vec![]));
    [first, second, third]
}

/// What a term's leader acknowledged is read at a follower behind a barrier, survives the leader, and the next leader
/// goes on; nothing is taken under the former term.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_dies() {
    let [first, second, third] = three(ROOMY).await;
    let last = put_all(&first, 0..200).await;
    let read = third.raft.barrier(PATIENCE).await.unwrap();
    assert!(read.index >= last);
    assert!(third.catalogue.file(&name(199)).unwrap().is_some());

    let former = first.view().term;
    first.stop().await;
    let next = leader(&[&second, &third]).await;
    let refused = next.raft.propose(put(200), former).await;
    assert_eq!(refused, Err(ProposeError::NotLeader { leader: Some(next.raft.id()) }));
    let last = put_all(next, 200..220).await;
    second.applied(last).await;
    third.applied(last).await;
    assert_eq!(second.catalogue.digest(), third.catalogue.digest());

    let first = first.restart(ROOMY).await;
    introduce(&[&first, &second, &third]);
    assert!(first.raft.barrier(PATIENCE).await.unwrap().index >= last);
    assert_eq!(first.catalogue.digest(), second.catalogue.digest());
}

/// A replica that comes when the log has been cut gets the snapshot, and what was written since.
#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_takes_the_snapshot() {
    let cut = Compaction { entries: 64, keep: 0, ..ROOMY };
    let [first, second, third] = three(cut).await;
    for round in 0..10 {
        put_all(&first, round * 40..(round + 1) * 40).await;
    }
    let mut more = 10_000;
    while first.log.indexes().start < 64 {
        // Purging follows the snapshot and tells nobody; more writing brings it about. Each is an operation of its own: one that
        // is sent again has the outcome of the first time.
        put_all(&first, more..more + 1).await;
        more += 1;
        tokio::task::yield_now().await;
    }
    let fourth = Node::start(4, ROOMY).await;
    introduce(&[&first, &second, &third, &fourth]);
    first.raft.add_replica(4).await.unwrap();
    let last = put_all(&first, 500..501).await;
    for node in [&first, &second, &third, &fourth] {
        node.applied(last).await;
    }
    assert!(fourth.snapshots.current().is_some(), "it was not brought up to date by a snapshot");
    assert_eq!(fourth.catalogue.digest(), first.catalogue.digest());
    assert_eq!(fourth.catalogue.file_count(), first.catalogue.file_count());

    let fourth = fourth.restart(ROOMY).await;
    introduce(&[&first, &second, &third, &fourth]);
    fourth.raft.barrier(PATIENCE).await.unwrap();
    assert_eq!(fourth.catalogue.digest(), first.catalogue.digest());
}

/// The log is cut on request, however short it is, at the leader and at a follower; both go on, and a node that lacks what was
/// cut gets the snapshot.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_cut_on_request() {
    let [first, second, third] = three(ROOMY).await;
    let last = put_all(&first, 0..50).await;
    for node in [&first, &second] {
        node.applied(last).await;
        while node.log.indexes().start <= last {
            node.raft.cut_towards(last).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let fourth = Node::start(4, ROOMY).await;
    introduce(&[&first, &second, &third, &fourth]);
    first.raft.add_replica(4).await.unwrap();
    let last = put_all(&first, 50..60).await;
    for node in [&second, &third, &fourth] {
        node.applied(last).await;
        assert_eq!(node.catalogue.digest(), first.catalogue.digest());
    }
    assert!(fourth.snapshots.current().is_some());
    let second = second.restart(ROOMY).await;
    introduce(&[&first, &second, &third, &fourth]);
    assert!(second.raft.barrier(PATIENCE).await.unwrap().index >= last);
}

/// A snapshot that has rotted is found out by whom it is sent to, suspected at its sender, and another one serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotten_snapshot_is_suspected() {
    let disk = Memory::new();
    let node = Node::start_in(1, ROOMY, World { files: Arc::new(disk.clone()), ..World::real() }).await;
    node.raft.initialize().await.unwrap();
    let last = put_all(&node, 0..50).await;
    while node.log.indexes().start <= last {
        node.raft.cut_towards(last).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let current = node.snapshots.current().unwrap();
    disk.flip(&current.path, current.bytes / 2, 1).unwrap();
    let newcomer = Node::start(2, ROOMY).await;
    introduce(&[&node, &newcomer]);
    node.raft.add_replica(2).await.unwrap();
    tokio::time::timeout(PATIENCE, node.snapshots.suspected()).await.unwrap();
    assert!(newcomer.snapshots.current().is_none());
    let chunks = node.chunks.clone();
    node.snapshots.build(&node.catalogue, &|| chunks.sync().map_err(std::io::Error::other)).unwrap();
    newcomer.applied(last).await;
    assert_eq!(newcomer.catalogue.digest(), node.catalogue.digest());
}

/// Small files for whose bytes no disk has room are not lost when the log is cut: that waits, also after a restart, until there
/// is room and they are stored.
#[tokio::test(flavor = "multi_thread")]
async fn small_files_wait_for_room() {
    for restarted in [false, true] {
        let disk = Memory::new();
        let world = World { files: Arc::new(disk.clone()), ..World::real() };
        let mut node = Node::start_in(1, ROOMY, world).await;
        node.raft.initialize().await.unwrap();
        let term = node.until(|view| view.leading).await.term;
        let first = put_one(&node, 0).await;
        // Too little for a file, enough for a snapshot.
        disk.set_capacity(disk.used() + 20_000);
        let files: Vec<v1::Batch> = (1..9).map(|number| put_of(number, 40_000)).collect();
        for file in &files {
            node.raft.propose(file.clone(), term).await.unwrap();
        }
        let last = node.raft.barrier(PATIENCE).await.unwrap().index;
        let covers = |node: &Node| {
            node.snapshots.current().and_then(|it| it.meta.at).is_some_and(|at| at.index >= last)
        };
        while !covers(&node) || node.log.indexes().start < first {
            node.raft.cut_towards(last).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(node.chunks.missing_count(), 8);
        if restarted {
            node = node.restart(ROOMY).await;
            assert_eq!(node.chunks.missing_count(), 8);
        }
        disk.set_capacity(0);
        let all_there = async {
            while node.chunks.missing_count() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all_there).await.unwrap();
        for file in files {
            let Some(v1::command::Kind::Put(put)) = &file.commands[0].kind else { unreachable!() };
            assert_eq!(node.chunks.get_checked(&Hash::of(&put.data)).unwrap().unwrap(), put.data);
        }
        node.until(|view| view.leading).await;
        while node.log.indexes().start <= last {
            node.raft.cut_towards(last).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        node.stop().await;
    }
}

/// A leader that lost its quorum says so, and takes neither writes nor reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_without_quorum() {
    let [first, second, third] = three(ROOMY).await;
    let term = first.view().term;
    second.stop().await;
    third.stop().await;
    first.until(|view| !view.leading).await;
    assert!(matches!(first.raft.propose(put(1), term).await, Err(ProposeError::NotLeader { .. })));
    assert_eq!(first.raft.barrier(Duration::from_millis(600)).await, Err(BarrierError::NoLeader));
    assert!(first.catalogue.file(&name(1)).unwrap().is_none());
}

/// A question that the former leader never answers is put to the next one as soon as there is one. The deadline is that of
/// one question: whoever waits for its end is late.
#[tokio::test(flavor = "multi_thread")]
async fn a_barrier_leaves_a_silent_leader() {
    let [first, second, third] = three(ROOMY).await;
    let last = put_all(&first, 0..1).await;
    first.silence.begun.store(true, Ordering::Relaxed);
    let handle = third.raft.clone();
    let barrier = tokio::spawn(async move { handle.barrier(RPC).await });
    first.silence.asked.notified().await;
    first.raft.hand_over().await;
    leader(&[&second, &third]).await;
    assert!(barrier.await.unwrap().unwrap().index >= last);
}

/// Leadership moves on request, without an election timeout; a voter set shrinks and the voters that left stay.
#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_handed_over() {
    let [first, second, third] = three(ROOMY).await;
    put_all(&first, 0..1).await;
    first.raft.hand_over().await;
    let next = leader(&[&second, &third]).await;
    put_all(next, 1..2).await;
    next.raft.change_voters(vec![next.raft.id()], true).await.unwrap();
    let view = next.until(|view| view.membership_at.is_some() && view.voters == [next.raft.id()]).await;
    assert_eq!(view.replicas.len(), 2);
    assert!(matches!(next.raft.change_voters(vec![99], true).await, Err(ProposeError::Refused(_))));
}

/// Without members there is no leader; a second initialisation does nothing.
#[tokio::test]
async fn one_node() {
    let node = Node::start(1, ROOMY).await;
    assert_eq!(node.raft.barrier(Duration::from_millis(1)).await, Err(BarrierError::NoLeader));
    node.raft.initialize().await.unwrap();
    let view = node.until(|view| view.leading).await;
    node.raft.initialize().await.unwrap();
    let last = put_all(&node, 0..5).await;
    assert_eq!(node.raft.barrier(PATIENCE).await.unwrap().index, last);
    let node = node.restart(ROOMY).await;
    // What was committed is applied again before start returns, with no leader in sight.
    assert!(node.catalogue.file(&name(3)).unwrap().is_some());
    node.until(|again| again.leading && again.term > view.term).await;
    node.raft.shutdown().await;
    assert!(!node.raft.stopped().await.is_empty());
}
