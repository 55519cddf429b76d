//! `kill -9` of each process in turn, during a stream of small puts and a large upload.

use super::load::Load;
use crate::cluster::{Cluster, Who};

/// Every acknowledged file is there with its version and its bytes, and nothing was applied twice.
#[test]
fn each_process_in_turn() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(&cluster, 3);
    for who in [Who::Node(cluster.leader()), Who::Node(cluster.follower()), Who::Queue(0)] {
        cluster.kill(who);
        if matches!(who, Who::Node(_)) {
            load.goes_on();
        }
        cluster.start_again(who);
        load.goes_on();
        cluster.wait_voters(3);
    }
    let book = load.stop();
    cluster.wait_even();
    book.check(&cluster);
    cluster.verify();
}
