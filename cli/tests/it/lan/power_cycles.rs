//! The fuse of the whole room.

use super::clients::Clients;
use super::lab::Lab;
use super::say;
use crate::content::MIB;
use crate::random::SplitMix;

const ROUNDS: u64 = 10;
/// In these a machine comes back with an empty disk.
const WIPED: [u64; 2] = [2, 5];
/// From this one on the machine that founded the cluster is gone for ever.
const WITHOUT_FOUNDER: u64 = 8;

/// Five machines lose power at the same moment, ten times, and come back in any order: it is always the same cluster,
/// every file is there, and new ones can be put. In two rounds a machine's disk is empty when it comes back, and in
/// the last rounds the machine that founded the cluster does not come back at all: nothing hangs on the first one.
#[test]
fn ten_times() {
    let Some(lab) = Lab::start(5) else { return };
    let seed = std::env::var("GOSSAMER_SEED").map_or(1, |seed| seed.parse().unwrap());
    say(&format!("power cycles: GOSSAMER_SEED={seed}"));
    let mut random = SplitMix::new(seed);
    let mut hosts = vec!["h1", "h2", "h3", "h4", "h5"];
    let clients = lab.found("h1", "lab");
    clients.up(&hosts[1..]);
    clients.wait_voters("h1", 5);
    clients.run("h1", &["config", "set", "replace-after", "2s"]).ok();
    let cluster = clients.wait_voters("h1", 5)["cluster_id"].clone();
    let mut lengths = vec![put(&clients, "h2", 0, &mut random)];
    for round in 0..ROUNDS {
        lab.power_cycle(&hosts);
        if round == WITHOUT_FOUNDER {
            hosts.retain(|host| *host != "h1");
        }
        let wiped = WIPED.contains(&round).then(|| random.pick(&hosts));
        random.shuffle(&mut hosts);
        say(&format!("power cycles: round {round}: {hosts:?} start, {wiped:?} is wiped"));
        for host in &hosts {
            if wiped == Some(host) {
                lab.call(&["wipe", host]);
                clients.up(&[host]);
            } else {
                lab.up(host, &[]);
            }
        }
        let voters = if round < WITHOUT_FOUNDER { 5 } else { 3 };
        for host in &hosts {
            assert_eq!(clients.wait_voters(host, voters)["cluster_id"], cluster, "seen from {host}");
        }
        let host = random.pick(&hosts);
        check(&clients, host, &lengths);
        lengths.push(put(&clients, random.pick(&hosts), round + 1, &mut random));
    }
    check(&clients, hosts[0], &lengths);
    remove_lost(&clients, &hosts);
    clients.verify(hosts[0], hosts.len());
}

/// Takes the voter that is on none of `hosts` out of the cluster: nobody else can be told from it whether it comes back.
fn remove_lost(clients: &Clients, hosts: &[&str]) {
    let here: Vec<u64> = hosts.iter().map(|host| clients.id(hosts[0], host)).collect();
    let voters = clients.wait_voters(hosts[0], 3)["voter_ids"].clone();
    let voters: Vec<u64> = voters.as_array().unwrap().iter().filter_map(|id| id.as_u64()).collect();
    let lost: Vec<u64> = voters.into_iter().filter(|id| !here.contains(id)).collect();
    assert_eq!(lost.len(), 1, "{lost:?} of the voters are on none of {hosts:?}");
    clients.run(hosts[0], &["node", "remove", &lost[0].to_string(), "--yes"]).ok();
}

/// Puts the file that belongs to a round; returns its length.
fn put(clients: &Clients, host: &str, round: u64, random: &mut SplitMix) -> usize {
    let length = random.below(2 * MIB);
    clients.put(host, &format!("cycles/{round}"), round, length);
    length
}

/// Every file of the rounds so far is there, with every byte.
#[track_caller]
fn check(clients: &Clients, host: &str, lengths: &[usize]) {
    for (round, length) in (0..).zip(lengths) {
        clients.check(host, &format!("cycles/{round}"), round, *length);
    }
}
