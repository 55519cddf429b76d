//! Processes killed and started again, a hundred times.

use std::time::Duration;

use gossamer_nemesis::cluster::{Layout, PATIENCE};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;

use super::Scenario;

const CYCLES: u32 = 100;
/// Within this after a process was started again, a write and a read succeed.
const RECOVERS: Duration = Duration::from_secs(10);

/// One random process or several of them are killed and started again at a random moment: each time a write and a read
/// succeed within ten seconds, and what the cycle before wrote is there. Only with `GOSSAMER_LONG` set.
#[test]
fn a_hundred_times() {
    if std::env::var_os("GOSSAMER_LONG").is_none() {
        super::say("SKIPPED: kill_restart::a_hundred_times takes minutes: set GOSSAMER_LONG");
        return;
    }
    let Some(scenario) = Scenario::start(Layout::Apart, 3, 0, Vec::new()) else { return };
    let mut random = SmallRng::seed_from_u64(17);
    let (watch, client) = (scenario.watch().unwrap(), scenario.client(&scenario.queues(), RECOVERS));
    let (mut version, mut longest) = (scenario.put(&client, "kill/x", "x"), Duration::ZERO);
    for cycle in 0..CYCLES {
        let (nodes, queues) = (scenario.first_nodes(), scenario.queues());
        let all = [&nodes[..], &queues].concat();
        let count = if random.random_bool(0.2) { all.len() } else { random.random_range(1..=2) };
        let killed: Vec<_> = all.choose_multiple(&mut random, count).copied().collect();
        for host in &killed {
            let process = if nodes.contains(host) { scenario.node(*host) } else { scenario.queue(*host) };
            process.unwrap().kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(random.random_range(0..500)));
        for host in &killed {
            let started =
                if nodes.contains(host) { scenario.start_node(*host) } else { scenario.start_queue(*host) };
            started.unwrap();
        }
        let begun = Instant::now();
        let reader = client.clone();
        let read = scenario.inside.run(async move { reader.get_bytes("kill/x", 10).await });
        let (info, _) = read.unwrap_or_else(|error| panic!("cycle {cycle}, {killed:?}: {error}"));
        assert_eq!(info.version, version, "cycle {cycle}, {killed:?}");
        version = scenario.put(&client, "kill/x", "x");
        longest = longest.max(begun.elapsed());
        assert!(begun.elapsed() < RECOVERS, "cycle {cycle}, {killed:?}: {:?}", begun.elapsed());
        // Not before each cycle: half of them begin while the last one is still being recovered from.
        if random.random() {
            watch.settled(nodes.len(), PATIENCE).unwrap();
        }
    }
    watch.settled(3, PATIENCE).unwrap();
    super::say(&format!("{CYCLES} times killed and started again: a read and a write within {longest:?}"));
}
