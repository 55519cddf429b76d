//! An fsync that fails.

use std::path::Path;
use std::time::{Duration, Instant};

use gossamer_nemesis::cluster::is_rebuilt;
use gossamer_nemesis::disk::{Access, Loss};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::cluster::{Cluster, Machine, wait};
use super::load::Load;
use super::mounted::say;
use super::outage::{machines, outage};
use super::rounds;

/// The node that fails stops itself; the others go on; nothing that was acknowledged rested on the failed fsync, whether
/// the node is started again on what its page cache holds, or after a power loss that takes it.
fn on_one_of_three(leads: bool, seed: u64) {
    let Some(mut cluster) = Cluster::start(3, &["--snapshot-entries", "300", "--keep-entries", "50"]) else {
        return;
    };
    let mut random = SmallRng::seed_from_u64(seed);
    let mut load = Load::start(&cluster, seed);
    let mut longest = Duration::ZERO;
    let rounds = rounds(2);
    for round in 0..rounds {
        let at = if leads { cluster.leader() } else { cluster.follower() };
        longest = longest.max(fail(&mut cluster.nodes[at], random.random_range(1..40)));
        load.goes_on(20);
        let node = &mut cluster.nodes[at];
        if round % 2 == 0 {
            node.lose_power(Loss::All);
            node.power_on();
        } else {
            node.start();
        }
        cluster.wait_voters(3);
        load.goes_on(20);
    }
    outage(&mut cluster, &mut random, Some(rounds), || load.pause());
    machines(&mut cluster).for_each(Machine::power_on);
    cluster.wait_voters(3);
    load.rest();
    let wrong = load.audit(&cluster);
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    cluster.verify();
    let who = if leads { "the leader" } else { "a follower" };
    say(&format!(
        "{rounds} failed fsyncs of {who}, seed {seed}: it ended within {longest:?}, {} puts acknowledged, none lost",
        load.acknowledged()
    ));
}

/// Lets the `n`-th sync from now fail; how long it then takes until the process has ended with an error. If the sync was
/// one of sled's own, it need not: then the next one is to fail.
fn fail(node: &mut Machine, n: u64) -> Duration {
    loop {
        node.disk.fail_sync(n);
        let file = wait("a sync to fail", || node.disk.failed_sync());
        let failed = Instant::now();
        if !is_rebuilt(&file) {
            assert_eq!(node.ended(), Some(1), "{}", node.said());
            return failed.elapsed();
        }
    }
}

/// The catalogue of a follower cannot be synced for a while, which sled tells nobody but the log; after a clean stop the power
/// fails, which takes what was not synced: nothing is lost, and nothing wrong is read.
#[test]
fn of_the_catalogue() {
    let Some(mut cluster) = Cluster::start(3, &[]) else { return };
    let mut load = Load::start(&cluster, 26);
    load.goes_on(50);
    let at = cluster.follower();
    let node = &mut cluster.nodes[at];
    node.disk.fail(Access::Sync, Path::new("/data/catalogue"));
    load.goes_on(100);
    wait("syncs to fail", || (node.disk.counts().failed_syncs > 1).then_some(()));
    node.disk.heal();
    load.goes_on(20);
    assert_eq!(node.terminate(), Some(0), "{}", node.said());
    assert!(node.said().contains("failed to fsync"), "{}", node.said());
    node.lose_power(Loss::All);
    node.power_on();
    cluster.wait_voters(3);
    load.goes_on(20);
    load.pause();
    load.rest();
    assert_eq!(load.audit(&cluster), [""; 0]);
    cluster.verify();
}

#[test]
fn of_a_follower() {
    on_one_of_three(false, 21);
}

#[test]
fn of_the_leader() {
    on_one_of_three(true, 22);
}

/// The only node fails, is started again on what its page cache holds, which no later fsync makes durable, and serves
/// it; then the power fails. What was acknowledged or read by then is there.
#[test]
fn of_the_only_node() {
    let Some(mut cluster) = Cluster::start(1, &[]) else { return };
    let mut random = SmallRng::seed_from_u64(23);
    let mut load = Load::start(&cluster, 23);
    for round in 0..rounds(1) {
        fail(&mut cluster.nodes[0], random.random_range(1..40));
        cluster.nodes[0].start();
        cluster.wait_voters(1);
        load.goes_on(50);
        outage(&mut cluster, &mut random, Some(round), || load.pause());
        machines(&mut cluster).for_each(Machine::power_on);
        cluster.wait_voters(1);
        load.rest();
        let wrong = load.audit(&cluster);
        assert!(wrong.is_empty(), "round {round}: {wrong:#?}");
        cluster.verify();
        load.resume();
    }
}

/// The leader cannot write its extents any more: it gives way, and no put fails.
#[test]
fn writes_of_the_leader() {
    let Some(mut cluster) = Cluster::start(3, &[]) else { return };
    let mut load = Load::start(&cluster, 24);
    let at = cluster.leader();
    let node = &mut cluster.nodes[at];
    node.disk.fail(Access::Write, Path::new("/data/extents"));
    wait("a write to fail", || (node.disk.counts().failed_writes > 0).then_some(()));
    assert_eq!(node.ended(), Some(1), "{}", node.said());
    load.goes_on(50);
    cluster.nodes[at].disk.heal();
    cluster.nodes[at].start();
    cluster.wait_voters(3);
    load.goes_on(20);
    load.pause();
    load.rest();
    assert_eq!(load.audit(&cluster), [""; 0]);
    cluster.verify();
}

/// A follower cannot read its extents: whoever reads gets the right bytes from another, and no request fails.
#[test]
fn reads_of_a_follower() {
    let Some(cluster) = Cluster::start(3, &[]) else { return };
    let mut load = Load::start(&cluster, 25);
    load.goes_on(100);
    let disk = &cluster.nodes[cluster.follower()].disk;
    disk.fail(Access::Read, Path::new("/data/extents"));
    let read = load.read();
    wait("reads", || (load.read() > read + 50).then_some(()));
    load.goes_on(50);
    assert!(disk.counts().failed_reads > 0, "nothing was read from the disk that cannot be read");
    disk.heal();
    load.pause();
    load.rest();
    assert_eq!(load.audit(&cluster), [""; 0]);
    wait("what could not be read to be fetched", || (cluster.run(&["verify"]).0 == 0).then_some(()));
    cluster.verify();
}
