//! `gossamer node remove`.

use crate::cluster::{Cluster, Who};

fn remove(cluster: &Cluster, id: u64, more: &[&str]) -> crate::cluster::Ran {
    let id = id.to_string();
    cluster.run(&[&["node", "remove", &id, "--timeout", "60s"], more].concat())
}

/// A replica leaves at once; asking again says so; who never was there is not found. A voter leaves for a replica that
/// waits, without asking; the number of voters stays.
#[test]
fn with_somebody_in_its_place() {
    let mut cluster = Cluster::start(3);
    let spare = cluster.add_node();
    let other = cluster.add_node();
    cluster.wait_voters(5);
    cluster.run(&["config", "set", "voters", "3"]).ok();
    let voters = cluster.wait_voters_count(3);
    let all: Vec<u64> = (0..5).map(|position| cluster.id(position)).collect();
    let replicas: Vec<u64> = all.iter().copied().filter(|id| !voters.contains(id)).collect();
    assert_eq!((replicas.len(), spare, other), (2, 3, 4));
    assert!(remove(&cluster, replicas[0], &[]).ok().text().contains("is removed"));
    // What `status` knows comes with the nodes' beats.
    cluster.wait("the replica to be no member", || (!cluster.members().contains(&replicas[0])).then_some(()));
    assert!(remove(&cluster, replicas[0], &[]).ok().text().contains("before"));
    let unknown = remove(&cluster, 999_999, &[]).exit(3);
    assert!(unknown.stderr.contains(&replicas[1].to_string()), "{}", unknown.stderr);
    let leader = cluster.id(cluster.leader());
    let voter = *voters.iter().find(|id| **id != leader).unwrap();
    remove(&cluster, voter, &[]).ok();
    let now = cluster.wait_voters_count(3);
    assert!(now.contains(&replicas[1]) && !now.contains(&voter), "{now:?}");
    let json = remove(&cluster, voter, &["--json"]).ok().json();
    assert_eq!((&json[0]["removed"], &json[0]["already"]), (&true.into(), &true.into()));
    // Gone for good: its process is not needed, and nobody shows it.
    for id in [replicas[0], voter] {
        let position = all.iter().position(|known| *known == id).unwrap();
        cluster.kill_removed(Who::Node(position));
        cluster.wait("a removed node to be shown no more", || {
            cluster.nodes().iter().all(|node| node["id"] != id).then_some(())
        });
    }
    cluster.wait_even();
    cluster.verify();
}

/// Without anybody to take its place a voter leaves only with agreement, and the number stays odd; the leader hands over
/// first; the last node stays.
#[test]
fn with_nobody_in_its_place() {
    let mut cluster = Cluster::start(3);
    cluster.run(&["put", "--if-absent", "-", "kept"]).ok();
    let ids: Vec<u64> = (0..3).map(|position| cluster.id(position)).collect();
    let leader = cluster.leader();
    let refused = remove(&cluster, ids[leader], &[]).exit(2);
    assert!(
        refused.stderr.contains("1 instead of 3") && refused.stderr.contains("--yes"),
        "{}",
        refused.stderr
    );
    assert_eq!(cluster.members().len(), 3, "nothing was done");
    remove(&cluster, ids[leader], &["--yes"]).ok();
    let voters = cluster.wait_voters_count(1);
    assert!(voters[0] != ids[leader], "{voters:?}");
    cluster.kill_removed(Who::Node(leader));
    // The only voter leaves for the replica, leader that it is.
    let second = voters[0];
    cluster.wait_even();
    remove(&cluster, second, &[]).ok();
    let last = cluster.wait_voters_count(1);
    assert!(last[0] != second && last[0] != ids[leader], "{last:?}");
    let position = ids.iter().position(|id| *id == second).unwrap();
    cluster.kill_removed(Who::Node(position));
    let only = remove(&cluster, last[0], &["--yes"]).exit(6);
    assert!(only.stderr.contains("only node"), "{}", only.stderr);
    assert_eq!(cluster.run(&["cat", "kept"]).ok().text(), "");
    cluster.verify();
}

/// Five voters, one leaves, nobody takes its place: three stay, and the fifth becomes a replica.
#[test]
fn five_become_three() {
    let mut cluster = Cluster::start(5);
    let ids: Vec<u64> = (0..5).map(|position| cluster.id(position)).collect();
    let follower = cluster.follower();
    // A dead one can be removed as well.
    cluster.kill(Who::Node(follower));
    remove(&cluster, ids[follower], &["--yes"]).ok();
    let voters = cluster.wait_voters_count(3);
    assert!(!voters.contains(&ids[follower]), "{voters:?}");
    cluster.wait("four members", || (cluster.members().len() == 4).then_some(()));
    cluster.add_node();
    cluster.wait_voters(5);
    cluster.wait_even();
    cluster.verify();
}
