//! sled's folder is deleted: it holds nothing that snapshot, log and extents don't.

use super::large;
use super::load::Load;
use crate::cluster::{Cluster, Who};
use crate::content::{self, MIB};

/// A stopped and a killed node come back equal without their catalogues, one of them from a snapshot.
#[test]
fn comes_back_equal() {
    let mut cluster = Cluster::tuned(1, 3, &["--snapshot-entries", "100", "--keep-entries", "20"]);
    let path = cluster.dir().join("file");
    content::write(&path, 4, 40 * MIB);
    cluster.run(&["put", path.to_str().unwrap(), "lost/large"]).ok();
    let load = Load::start(&cluster, 3);
    load.goes_on();
    let stopped = Who::Node(cluster.follower());
    assert_eq!(cluster.terminate(stopped).code(), Some(0));
    std::fs::remove_dir_all(cluster.folder(stopped).join("catalogue")).unwrap();
    load.goes_on();
    cluster.start_again(stopped);
    cluster.wait_voters(3);
    let killed = Who::Node(cluster.leader());
    cluster.kill(killed);
    std::fs::remove_dir_all(cluster.folder(killed).join("catalogue")).unwrap();
    load.goes_on();
    cluster.start_again(killed);
    cluster.wait_voters(3);
    let book = load.stop();
    cluster.wait_even();
    cluster.verify();
    book.check(&cluster);
    large::check(&cluster, "lost/large", 4, 40 * MIB);
}
