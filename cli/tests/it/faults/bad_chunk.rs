//! A disk that flips a bit in an extent.

use super::flip;
use super::large;
use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

const LARGE: usize = 40 * MIB;
const SMALL: usize = 5000;

fn prepare() -> Cluster {
    let cluster = Cluster::start(3);
    for (name, seed, length) in [("bad/large", 5, LARGE), ("bad/small", 6, SMALL)] {
        let path = cluster.dir().join("file");
        content::write(&path, seed, length);
        cluster.run(&["put", path.to_str().unwrap(), name]).ok();
    }
    cluster.wait_even();
    cluster
}

/// Flips a bit of the fourth MiB of the large file, and of the small file, on one node; returns both chunks' names.
fn flip_both(cluster: &Cluster, node: usize) -> [String; 2] {
    let extents = cluster.folder(Who::Node(node)).join("extents");
    let (large, small) = (content::bytes(5, LARGE), content::bytes(6, SMALL));
    [&large[3 * MIB..4 * MIB], &small[..]].map(|chunk| {
        let place = flip::find(&extents, &chunk[..64]);
        // Not in the bytes that it was found by, so that it is found again.
        flip::Place { offset: place.offset + 1234, ..place }.flip();
        blake3::hash(chunk).to_string()
    })
}

/// `verify` names node, chunk and file of both bad bytes and of nothing else; after a while they are healed.
#[test]
fn verify_names_it() {
    let cluster = prepare();
    let follower = cluster.follower();
    let (id, mut chunks) = (cluster.id(follower), flip_both(&cluster, follower));
    let report = cluster.run(&["verify", "--json"]).exit(1).json();
    assert_eq!(report.len(), 3);
    for node in &report {
        assert_eq!(node["equal"], true, "the catalogues are equal: {node}");
        let mut bad: Vec<String> = node["bad"]
            .as_array()
            .unwrap()
            .iter()
            .map(|bad| bad["hash"].as_str().unwrap().to_owned())
            .collect();
        bad.sort();
        chunks.sort();
        if node["node"] == id {
            assert_eq!(bad, chunks, "node {id} has two bad chunks: {node}");
            assert!(
                node.to_string().contains("bad/large") && node.to_string().contains("bad/small"),
                "{node}"
            );
        } else {
            assert!(bad.is_empty(), "{node}");
        }
    }
    cluster.wait("the bad chunks to be healed", || (cluster.run(&["verify"]).code == 0).then_some(()));
    cluster.verify();
    for (name, seed, length) in [("bad/large", 5, LARGE), ("bad/small", 6, SMALL)] {
        large::check(&cluster, name, seed, length);
    }
}

/// Both followers, who serve the reads, have the same bad chunks: a read still returns the right bytes, and what it
/// has found is healed.
#[test]
fn reads_are_right() {
    let cluster = prepare();
    let leader = cluster.leader();
    for follower in (0..3).filter(|node| *node != leader) {
        flip_both(&cluster, follower);
    }
    for (name, seed, length) in [("bad/large", 5, LARGE), ("bad/small", 6, SMALL)] {
        (0..4).for_each(|_| large::check(&cluster, name, seed, length));
    }
    cluster.wait("the bad chunks to be healed", || (cluster.run(&["verify"]).code == 0).then_some(()));
    cluster.verify();
}
