//! Somebody clones a disk.

use super::lab::Lab;
use crate::cluster::RESERVE_MIB;

/// A data folder copied to another machine while the first one runs: two nodes with one identity would each vote. The
/// copy ends with exit code 6 and says where the other is; the cluster does not notice.
#[test]
fn refused() {
    let Some(lab) = Lab::start(4) else { return };
    let clients = lab.found("h1", "lab");
    clients.up(&["h2", "h3"]);
    let before = clients.wait_voters("h1", 3);
    clients.put("h1", "copied/before", 1, 300_000);
    let (of, to) = (lab.path("h2").join("data"), lab.path("h4"));
    // Standing still, so that the copy is one that could start.
    lab.call(&["pause", "h2"]);
    lab.run("h4", &["cp", "-a", of.to_str().unwrap(), to.to_str().unwrap()]).ok();
    lab.call(&["resume", "h2"]);
    clients.wait_voters("h1", 3);

    let copy = to.join("data");
    let up = ["gossamer", "up", "--dir", copy.to_str().unwrap(), "--reserve", RESERVE_MIB];
    let refused = lab.run("h4", &up).exit(6);
    assert!(refused.stderr.contains("10.1.0.2"), "it says where the other is: {}", refused.stderr);
    clients.put("h1", "copied/after", 2, 300_000);
    let after = clients.wait_voters("h1", 3);
    assert_eq!(before["voter_ids"], after["voter_ids"]);
    clients.check("h3", "copied/before", 1, 300_000);
    clients.verify("h1", 3);
}
