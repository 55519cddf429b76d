//! A process that is there and does nothing (SIGSTOP), and who serves reads.

use std::collections::BTreeMap;

use super::large;
use super::load::Load;
use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

/// Reads served by each node, by position.
fn reads(cluster: &Cluster) -> BTreeMap<usize, u64> {
    let read = |node| cluster.wait("a report", || cluster.node(node)?["reads"].as_u64());
    (0..3).map(|node| (node, read(node))).collect()
}

/// Gets a few hundred small files, one after the other.
fn read_small(cluster: &Cluster, rounds: u64) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = cluster.client();
        for number in 0..rounds {
            let (_, got) = client.get_bytes("pause/small", 10_000).await.unwrap();
            assert!(got == content::bytes(11, 5000), "read {number} is right");
        }
    });
}

/// Followers serve the reads, the leader none. A paused follower gets no new work while reads and writes go on
/// without an error; when it goes on it catches up and works again.
#[test]
fn follower() {
    let cluster = Cluster::start(3);
    for (name, seed, length) in [("pause/large", 10, 40 * MIB), ("pause/small", 11, 5000)] {
        let path = cluster.dir().join("file");
        content::write(&path, seed, length);
        cluster.run(&["put", path.to_str().unwrap(), name]).ok();
    }
    cluster.wait_even();
    let leader = cluster.leader();
    let before = reads(&cluster);
    read_small(&cluster, 200);
    large::check(&cluster, "pause/large", 10, 40 * MIB);
    let after = cluster.wait("reads to be reported", || {
        let after = reads(&cluster);
        (after.values().sum::<u64>() > before.values().sum::<u64>() + 200).then_some(after)
    });
    for node in 0..3 {
        let served = after[&node] - before[&node];
        assert_eq!(served == 0, node == leader, "node {node} served {served}, node {leader} leads");
    }

    let paused = cluster.follower();
    let before = reads(&cluster)[&paused];
    cluster.pause(Who::Node(paused));
    cluster
        .wait("the pause to be noticed", || (cluster.node(paused)?["age_ms"].as_u64()? > 500).then_some(()));
    let load = Load::start(&cluster, 3);
    read_small(&cluster, 200);
    large::check(&cluster, "pause/large", 10, 40 * MIB);
    load.goes_on();
    cluster.resume(Who::Node(paused));
    let book = load.stop();
    cluster.wait_even();
    assert_eq!(reads(&cluster)[&paused], before, "it got no work while it was silent");
    cluster.wait("it to work again", || {
        read_small(&cluster, 20);
        (reads(&cluster)[&paused] > before).then_some(())
    });
    book.check(&cluster);
    cluster.verify();
}

/// A paused leader is replaced, and when it goes on it answers nothing that is no longer so.
#[test]
fn leader() {
    let cluster = Cluster::start(3);
    let load = Load::start(&cluster, 3);
    for _ in 0..3 {
        let leader = Who::Node(cluster.leader());
        cluster.pause(leader);
        load.goes_on();
        cluster.resume(leader);
        load.goes_on();
    }
    let book = load.stop();
    cluster.wait_voters(3);
    cluster.wait_even();
    book.check(&cluster);
    cluster.verify();
}
