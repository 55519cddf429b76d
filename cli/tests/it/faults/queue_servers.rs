//! Queue servers hold no truth.

use super::load::Load;
use crate::cluster::{Cluster, Who};

/// Killed and started again, with its folder and without, clients see no more than a retry, and the cluster is the
/// same.
#[test]
fn killed_and_forgetful() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(&cluster, 3);
    let id = |cluster: &Cluster| cluster.run(&["status", "--json"]).ok().json()[0]["cluster_id"].clone();
    let before = id(&cluster);
    for forget in [false, true, true] {
        cluster.kill(Who::Queue(0));
        if forget {
            std::fs::remove_dir_all(cluster.folder(Who::Queue(0))).unwrap();
        }
        cluster.start_again(Who::Queue(0));
        load.goes_on();
    }
    let book = load.stop();
    cluster.wait_voters(3);
    assert_eq!(id(&cluster), before);
    book.check(&cluster);
    cluster.verify();
}

/// Two at once: either may go, clients and nodes that know both go on.
#[test]
fn two_at_once() {
    let mut cluster = Cluster::tuned(2, 3, &[]);
    let load = Load::start(&cluster, 3);
    for queue in [0, 1, 0] {
        cluster.kill(Who::Queue(queue));
        load.goes_on();
        cluster.wait_voters(3);
        cluster.start_again(Who::Queue(queue));
        load.goes_on();
    }
    let book = load.stop();
    cluster.wait_voters(3);
    cluster.wait_even();
    book.check(&cluster);
    cluster.verify();
}
