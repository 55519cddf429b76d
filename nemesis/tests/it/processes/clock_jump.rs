//! A wall clock that jumps while its node runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gossamer_nemesis::cluster::{Layout, PATIENCE, Seen};
use gossamer_nemesis::faults::clocks::{JUMP, is_off};
use tokio::time::Instant;

use super::{Extras, Scenario};

/// Writes and reads flow for so long after each jump.
const FLOW: Duration = Duration::from_secs(2);
/// Within this a node's reports must be of the other time.
const SEEN: Duration = Duration::from_secs(10);

/// The leader's clock, then another node's, jumps an hour ahead and an hour back, and back to what it was: no election, no
/// failed request; only the time that files say they were written at is the leader's.
#[test]
fn by_an_hour() {
    let extras = Extras { clocks: true, disks: false };
    let Some(scenario) = Scenario::start_with(Layout::Machines, 3, 0, Vec::new(), extras) else { return };
    let watch = scenario.watch().unwrap();
    let leader = watch.leader(PATIENCE).unwrap();
    let other = scenario.first_nodes().into_iter().find(|host| *host != leader).unwrap();
    let term = |seen: &Seen| Some((seen.leader()?, seen.report(seen.leader()?)?.term));
    let before = watch.until("a leader", PATIENCE, term).unwrap();
    let client = scenario.client(&scenario.queues(), PATIENCE);
    for (host, ahead) in
        [(leader, JUMP), (leader, -JUMP), (leader, 0), (other, JUMP), (other, -JUMP), (other, 0)]
    {
        scenario.set_clock(host, ahead).unwrap();
        let jumped = |seen: &Seen| is_off(seen, host, ahead).filter(|is_off| *is_off).map(drop);
        watch.until("a clock to have jumped", SEEN, jumped).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < FLOW {
            let version = scenario.put(&client, "clock/x", "x");
            let reader = client.clone();
            let read = scenario.inside.run(async move { reader.get_bytes("clock/x", 10).await });
            let (info, _) = read.unwrap();
            assert_eq!(info.version, version);
            let off = if host == leader { ahead } else { 0 };
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
            let modified = info.modified_ms as i64 / 1000;
            assert!((modified - now - off).abs() < 60, "{host}, {ahead} s: modified {modified}, now {now}");
        }
        assert_eq!(
            watch.until("a leader", PATIENCE, term).unwrap(),
            before,
            "an election: {host}, {ahead} s"
        );
    }
}
