//! The router is replaced, and hands out other addresses.

use super::clients::Clients;
use super::lab::Lab;
use crate::content::MIB;

const HOSTS: [&str; 3] = ["h1", "h2", "h3"];

/// All addresses change under the running programs: the same cluster goes on with the new ones, nothing restarted.
#[test]
fn running() {
    let Some(lab) = Lab::start(4) else { return };
    let (clients, cluster) = three(&lab);
    lab.call(&["renumber", "10.2.0.0/24"]);
    goes_on(&clients, &cluster);
}

/// They change while all machines are off: each comes back with an address that no other knows.
#[test]
fn off() {
    let Some(lab) = Lab::start(4) else { return };
    let (clients, cluster) = three(&lab);
    lab.power_cycle(&HOSTS);
    lab.call(&["renumber", "10.2.0.0/24"]);
    HOSTS.iter().for_each(|host| lab.up(host, &[]));
    goes_on(&clients, &cluster);
}

/// Three voters and a file; with the cluster's id.
fn three(lab: &Lab) -> (Clients<'_>, serde_json::Value) {
    let clients = lab.found("h1", "lab");
    clients.up(&HOSTS[1..]);
    let cluster = clients.wait_voters("h4", 3)["cluster_id"].clone();
    clients.put("h4", "renumber/before", 1, 2 * MIB);
    (clients, cluster)
}

/// It is the same cluster for all, the file is there, another can be put, and nobody is left behind.
#[track_caller]
fn goes_on(clients: &Clients, cluster: &serde_json::Value) {
    for host in HOSTS.into_iter().chain(["h4"]) {
        assert_eq!(&clients.wait_voters(host, 3)["cluster_id"], cluster, "seen from {host}");
    }
    clients.check("h4", "renumber/before", 1, 2 * MIB);
    clients.put("h4", "renumber/after", 2, 2 * MIB);
    clients.check("h1", "renumber/after", 2, 2 * MIB);
    clients.verify("h4", 3);
}
