//! Cables and switches that fail, wholly or in one direction.

use super::lab::Lab;

const HOSTS: [&str; 3] = ["h1", "h2", "h3"];

/// The leader is cut off from all, or is heard by nobody and still hears: the others elect another and go on; who is
/// on the wrong side is told so (exit code 5) and reads nothing old; healed, it is one cluster again.
#[test]
fn leader() {
    let Some(lab) = Lab::start(4) else { return };
    let clients = lab.found("h1", "lab");
    clients.up(&HOSTS[1..]);
    let cluster = clients.wait_voters("h4", 3)["cluster_id"].clone();
    for (round, cut) in [(1, &["cut"][..]), (2, &["cut", "--one-way"])] {
        let leader = clients.leader("h4", &HOSTS);
        lab.call(&[cut, &[leader, "all"]].concat());
        clients.put("h4", &format!("cut/{round}"), round, 100_000);
        clients.run(leader, &["cat", &format!("cut/{round}"), "--timeout", "3s"]).exit(5);
        lab.call(&["heal"]);
        for host in HOSTS {
            assert_eq!(clients.wait_voters(host, 3)["cluster_id"], cluster, "seen from {host}");
        }
        clients.check(leader, &format!("cut/{round}"), round, 100_000);
    }
    clients.verify("h4", 3);
}
