//! Nodes whose folders are gone for ever.

use std::collections::BTreeSet;

use super::large;
use super::load::Load;
use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

/// A node that is started with an empty folder is a new node: it has an id that nobody had before, fetches everything,
/// and takes the place of the voter that is gone.
#[test]
fn wiped_and_started_again() {
    let mut cluster = Cluster::start(3);
    cluster.run(&["config", "set", "replace-after", "2s"]).ok();
    let path = cluster.dir().join("file");
    content::write(&path, 14, 40 * MIB);
    cluster.run(&["put", path.to_str().unwrap(), "wiped/large"]).ok();
    let load = Load::start(&cluster, 3);
    let mut ids: BTreeSet<u64> = (0..3).map(|node| cluster.id(node)).collect();
    for round in 0..2 {
        let node = cluster.follower();
        cluster.kill(Who::Node(node));
        std::fs::remove_dir_all(cluster.folder(Who::Node(node))).unwrap();
        load.goes_on();
        cluster.start_again(Who::Node(node));
        assert!(ids.insert(cluster.id(node)), "round {round}: an id was used twice");
        cluster.wait_voters(3);
    }
    let book = load.stop();
    cluster.wait_even();
    cluster.verify();
    book.check(&cluster);
    large::check(&cluster, "wiped/large", 14, 40 * MIB);
}

/// Two of five machines never come back: two new ones take their places as voters, and then two more may go.
#[test]
fn two_gone_for_good() {
    let mut cluster = Cluster::start(5);
    cluster.run(&["config", "set", "replace-after", "2s"]).ok();
    let load = Load::start(&cluster, 3);
    for _ in 0..2 {
        let node = cluster.follower();
        cluster.kill(Who::Node(node));
    }
    load.goes_on();
    let newcomers = [cluster.add_node(), cluster.add_node()];
    cluster.wait_voters(5);
    let status = &cluster.run(&["status", "--json"]).ok().json()[0];
    let voters = status["voter_ids"].as_array().unwrap();
    assert!(newcomers.iter().all(|node| voters.contains(&cluster.id(*node).into())), "{status}");
    assert_eq!((voters.len(), &status["tolerates"]), (5, &2.into()), "{status}");
    for _ in 0..2 {
        let node = cluster.leader();
        cluster.kill(Who::Node(node));
        load.goes_on();
    }
    let book = load.stop();
    book.check(&cluster);
}
