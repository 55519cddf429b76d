//! A write that has to be sent again and again is applied once.

use std::time::Duration;

use gossamer_client::{Condition, PutError, PutOptions};
use gossamer_nemesis::cluster::{Layout, PATIENCE};

use super::Scenario;

/// How many there are.
const STEPS: u64 = 300;

/// A counter is kept in a file: each step puts over the version of the step before, through kills and pauses of the
/// leader. A step that was applied twice, or whose repetition got another answer than the first, would fail its
/// condition; a step that was lost would leave the count behind.
#[test]
fn a_counter_through_kills_and_pauses() {
    let Some(scenario) = Scenario::start(Layout::Apart, 3, 0, Vec::new()) else { return };
    let client = scenario.client(&scenario.queues(), PATIENCE);
    let counting = scenario.inside.spawn(async move {
        let mut version = None;
        for step in 0..STEPS {
            let condition = Some(version.map_or(Condition::IfAbsent, Condition::IfVersion));
            let options = PutOptions { condition, ..PutOptions::default() };
            let stored = client.put_bytes("retry/counter", step.to_string().into(), options).await?;
            version = Some(stored.version);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (_, bytes) = client.get_bytes("retry/counter", 100).await.unwrap();
        Ok::<_, PutError>(String::from_utf8(bytes.to_vec()).unwrap())
    });
    let watch = scenario.watch().unwrap();
    let mut faults = 0;
    while !counting.is_finished() {
        let leader = watch.leader(PATIENCE).unwrap();
        let process = scenario.node(leader).unwrap();
        if faults % 2 == 0 {
            process.kill().unwrap();
            scenario.start_node(leader).unwrap();
        } else {
            process.pause().unwrap();
            std::thread::sleep(Duration::from_millis(1500));
            process.resume().unwrap();
        }
        faults += 1;
        watch.settled(3, PATIENCE).unwrap();
    }
    assert_eq!(scenario.inside.run(counting).unwrap().unwrap(), (STEPS - 1).to_string());
    assert!(faults >= 3, "the counter was through after {faults} faults");
}
