//! Disks that go bad where nobody reads: scrub finds it, and the other nodes mend it.

use super::flip;
use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

const LARGE: usize = 20 * MIB;

/// A figure of a node in `status --json`.
fn number(cluster: &Cluster, id: u64, what: &str) -> u64 {
    cluster.wait("a node to be in the status", || {
        // With or without a leader at this moment.
        let status = cluster.run(&["status", "--json"]).json().pop()?;
        status["healing"].as_array()?.iter().find(|node| node["id"] == id)?[what].as_u64()
    })
}

/// A flipped bit of an extent heals on a running node without anybody reading it, and `status` says so.
#[test]
fn heals_by_itself() {
    let cluster = Cluster::start(3);
    let path = cluster.dir().join("file");
    content::write(&path, 41, LARGE);
    cluster.run(&["put", path.to_str().unwrap(), "bad/large"]).ok();
    cluster.wait_even();
    cluster.run(&["config", "set", "scrub-every", "1s"]).ok();
    let node = cluster.follower();
    let id = cluster.id(node);
    let passes = number(&cluster, id, "scrub_finished_ms");
    cluster.wait("a pass", || (number(&cluster, id, "scrub_finished_ms") > passes).then_some(()));
    assert_eq!(number(&cluster, id, "bad_found"), 0);
    let fetched = number(&cluster, id, "fetched_bytes");

    let content = content::bytes(41, LARGE);
    let place = flip::find(&cluster.folder(Who::Node(node)).join("extents"), &content[9 * MIB..9 * MIB + 64]);
    flip::Place { offset: place.offset + 1234, ..place }.flip();
    cluster.wait("the chunk to heal", || (number(&cluster, id, "bad_healed") == 1).then_some(()));
    assert_eq!(number(&cluster, id, "bad_found"), 1);
    assert_eq!(number(&cluster, id, "fetched_bytes"), fetched + MIB as u64);
    cluster.wait_even();
    let shown = cluster.run(&["status"]).text();
    assert!(shown.contains("1 bad, 1 healed"), "{shown}");
    assert!(shown.contains(&format!("disk of node {id} went bad in 1 place")), "{shown}");
    cluster.verify();
}

/// A row of a node's catalogue that changed behind its back while its process was gone, be it after a clean stop or killed, is
/// found at the start: the catalogue is built anew, and equal to the others'.
#[test]
fn a_broken_catalogue_is_built_anew() {
    let mut cluster = Cluster::start(3);
    let path = cluster.dir().join("file");
    content::write(&path, 42, 5000);
    cluster.run(&["put", path.to_str().unwrap(), "row/small"]).ok();
    cluster.wait_even();
    let node = Who::Node(cluster.follower());
    assert_eq!(cluster.terminate(node).code(), Some(0));
    break_row(&cluster, node);
    cluster.start_again(node);
    cluster.wait_voters(3);
    cluster.wait_even();
    let built = cluster.log(node).matches("is built anew").count();
    assert!(built > 0, "after a clean stop: {}", cluster.log(node));
    // After a clean stop the row is in the files, whenever the process is killed.
    assert_eq!(cluster.terminate(node).code(), Some(0));
    cluster.start_again(node);
    cluster.wait_voters(3);
    cluster.kill(node);
    break_row(&cluster, node);
    cluster.start_again(node);
    cluster.wait_voters(3);
    cluster.wait_even();
    assert!(cluster.log(node).matches("is built anew").count() > built, "killed: {}", cluster.log(node));
    cluster.verify();
}

/// As if bits had rotted where the catalogue's checksums do not see it.
fn break_row(cluster: &Cluster, node: Who) {
    let tree = sled::open(cluster.folder(node).join("catalogue")).unwrap();
    let mut row = tree.get(b"frow/small").unwrap().unwrap().to_vec();
    let last = row.len() - 1;
    row[last] ^= 1;
    tree.insert(b"frow/small", row).unwrap();
    tree.flush().unwrap();
}
