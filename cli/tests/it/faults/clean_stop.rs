//! SIGTERM.

use super::large;
use super::load::Load;
use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

/// The leader hands over and ends with exit code 0, again and again; no client's operation fails.
#[test]
fn of_the_leader() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(&cluster, 3);
    for _ in 0..3 {
        let leader = Who::Node(cluster.leader());
        assert_eq!(cluster.terminate(leader).code(), Some(0));
        load.goes_on();
        cluster.start_again(leader);
        cluster.wait_voters(3);
    }
    let book = load.stop();
    cluster.wait_even();
    book.check(&cluster);
    cluster.verify();
}

/// Everything is stopped and started again: everything is there.
#[test]
fn of_all() {
    let mut cluster = Cluster::start(3);
    let path = cluster.dir().join("file");
    content::write(&path, 12, 40 * MIB);
    cluster.run(&["put", path.to_str().unwrap(), "stop/large"]).ok();
    let load = Load::start(&cluster, 3);
    load.goes_on();
    let book = load.stop();
    let all = [Who::Node(0), Who::Node(1), Who::Node(2), Who::Queue(0)];
    for who in all {
        assert_eq!(cluster.terminate(who).code(), Some(0), "{who:?}");
    }
    all.into_iter().for_each(|who| cluster.start_again(who));
    cluster.wait_voters(3);
    cluster.wait_even();
    book.check(&cluster);
    large::check(&cluster, "stop/large", 12, 40 * MIB);
    cluster.verify();
}
