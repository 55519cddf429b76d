//! A cluster outlives its machines.

use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};
use crate::faults::large;
use crate::faults::load::Load;

/// A voter that is killed is replaced by a replica once it has been silent for as long as the setting says; one that is
/// dead itself never takes a place.
#[test]
fn replaced_after() {
    let mut cluster = Cluster::start(3);
    cluster.add_node();
    cluster.add_node();
    cluster.wait_voters(5);
    cluster.run(&["config", "set", "voters", "3"]).ok();
    let voters = cluster.wait_voters_count(3);
    let (leader, positions) = (cluster.leader(), 0..5);
    let (voting, waiting): (Vec<usize>, Vec<usize>) = positions
        .filter(|position| *position != leader)
        .partition(|position| voters.contains(&cluster.id(*position)));
    let dead = cluster.id(waiting[0]);
    cluster.kill(Who::Node(waiting[0]));
    let lost = cluster.id(voting[0]);
    cluster.kill(Who::Node(voting[0]));
    cluster.run(&["config", "set", "replace-after", "2s"]).ok();
    cluster.wait_voters_are(&[leader, voting[1], waiting[1]]);
    let members = cluster.members();
    assert!(members.contains(&lost) && members.contains(&dead), "they stay replicas: {members:?}");
    // They come back as what they are now, replicas that hold everything.
    cluster.start_again(Who::Node(waiting[0]));
    cluster.start_again(Who::Node(voting[0]));
    cluster.wait_even();
    cluster.wait_voters_count(3);
    cluster.verify();
}

/// One machine after the other is lost for ever and replaced by a new one, until none of the first is left, while
/// writers go on: never without a quorum, and no file is lost.
#[test]
fn none_of_the_first_is_left() {
    let mut cluster = Cluster::start(3);
    cluster.run(&["config", "set", "replace-after", "2s"]).ok();
    let path = cluster.dir().join("file");
    content::write(&path, 21, 24 * MIB);
    cluster.run(&["put", path.to_str().unwrap(), "old/large"]).ok();
    let load = Load::start(&cluster, 2);
    for lost in 0..3 {
        let id = cluster.id(lost);
        cluster.kill(Who::Node(lost));
        load.goes_on();
        let newcomer = cluster.add_node();
        let new = cluster.id(newcomer);
        cluster.wait("the newcomer to vote in place of the lost one", || {
            let voters = cluster.voters()?;
            assert_eq!(voters.len(), 3, "never more, never fewer");
            (voters.contains(&new) && !voters.contains(&id)).then_some(())
        });
        let gone = cluster.run(&["node", "remove", &id.to_string(), "--timeout", "60s"]).ok();
        assert!(gone.text().contains("is removed"), "{}", gone.text());
        load.goes_on();
    }
    let book = load.stop();
    cluster.wait_even();
    let ids: Vec<u64> = (3..6).map(|position| cluster.id(position)).collect();
    assert_eq!(cluster.members().iter().filter(|id| !ids.contains(id)).count(), 0);
    cluster.verify();
    book.check(&cluster);
    large::check(&cluster, "old/large", 21, 24 * MIB);
}
