//! `status`: its first line and exit code when all is well, when a node is gone, and without a majority.

use std::process::Stdio;

use crate::cluster::{Cluster, Who, finish};

/// Three nodes, then two, then one.
#[test]
fn while_nodes_go() {
    let mut cluster = Cluster::start(3);
    let first =
        |cluster: &Cluster| cluster.run(&["status"]).text().lines().next().unwrap_or_default().to_owned();
    assert_eq!(first(&cluster), "test: fine; one more machine may fail");

    let gone = cluster.follower();
    cluster.kill(Who::Node(gone));
    cluster.wait("a degraded status", || {
        (first(&cluster) == "test: DEGRADED; no further machine may fail").then_some(())
    });
    cluster.run(&["status"]).ok();
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
