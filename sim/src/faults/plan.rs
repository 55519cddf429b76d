//! What will break, and when: drawn before anything runs.

use std::time::Duration;

use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use super::{Damage, Fault, Part, Planned};
use crate::host::End;
use crate::setup::Setup;

/// Kinds of faults that go on side by side.
pub const LANES: usize = 4;

/// A list for each lane.
pub type Plan = [Vec<Planned>; LANES];

/// Draws the faults of one run. Disks are damaged and lost only on one machine, the last of the nodes: what is promised to
/// survive is the loss of a minority.
pub fn draw(random: &mut SmallRng, setup: &Setup) -> Plan {
    let lane = |random: &mut SmallRng, count: usize, draw: fn(&mut SmallRng, &Setup) -> Fault| {
        let mut at = Duration::ZERO;
        let mut planned = Vec::new();
        for _ in 0..count {
            let from = at + Duration::from_millis(random.random_range(200..1800));
            let lasts = Duration::from_millis(random.random_range(200..3000));
            at = from + lasts;
            planned.push(Planned { fault: draw(random, setup), from, lasts });
        }
        planned
    };
    let mut members = lane(random, if setup.nodes == 1 { 0 } else { 1 }, of_members);
    if let Some(spare) = setup.spare_hosts().first() {
        let from = Duration::from_millis(random.random_range(0..8000));
        let lasts = Duration::from_millis(200);
        members.push(Planned { fault: Fault::Join(spare.clone()), from, lasts });
    }
    [lane(random, 6, of_processes), lane(random, 6, of_network), lane(random, 3, of_disks), members]
}

fn of_processes(random: &mut SmallRng, setup: &Setup) -> Fault {
    let mut nodes = setup.node_hosts();
    nodes.shuffle(random);
    let minority = nodes.len().saturating_sub(1) / 2;
    let hosts = match random.random_range(0..100) {
        0..40 => nodes[..1].to_vec(),
        40..50 => return Fault::Stop(nodes.remove(0)),
        50..60 => nodes[..=minority].to_vec(),
        60..78 => nodes,
        78..95 => vec![one(random, setup.queue_hosts())],
        _ => setup.queue_hosts(),
    };
    let end = match random.random_range(0..4) {
        0 | 1 => End::Killed,
        2 => End::PowerLost,
        _ => End::PowerLostTorn(random.random()),
    };
    Fault::Crash { hosts, end, damage: None }
}

fn of_network(random: &mut SmallRng, setup: &Setup) -> Fault {
    let nodes = setup.node_hosts();
    let host = one(random, nodes.clone());
    let mut others = [nodes.clone(), setup.queue_hosts()].concat();
    others.retain(|other| *other != host);
    let other = one(random, others.clone());
    match random.random_range(0..100) {
        0..15 => Fault::Partition(host, other),
        15..25 => Fault::OneWay(host, other),
        25..35 => Fault::OneWay(other, host),
        35..50 => Fault::Isolate(host),
        50..65 => {
            // Neither of them empty.
            let mut half = setup.hosts();
            half.retain(|_| random.random());
            half.retain(|other| *other != host);
            half.push(host);
            half.retain(|host| *host != other);
            Fault::Halves(half)
        }
        65..75 if nodes.len() > 3 => Fault::Ring(nodes),
        65..75 => Fault::Freeze(host),
        75..80 => Fault::Freeze(one(random, setup.queue_hosts())),
        80..90 => Fault::Slow(host, other, Duration::from_millis(random.random_range(50..400))),
        _ => Fault::Break(random.random_range(0..1000)),
    }
}

fn of_disks(random: &mut SmallRng, setup: &Setup) -> Fault {
    let host = one(random, setup.node_hosts());
    let victim = victim(setup);
    let seed = random.random();
    match random.random_range(0..100) {
        0..30 => Fault::FailSync(host, random.random_range(1..20)),
        30..43 => Fault::Full(vec![host]),
        43..50 => Fault::Full(setup.node_hosts()),
        // The only copy has nowhere to be mended from.
        _ if setup.nodes == 1 => Fault::FailSync(host, random.random_range(1..20)),
        50..70 => Fault::Rot(victim, Damage { of: Part::Extents, seed }),
        draw => {
            let of = if draw < 85 { Part::Log } else { Part::Snapshots };
            Fault::Crash { hosts: vec![victim], end: End::PowerLost, damage: Some(Damage { of, seed }) }
        }
    }
}

fn of_members(random: &mut SmallRng, setup: &Setup) -> Fault {
    if random.random() { Fault::Wipe(victim(setup)) } else { Fault::Replace(victim(setup)) }
}

/// The machine whose disk is damaged.
fn victim(setup: &Setup) -> String {
    format!("node-{}", setup.nodes)
}

fn one(random: &mut SmallRng, mut hosts: Vec<String>) -> String {
    hosts.swap_remove(random.random_range(0..hosts.len()))
}
