//! A leader that does not know that it is none any more.

use std::time::Duration;

use gossamer_nemesis::cluster::{Layout, PATIENCE};

use super::Scenario;

/// How often it is asked after it has gone on.
const READS: usize = 200;

/// The leader's machine, queue server and all, is paused for three seconds; another leads and takes a write. From the moment
/// at which the first goes on it is read through the queue server on it, again and again: never the old content.
#[test]
fn never_from_a_paused_leader() {
    let Some(scenario) = Scenario::start(Layout::Machines, 3, 0, Vec::new()) else { return };
    let watch = scenario.watch().unwrap();
    let leader = watch.leader(PATIENCE).unwrap();
    let others: Vec<_> = scenario.queues().into_iter().filter(|host| *host != leader).collect();
    let (there, elsewhere) = (scenario.client(&[leader], PATIENCE), scenario.client(&others, PATIENCE));
    scenario.put(&there, "stale/x", "1");
    let asked = |client: &gossamer_client::Client| {
        let client = client.clone();
        scenario.inside.run(async move { client.get_bytes("stale/x", 10).await })
    };
    assert_eq!(asked(&there).unwrap().1, "1");

    let process = scenario.node(leader).unwrap();
    process.pause().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    scenario.put(&elsewhere, "stale/x", "2");
    let next = watch.leader(PATIENCE).unwrap();
    assert_ne!(next, leader, "nobody else leads, although {leader} has stood still for three seconds");
    process.resume().unwrap();
    for number in 0..READS {
        // An error would be right, too; but all can be answered within the patience, so none comes.
        assert_eq!(asked(&there).unwrap().1, "2", "read {number}");
    }
}
