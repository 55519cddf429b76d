//! A token of another cluster, and an address.

use gossamer_proto::token::Token;
use gossamer_world::random::Kernel;

use super::lab::Lab;

/// Over TCP the proof fails too: neither a node nor a client gets in, both end with exit code 6 and leave nothing.
#[test]
fn refused() {
    let Some(lab) = Lab::start(2) else { return };
    let clients = lab.found("h1", "lab");
    let before = clients.wait_voters("h2", 1);
    let other = Token::draw("lab", &Kernel).unwrap().to_string();
    let data = lab.path("h2").join("data");
    let up = ["gossamer", "up", "--dir", data.to_str().unwrap()];
    let foreign = ["--token", &other, "--queue", "10.1.0.1:4068"];
    lab.run("h2", &[&up[..], &foreign].concat()).exit(6);
    lab.run("h2", &[&["gossamer"], &foreign[..], &["ls", "--timeout", "10s"]].concat()).exit(6);
    let after = clients.wait_voters("h2", 1);
    for field in ["cluster_id", "voter_ids", "replica_ids"] {
        assert_eq!(before[field], after[field], "{field}");
    }
}
