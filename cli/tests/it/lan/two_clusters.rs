//! Neighbours on the same LAN.

use std::collections::BTreeSet;

use gossamer_proto::token::Token;
use gossamer_world::random::Kernel;

use super::lab::Lab;

/// Two clusters of two machines never mix: each keeps its two nodes and its content under the same name, and a token
/// leads to its own. Who has no token is told which clusters there are (exit code 2), and who has a third one's that
/// it fits none of them (exit code 6).
#[test]
fn never_mix() {
    let Some(lab) = Lab::start(5) else { return };
    let red = lab.found("h1", "red");
    let blue = lab.found("h2", "blue");
    red.up(&["h3"]);
    blue.up(&["h4"]);
    for (clients, hosts, seed) in [(&red, ["h1", "h3"], 1), (&blue, ["h2", "h4"], 2)] {
        clients.wait_voters("h5", 1);
        clients.put("h5", "same/name", seed, 70_000);
        let ids: BTreeSet<u64> = hosts.iter().map(|host| clients.id("h5", host)).collect();
        assert_eq!(ids.len(), 2, "one is one node");
    }
    for (clients, name, seed) in [(&red, "red", 1), (&blue, "blue", 2)] {
        for host in ["h1", "h2", "h3", "h4", "h5"] {
            clients.check(host, "same/name", seed, 70_000);
            let status = clients.wait_voters(host, 1);
            assert_eq!(status["cluster"], name, "seen from {host}");
        }
        clients.verify("h5", 2);
    }

    let lost = lab.run("h5", &["gossamer", "ls"]).exit(2);
    for name in ["red", "blue"] {
        assert!(lost.stderr.contains(name), "{name} is not listed: {}", lost.stderr);
    }
    let green = Token::draw("green", &Kernel).unwrap().to_string();
    let foreign = lab.run("h5", &["gossamer", "--token", &green, "ls", "--timeout", "10s"]).exit(6);
    let says = ["heard cluster", "its proof does not fit this token"];
    assert!(says.iter().all(|part| foreign.stderr.contains(part)), "{}", foreign.stderr);
    assert!(foreign.stderr.contains("red") || foreign.stderr.contains("blue"), "{}", foreign.stderr);
}
