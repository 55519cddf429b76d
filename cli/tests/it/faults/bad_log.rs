//! A disk that flips a bit in the log, or loses it.

use super::flip::{self, Place};
use super::large;
use super::load::Load;
use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

/// Wherever the bit is: the cluster ends with three voters that are equal and hold all that was acknowledged. A node
/// whose durable bytes were damaged has come back under another id.
#[test]
fn never_a_silent_loss() {
    let mut cluster = Cluster::start(3);
    let path = cluster.dir().join("file");
    content::write(&path, 7, 8 * MIB);
    cluster.run(&["put", path.to_str().unwrap(), "log/large"]).ok();
    let load = Load::start(&cluster, 3);
    let mut ids: Vec<u64> = (0..3).map(|node| cluster.id(node)).collect();
    for place in [0.0, 0.001, 0.4, 0.8, 1.0] {
        load.goes_on();
        let node = cluster.follower();
        let before = cluster.id(node);
        cluster.kill(Who::Node(node));
        let (file, written) = flip::newest_segment(&cluster.folder(Who::Node(node)).join("log"));
        let offset = ((written - 1) as f64 * place) as u64;
        Place { file, offset }.flip();
        cluster.start_again(Who::Node(node));
        cluster.wait_voters(3);
        let after = cluster.id(node);
        if after != before {
            assert!(!ids.contains(&after), "id {after} is used twice");
            ids.push(after);
        } else {
            assert!(place == 1.0, "damage at {offset} of {written} went unnoticed");
        }
    }
    let book = load.stop();
    cluster.wait_voters(3);
    cluster.wait_even();
    cluster.verify();
    book.check(&cluster);
    large::check(&cluster, "log/large", 7, 8 * MIB);
}

/// The founder's log is deleted: it is a new node, in the place of the old one.
#[test]
fn founder_without_log() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(&cluster, 3);
    let founder = (0..3).find(|node| cluster.id(*node) == 1).unwrap();
    assert_eq!(cluster.terminate(Who::Node(founder)).code(), Some(0));
    std::fs::remove_dir_all(cluster.folder(Who::Node(founder)).join("log")).unwrap();
    load.goes_on();
    cluster.start_again(Who::Node(founder));
    cluster.wait_voters(3);
    assert_ne!(cluster.id(founder), 1);
    let book = load.stop();
    cluster.wait_even();
    let status = &cluster.run(&["status", "--json"]).ok().json()[0];
    assert!(!status["voter_ids"].as_array().unwrap().contains(&1.into()), "node 1 is replaced: {status}");
    cluster.verify();
    book.check(&cluster);
}

/// The only node of a cluster refuses to start with a damaged log, names the file and changes nothing: with the bit
/// put right, all is there.
#[test]
fn only_copy() {
    let mut cluster = Cluster::start(1);
    let load = Load::start(&cluster, 3);
    load.goes_on();
    let book = load.stop();
    cluster.kill(Who::Node(0));
    let (file, written) = flip::newest_segment(&cluster.folder(Who::Node(0)).join("log"));
    let place = Place { file, offset: written / 2 };
    place.flip();
    cluster.start_again(Who::Node(0));
    assert_eq!(cluster.ended(Who::Node(0)).code(), Some(1));
    let said = cluster.log(Who::Node(0));
    let name = place.file.file_name().unwrap().to_str().unwrap();
    assert!(said.contains(name) && said.contains("only voter"), "{said}");
    place.flip();
    cluster.start_again(Who::Node(0));
    cluster.wait_voters(1);
    book.check(&cluster);
    cluster.verify();
}
