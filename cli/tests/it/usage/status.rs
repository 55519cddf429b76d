//! `status`: its first line and exit code when all is well, when a node is gone, and without a majority.

use std::process::Stdio;

use crate::cluster::{Cluster, Who, finish};

/// Three nodes, then two, then one.
#[test]
fn while_nodes_go() {
    let mut cluster = Cluster::start(3);
    let first =
        |cluster: &Cluster| cluster.run(&["status"]).text().lines().next().unwrap_or_default().to_owned();
    // How full the disk is, is not the test's to say.
    assert!(first(&cluster).starts_with("test: fine; one more machine may fail"), "{}", first(&cluster));
    let exact = cluster.run(&["status", "--bytes"]).ok().text();
    assert!(exact.contains(" bytes stored on each node"), "{exact}");

    let gone = cluster.follower();
    let id = cluster.id(gone);
    cluster.kill(Who::Node(gone));
    let degraded = format!("test: DEGRADED, node {id} is silent");
    cluster.wait("a degraded status", || {
        let first = first(&cluster);
        (first.starts_with(&degraded) && first.ends_with("no further machine may fail")).then_some(())
    });
    let shown = cluster.run(&["status"]).ok().text();
    assert!(shown.contains(&format!("gossamer node remove {id}")), "{shown}");
    assert!(shown.lines().count() < 24 && shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert_eq!(cluster.run(&["status", "--json"]).ok().json()[0]["concerns"][0]["grave"], true);
    cluster.run(&["status", "--wait", "3", "--timeout", "300ms"]).fails(5, "still waiting");
    // It waits as long as need be.
    let mut waiting = cluster.command(&["status", "--wait", "3", "--timeout", "60s"]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    cluster.start_again(Who::Node(gone));
    let shown = finish(waiting).ok();
    assert!(shown.text().starts_with("test: fine"), "{}", shown.text());

    for node in [0, 1] {
        cluster.kill(Who::Node(node));
    }
    let lost = cluster.wait("a status without a leader", || {
        let ran = cluster.run(&["status"]);
        (ran.code == 5).then_some(ran)
    });
    assert!(lost.text().starts_with("test: NO LEADER: 1 of 3 voters answer"), "{}", lost.text());
    assert!(cluster.run(&["status", "--json"]).exit(5).json()[0]["leader"].is_null());
    // A minority neither writes nor reads.
    cluster.run(&["ls", "--timeout", "500ms"]).fails(5, "Nothing was changed");
    cluster.run(&["rm", "x", "--timeout", "500ms"]).fails(5, "Nothing was changed");
}
