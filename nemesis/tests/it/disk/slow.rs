//! A disk that takes its time.

use std::time::Duration;

use super::cluster::Cluster;
use super::load::Load;
use super::mounted::say;

/// What the slow disk takes more for each sync.
const MORE: Duration = Duration::from_millis(200);

/// One follower's fsync takes 200 ms more: no request fails, and most puts do not wait for it, or all would take that longer.
#[test]
fn follower() {
    let Some(cluster) = Cluster::start(3, &[]) else { return };
    let mut load = Load::start(&cluster, 31);
    let measured = |what: &str| {
        let took = load.latencies();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        say(&format!("{what}: {} puts, p50 {:?}, p99 {:?}", took.len(), at(0.5), at(0.99)));
        at(0.5)
    };
    load.latencies();
    load.goes_on(200);
    let healthy = measured("healthy disks");
    let slow = &cluster.nodes[cluster.follower()].disk;
    slow.slow_syncs(MORE);
    while slow.counts().slowed_syncs < 10 {
        load.goes_on(50);
    }
    let beside_slow = measured("a follower whose fsync takes 200 ms more");
    assert!(beside_slow < healthy + MORE, "half of the puts waited for the slow disk");
    slow.heal();
    load.goes_on(200);
    measured("healthy again");
    load.pause();
    load.rest();
    assert_eq!(load.audit(&cluster), [""; 0]);
    cluster.verify();
}
