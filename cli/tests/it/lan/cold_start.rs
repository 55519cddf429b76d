//! Five machines out of their boxes.

use std::time::Instant;

use super::lab::Lab;
use super::say;
use crate::content::MIB;

/// The first machine founds, the others join with the line it prints, and no address is typed anywhere: a client on a
/// sixth machine, with the token alone, puts and gets while the cluster is still growing, and in the end all five vote.
#[test]
fn five_machines() {
    let Some(lab) = Lab::start(6) else { return };
    let began = Instant::now();
    let clients = lab.found("h1", "lab");
    clients.up(&["h2", "h3", "h4", "h5"]);
    clients.put("h6", "cold/first", 1, 100_000);
    let first = began.elapsed();
    clients.check("h6", "cold/first", 1, 100_000);
    let status = clients.wait_voters("h6", 5);
    say(&format!("cold start: the first put after {first:?}, five voters after {:?}", began.elapsed()));
    assert_eq!(status["voter_ids"].as_array().unwrap().len(), 5, "{status}");
    clients.put("h6", "cold/large", 2, 5 * MIB + 3);
    clients.check("h6", "cold/large", 2, 5 * MIB + 3);

    // The token is also where the documentation says, for its owner's eyes only.
    let file = lab.path("h1").join("data/token");
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), clients.token);
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let folder = lab.path("h3").join("data");
    let printed = lab.run("h3", &["gossamer", "token", "--dir", folder.to_str().unwrap()]).ok();
    assert_eq!(printed.text().trim(), clients.token);
    clients.verify("h6", 5);
}
