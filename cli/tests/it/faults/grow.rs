//! Newcomers, by log and by snapshot.

use super::large;
use super::load::Load;
use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

/// Snapshots are built under load; a fourth and a fifth node begin with one, and end as voters, equal to all others.
#[test]
fn by_snapshot() {
    let mut cluster = Cluster::tuned(1, 3, &["--snapshot-entries", "100", "--keep-entries", "20"]);
    let path = cluster.dir().join("file");
    content::write(&path, 8, 40 * MIB);
    cluster.run(&["put", path.to_str().unwrap(), "grow/large"]).ok();
    let load = Load::start(&cluster, 4);
    cluster.wait("entries to be purged", || {
        let applied = cluster.nodes().iter().filter_map(|node| node["applied_index"].as_u64()).max();
        (applied? > 500).then_some(())
    });
    let newcomers = [cluster.add_node(), cluster.add_node()];
    cluster.wait_voters(5);
    load.goes_on();
    let book = load.stop();
    cluster.wait_even();
    for node in newcomers {
        let said = cluster.log(Who::Node(node));
        assert!(said.contains("snapshot installed"), "node {node} began with a snapshot: {said}");
    }
    cluster.verify();
    book.check(&cluster);
    large::check(&cluster, "grow/large", 8, 40 * MIB);
}

/// One voter becomes three and then five; the number stays odd on the way.
#[test]
fn one_three_five() {
    let mut cluster = Cluster::start(1);
    let path = cluster.dir().join("file");
    content::write(&path, 9, 8 * MIB);
    cluster.run(&["put", path.to_str().unwrap(), "grow/large"]).ok();
    let load = Load::start(&cluster, 2);
    for nodes in 2..=5 {
        cluster.add_node();
        if nodes % 2 == 1 {
            cluster.wait_voters(nodes);
        } else {
            cluster.wait("the newcomer to be a replica", || {
                (cluster.node(nodes - 1)?["role"] == "replica").then_some(())
            });
            let status = &cluster.run(&["status", "--json"]).ok().json()[0];
            assert_eq!(status["voter_ids"].as_array().unwrap().len(), nodes - 1, "{status}");
        }
    }
    let book = load.stop();
    cluster.wait_even();
    let status = &cluster.run(&["status", "--json"]).ok().json()[0];
    assert_eq!((&status["voters"], &status["tolerates"]), (&5.into(), &2.into()), "{status}");
    cluster.verify();
    book.check(&cluster);
    large::check(&cluster, "grow/large", 9, 8 * MIB);
}
