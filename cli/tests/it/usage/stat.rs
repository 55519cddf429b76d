//! `stat`: which nodes hold a file.

use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

use super::User;

/// All nodes hold what was just written, small, large or a folder; a node that is gone is named as such.
#[test]
fn who_holds_it() {
    let user = User::new();
    content::write(&user.path("large"), 4_100, 3 * MIB + 5);
    user.run(&["put", "large", "--to", "stat/large"]).ok();
    user.feed(&["put", "-", "--to", "stat/small"], b"small").ok();
    let looked = user.run(&["stat", "stat/large", "stat/small", "--json"]).ok().json();
    assert_eq!(looked.len(), 2);
    for file in &looked {
        let known = file["nodes"].as_array().unwrap().len() + file["other_nodes"].as_array().unwrap().len();
        assert_eq!(known, 3, "{file}");
        assert!(file["executable"] == false, "{file}");
    }
    assert!(looked[1]["source_modified"].is_null(), "a stream has no time: {}", looked[1]);
    let shown = user.run(&["stat", "stat/small"]).ok().text();
    for word in ["name ", "size ", "5 bytes", "version ", "blake3 ", "modified ", "nodes "] {
        assert!(shown.contains(word), "{word:?} is not in {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    user.run(&["stat", "stat/none"]).fails(3, "stat/none: no such file");
    user.run(&["stat", "stat/none", "stat/small"]).exit(3);
    user.run(&["stat", "NO BUCKET/x"]).fails(2, "NO BUCKET/x");
}

/// A member that is down does not hold what it holds for certain.
#[test]
fn while_a_node_is_gone() {
    let mut cluster = Cluster::start(3);
    std::fs::write(cluster.dir().join("file"), "content").unwrap();
    cluster.run(&["put", "file"]).ok();
    cluster.wait_even();
    let looked = |cluster: &Cluster| cluster.run(&["stat", "file", "--json"]).ok().json().remove(0);
    assert_eq!(looked(&cluster)["nodes"].as_array().unwrap().len(), 3);
    let gone = cluster.follower();
    let id = cluster.id(gone);
    cluster.kill(Who::Node(gone));
    let silent = cluster.wait("the silent node to be named", || {
        let file = looked(&cluster);
        (file["other_nodes"][0]["holds"] == "silent").then_some(file)
    });
    assert_eq!(silent["other_nodes"][0]["id"], id);
    assert!(cluster.run(&["stat", "file"]).ok().text().contains(&format!("node {id}: not heard")));
}
