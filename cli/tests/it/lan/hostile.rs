//! Somebody on the LAN who means harm, or whose program is broken.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::clients::Clients;
use super::flood;
use super::lab::Lab;
use super::say;
use crate::cluster::wait;

const HOSTS: [&str; 5] = ["h1", "h2", "h3", "h4", "h5"];
/// How much a process may grow, KiB: allocators keep some, but nothing is kept for each datagram.
const GROWTH_KIB: u64 = 64 * 1024;

/// A sixth machine sends 100,000 datagrams to the discovery port: random ones, real ones that it has overheard, and
/// those with changes. Membership stays as it is, a put works meanwhile, no process grows by it, and nobody can use
/// the servers to send more than was sent to them.
#[test]
fn flood() {
    let Some(lab) = Lab::start(7) else { return };
    let clients = lab.found("h1", "lab");
    clients.up(&HOSTS[1..]);
    let before = clients.wait_voters("h7", 5);
    let memory = memory(&lab);

    let program = std::env::current_exe().unwrap();
    let words = [program.to_str().unwrap(), "--ignored", "--exact", "--nocapture", flood::NAME];
    let addresses = HOSTS.map(|host| host.replace('h', "10.1.0.")).join(",");
    lab.spawn("h6", "flood", &words, &[(flood::TARGETS, &addresses)]);
    // What it replays is what clients and nodes ask.
    said(&lab, "listening");
    wait("requests to be overheard", || {
        clients.status("h7");
        lab.log("h6", "flood").contains("sending").then_some(())
    });
    let mut puts = 0;
    let report = loop {
        if let Some(report) = report(&lab) {
            break report;
        }
        clients.put("h7", &format!("hostile/{puts}"), puts, 100_000);
        puts += 1;
    };
    assert!(puts > 0, "the flood was over before anything could be put");
    say(&format!("hostile: {report}"));
    assert_eq!(report["datagrams"], flood::DATAGRAMS);
    for (address, answered) in report["answered"].as_object().unwrap() {
        let sent = report["sent"][address].as_u64().unwrap();
        assert!(answered.as_u64().unwrap() <= sent, "{address} answers with more than it gets: {report}");
    }
    assert!(report["bytes_back"].as_u64() <= report["bytes_out"].as_u64(), "{report}");

    for (host, was) in memory {
        let is = resident(&lab, host);
        assert!(is < was + GROWTH_KIB, "{host} grew from {was} to {is} KiB");
    }
    let after = clients.wait_voters("h7", 5);
    for field in ["cluster", "cluster_id", "voter_ids", "replica_ids"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    check(&clients, puts);
}

/// Everything that was put under the flood is there.
#[track_caller]
fn check(clients: &Clients, puts: u64) {
    (0..puts).for_each(|number| clients.check("h7", &format!("hostile/{number}"), number, 100_000));
    clients.verify("h7", 5);
}

/// Waits for a line of the flooder.
#[track_caller]
fn said(lab: &Lab, line: &str) {
    wait(line, || lab.log("h6", "flood").lines().any(|said| said == line).then_some(()));
}

/// What the flooder says at its end.
#[track_caller]
fn report(lab: &Lab) -> Option<Value> {
    let log = lab.log("h6", "flood");
    assert!(!log.contains("panicked"), "{log}");
    let line = log.lines().find(|line| line.starts_with('{') && line.ends_with('}'))?;
    serde_json::from_str(line).unwrap()
}

/// Resident memory of each host's `up`, KiB.
fn memory(lab: &Lab) -> BTreeMap<&'static str, u64> {
    HOSTS.map(|host| (host, resident(lab, host))).into()
}

#[track_caller]
fn resident(lab: &Lab, host: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", lab.pid(host))).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
