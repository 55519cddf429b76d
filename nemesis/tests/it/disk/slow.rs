//! A disk that takes its time.

use std::time::Duration;

use super::cluster::Cluster;
use super::load::Load;
use super::mounted::say;

/// One follower's fsync takes 200 ms more: no request fails, and the others do not wait for it. How long puts take is
/// said, not judged: the machine may be busy.
#[test]
fn follower() {
    let Some(cluster) = Cluster::start(3, &[]) else { return };
    let mut load = Load::start(&cluster, 31);
    let measured = |what: &str| {
        load.latencies();
        load.goes_on(200);
        let took = load.latencies();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        say(&format!("{what}: {} puts, p50 {:?}, p99 {:?}", took.len(), at(0.5), at(0.99)));
    };
    measured("healthy disks");
    let slow = &cluster.nodes[cluster.follower()].disk;
    slow.slow_syncs(Duration::from_millis(200));
    measured("a follower whose fsync takes 200 ms more");
    assert!(slow.counts().slowed_syncs > 5);
    slow.heal();
    measured("healthy again");
    load.pause();
    load.rest();
    assert_eq!(load.audit(&cluster), [""; 0]);
    cluster.verify();
}
