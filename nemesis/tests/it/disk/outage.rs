//! The power of all machines fails at once.

use std::time::Duration;

use gossamer_nemesis::disk::Loss;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::cluster::{Cluster, Machine};
use super::load::Load;
use super::mounted::say;
use super::rounds;

/// Nothing that was acknowledged or read is lost, in any round; every put is applied once.
fn outages(nodes: usize, seed: u64, rounds: u32) {
    let Some(mut cluster) = Cluster::start(nodes, &["--snapshot-entries", "400", "--keep-entries", "50"])
    else {
        return;
    };
    let mut random = SmallRng::seed_from_u64(seed);
    let mut load = Load::start(&cluster, seed);
    for round in 0..rounds {
        std::thread::sleep(Duration::from_millis(random.random_range(300..1500)));
        load.goes_on(10);
        let before = lost_bytes(&cluster);
        outage(&mut cluster, &mut random, Some(round), || load.pause());
        assert!(lost_bytes(&cluster) > before, "seed {seed}, round {round}: nothing un-synced was lost");
        machines(&mut cluster).for_each(Machine::power_on);
        cluster.wait_voters(nodes);
        load.rest();
        let wrong = load.audit(&cluster);
        assert!(wrong.is_empty(), "seed {seed}, round {round}: {wrong:#?}");
        cluster.verify();
        load.resume();
    }
    let lost = lost_bytes(&cluster);
    say(&format!(
        "{nodes} nodes, seed {seed}: {rounds} power losses that took {lost} un-synced bytes, {} puts acknowledged, {} files read, none lost",
        load.acknowledged(),
        load.read()
    ));
}

/// Kills all within 50 ms; some go on for a moment without a disk. Every other machine loses all that it did not sync, and
/// the others half of it, the other way round in the next `turn`; without one, all lose all.
pub(super) fn outage(cluster: &mut Cluster, random: &mut SmallRng, turn: Option<u32>, killed: impl FnOnce()) {
    for (machine, position) in machines(cluster).zip(0..) {
        let torn = turn.is_some_and(|turn| (turn + position) % 2 == 1);
        let loss = if torn { Loss::Torn(random.random()) } else { Loss::All };
        let without_disk = random.random();
        std::thread::sleep(Duration::from_millis(random.random_range(0..12)));
        if without_disk {
            machine.lose_power(loss);
            machine.kill();
        } else {
            machine.kill();
            machine.lose_power(loss);
        }
    }
    killed();
    machines(cluster).for_each(Machine::reap);
}

pub(super) fn machines(cluster: &mut Cluster) -> impl Iterator<Item = &mut Machine> {
    cluster.nodes.iter_mut().chain([&mut cluster.queue])
}

fn lost_bytes(cluster: &Cluster) -> u64 {
    cluster.nodes.iter().map(|node| node.disk.events().lost_bytes).sum()
}

#[test]
fn of_one_node() {
    outages(1, 11, rounds(2));
}

#[test]
fn of_three_nodes() {
    outages(3, 12, rounds(2));
}

/// On disks that say they have synced and have not, acknowledged files are lost, and the audit finds it: the tests
/// above can fail. (With torn writes the nodes find it themselves: their logs have holes.)
#[test]
fn lying_disks_are_found_out() {
    let Some(mut cluster) = Cluster::start(3, &[]) else { return };
    let mut load = Load::start(&cluster, 13);
    cluster.nodes.iter().for_each(|node| node.disk.lie(true));
    load.goes_on(200);
    load.pause();
    load.rest();
    assert!(load.audit(&cluster).is_empty(), "all is well until the power fails");
    outage(&mut cluster, &mut SmallRng::seed_from_u64(13), None, || {});
    cluster.nodes.iter().for_each(|node| node.disk.lie(false));
    machines(&mut cluster).for_each(Machine::power_on);
    cluster.wait_voters(3);
    let wrong = load.audit(&cluster);
    let lies: u64 = cluster.nodes.iter().map(|node| node.disk.events().lies).sum();
    assert!(lies > 0 && wrong.len() > 10, "{lies} lies, {} found", wrong.len());
}
