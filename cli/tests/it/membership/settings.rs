//! `gossamer config`, and what settings do to the voters.

use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};
use crate::faults::large;

/// What is set is there after all processes were killed, on every node; what makes no sense is refused and changes
/// nothing.
#[test]
fn survive_everything() {
    let mut cluster = Cluster::start(3);
    let list = cluster.run(&["config"]).ok().text();
    assert!(
        list.contains("voters         5      default") && list.contains("replace-after  5m     default"),
        "{list}"
    );
    assert_eq!(cluster.run(&["config", "set", "replace-after", "90s"]).ok().text(), "replace-after 1m30s\n");
    cluster.run(&["config", "set", "voters", "3"]).ok();
    for (args, word) in [
        (["set", "voters", "4"], "must be odd"),
        (["set", "voters", "9"], "1, 3, 5 or 7"),
        (["set", "voters", "many"], "no number"),
        (["set", "replace-after", "10ms"], "less than a second"),
        (["set", "replace-after", "soon"], "write 30s or 2m"),
        (["set", "scrub-rate", "fast"], "write 20MiB"),
        (["set", "scrub-rate", "1KiB"], "at least 1 MiB"),
        (["set", "colour", "red"], "voters, replace-after"),
    ] {
        let ran = cluster.run(&[&["config"], &args[..]].concat()).exit(2);
        assert!(ran.stderr.contains(word) && ran.text().is_empty(), "{args:?}: {}", ran.stderr);
    }
    assert!(cluster.run(&["config", "get", "colour"]).exit(2).stderr.contains("no setting"));
    let all = [Who::Queue(0), Who::Node(0), Who::Node(1), Who::Node(2)];
    all.into_iter().for_each(|who| cluster.kill(who));
    all.into_iter().for_each(|who| cluster.start_again(who));
    cluster.wait_voters(3);
    assert_eq!(cluster.run(&["config", "get", "replace-after"]).ok().text(), "1m30s\n");
    let json = cluster.run(&["config", "--json"]).ok().json();
    let short: Vec<_> = json.iter().map(|row| (row["key"].as_str(), row["number"].as_u64())).collect();
    let expected =
        [("voters", 3), ("replace-after", 90_000), ("scrub-every", 604_800_000), ("scrub-rate", 20 << 20)];
    assert_eq!(short, expected.map(|(key, number)| (Some(key), Some(number))));
    let set: Vec<bool> = json.iter().map(|row| row["is_default"] == false).collect();
    assert_eq!(set, [true, true, false, false]);
    assert!(json.iter().all(|row| row["explanation"].is_string()), "{json:?}");
    cluster.wait_even();
    cluster.verify();
}

/// Five voters become three, then one, then five again. Who votes no more stays a replica, and nothing is lost.
#[test]
fn fewer_voters_and_more() {
    let cluster = Cluster::start(5);
    let path = cluster.dir().join("file");
    content::write(&path, 31, 5 * MIB);
    cluster.run(&["put", path.to_str().unwrap(), "kept/large"]).ok();
    let mut before = cluster.wait_voters_count(5);
    for target in [3, 1, 5] {
        cluster.run(&["config", "set", "voters", &target.to_string()]).ok();
        let voters = cluster.wait_voters_count(target);
        let (few, many) = if target < before.len() { (&voters, &before) } else { (&before, &voters) };
        assert!(
            few.iter().all(|id| many.contains(id)),
            "nobody came in place of another: {before:?}, {voters:?}"
        );
        assert_eq!(cluster.members().len(), 5, "who votes no more stays a replica");
        before = voters;
    }
    cluster.wait_even();
    cluster.verify();
    large::check(&cluster, "kept/large", 31, 5 * MIB);
}
