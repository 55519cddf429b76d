//! What is said of clusters in all conditions, and that it fits a screen.

use gossamer_proto::v1::{Description, NodeReport, NodeState};

use super::Status;
use super::lines::{lines, summary};

const GIB: u64 = 1 << 30;
const DAY_MS: u64 = 24 * 3600 * 1000;

/// Nodes 1 to `count`, of which the first five vote and the first leads, all well.
fn cluster(count: u64) -> Description {
    let voters: Vec<u64> = (1..=count.min(5)).collect();
    let replicas: Vec<u64> = (6..=count).collect();
    let state = |id: u64| NodeState {
        report: Some(NodeReport {
            id,
            term: 3,
            leading: id == 1,
            control_addr: format!("192.168.178.{id}:4168"),
            voters: voters.clone(),
            replicas: replicas.clone(),
            last_log_index: 1_000_000,
            applied_index: 1_000_000,
            disk_free_bytes: 300 * GIB,
            disk_total_bytes: 1000 * GIB,
            reads_served: 1_234_567_890,
            version: "0.1.0".to_owned(),
            unix_ms: 1_700_000_000_000,
            scrub_every_ms: 7 * DAY_MS,
            scrub_begun_ms: 1_700_000_000_000 - DAY_MS,
            scrub_finished_ms: 1_700_000_000_000 - DAY_MS / 2,
            ..NodeReport::default()
        }),
        age_ms: 50,
        connected: true,
    };
    let nodes = (1..=count).map(state).collect();
    Description {
        cluster_id: vec![7; 16].into(),
        cluster_name: "lab".to_owned(),
        nodes,
        ..Description::default()
    }
}

fn report(description: &mut Description, id: usize) -> &mut NodeReport {
    description.nodes[id - 1].report.as_mut().unwrap()
}

#[track_caller]
fn first(description: &Description, expected: &str) {
    assert_eq!(summary(&Status::of(description, false)).0, expected);
}

/// The first line names what is most pressing, whatever else there is.
#[test]
fn first_lines() {
    let mut lab = cluster(9);
    first(&lab, "lab: fine; 2 more machines may fail");
    report(&mut lab, 6).disk_free_bytes = 70 * GIB;
    first(&lab, "lab: fine; 2 more machines may fail; next: disk of node 6 fills, 7 % free");
    lab.nodes[6].connected = false;
    first(&lab, "lab: fine; 2 more machines may fail; next: node 7 is silent and 1 more");
    lab.nodes[2].connected = false;
    first(&lab, "lab: DEGRADED, node 3 is silent and 2 more; one more machine may fail");
    lab.nodes[1].connected = false;
    lab.nodes[0].connected = false;
    first(&lab, "lab: NO LEADER: 2 of 5 voters answer; reads and writes wait for more");
    lab.nodes.iter_mut().for_each(|node| node.connected = false);
    first(&lab, "lab: NO LEADER: 0 of 5 voters answer; reads and writes wait for more");

    let mut lab = cluster(3);
    report(&mut lab, 1).leading = false;
    first(&lab, "lab: NO LEADER: 3 of 3 voters answer; they are electing one");
    report(&mut lab, 1).leading = true;
    report(&mut lab, 2).missing_chunks = 1;
    first(&lab, "lab: DEGRADED, 1 chunk has too few copies; one more machine may fail");
    first(&cluster(1), "lab: fine; no further machine may fail");
    first(&Description::default(), "no cluster yet: start a node, `gossamer node`");
}

/// Every concern is found, once; nothing is said of a cluster that has none.
#[test]
fn concerns() {
    let of = |description: &Description| {
        let status = Status::of(description, false);
        status.concerns.into_iter().map(|concern| concern.what).collect::<Vec<_>>()
    };
    assert_eq!(of(&cluster(3)), [""; 0]);
    assert_eq!(of(&cluster(1)), ["1 node votes"]);
    let mut lab = cluster(4);
    lab.insecure = true;
    report(&mut lab, 2).version = "0.2.0".to_owned();
    report(&mut lab, 3).applied_index -= 1001;
    report(&mut lab, 4).unix_ms += 1500;
    report(&mut lab, 4).disk_free_bytes = GIB / 2;
    let expected = [
        "disk of node 4 fills, 0 % free",
        "node 3 is behind",
        "INSECURE",
        "clocks are apart",
        "versions differ",
    ];
    assert_eq!(of(&lab), expected);
}

/// What heals, what is scrubbed, and what of it is worth a look: said only where there is something to say.
#[test]
fn healing() {
    let mut lab = cluster(3);
    let line = |description: &Description, word: &str| {
        let lines = lines(&Status::of(description, false), false);
        lines.into_iter().find(|line| line.starts_with(&format!("  {word} ")))
    };
    assert_eq!((line(&lab, "healing"), line(&lab, "scrub")), (None, None));
    let node = report(&mut lab, 2);
    (node.missing_chunks, node.missing_bytes, node.healing_idle_ms) = (12, 12 << 20, 100);
    (node.scrub_done_bytes, node.scrub_total_bytes) = (43 * GIB, 100 * GIB);
    assert_eq!(line(&lab, "healing").unwrap(), "  healing   12 chunks, 12.0 MiB to fetch");
    assert_eq!(
        line(&lab, "scrub").unwrap(),
        "  scrub     43 % of this pass, last finished 2023-11-14 10:13, 0 bad"
    );
    let whats = |description: &Description| {
        let concerns = Status::of(description, false).concerns.into_iter();
        concerns.map(|concern| concern.what).collect::<Vec<_>>()
    };
    assert_eq!(whats(&lab), ["12 chunks have too few copies"]);
    let node = report(&mut lab, 2);
    (node.healing_idle_ms, node.bad_found, node.bad_healed) = (90_000, 3, 2);
    report(&mut lab, 3).scrub_finished_ms -= 14 * DAY_MS;
    let expected = [
        "12 chunks have too few copies",
        "healing makes no progress",
        "disk of node 2 went bad in 3 places",
        "node 3 did not re-read everything in time",
    ];
    assert_eq!(whats(&lab), expected);
    assert!(line(&lab, "scrub").unwrap().ends_with("last finished 2023-10-31 10:13, 3 bad, 2 healed"));
}

/// With nine nodes, the longest name and everything wrong it is a screen: 24 lines with the prompt, 80 columns.
#[test]
fn a_screen() {
    let mut lab = cluster(9);
    lab.cluster_name = "x".repeat(gossamer_proto::token::NAME_BYTES);
    lab.insecure = true;
    for id in 1..=9 {
        let node = report(&mut lab, id);
        node.disk_free_bytes = GIB;
        node.version = format!("0.{id}.0");
        node.unix_ms += id as u64 * 10_000;
        node.missing_chunks = 1_000_000;
        (node.missing_bytes, node.healing_idle_ms, node.bad_found) = (1 << 40, 1 << 40, 1_000_000);
        (node.scrub_total_bytes, node.scrub_finished_ms) = (1 << 40, 1);
        node.applied_index -= 10_000 * id as u64;
    }
    lab.nodes[1].connected = false;
    for (description, exact) in [(&lab, true), (&lab, false), (&cluster(9), false)] {
        let lines = lines(&Status::of(description, false), exact);
        assert!(lines.len() <= 23, "{lines:#?}");
        // Tests may run on a terminal: colours have no width.
        let width = |line: &String| anstream::adapter::strip_str(line).to_string().chars().count();
        assert!(lines.iter().all(|line| width(line) <= 80), "{lines:#?}");
    }
}
