//! `kill -9`.

use super::large::{self, LargePut};
use super::load::Load;
use crate::cluster::{Cluster, Who};
use crate::content::MIB;

const LARGE_MIB: usize = 96;
/// The leader, a follower, the queue server.
const KILLS: u64 = 3;

/// Each process is killed in turn, during a stream of small puts and a large upload: every acknowledged file is there
/// with its version and its bytes, nothing was applied twice, and the upload ends by the same put without starting over:
/// at most a tenth is sent again for each kill.
#[test]
fn each_process_in_turn() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(&cluster, 3);
    let upload = LargePut::start(&cluster, "large/one", 1, LARGE_MIB);
    // The client sends windows of 32 MiB. What it has read but not sent is what a kill may interrupt.
    upload.pass(40, 32);
    let leader = Who::Node(cluster.leader());
    cluster.kill(leader);
    load.goes_on();
    upload.pass(32, 64);
    cluster.start_again(leader);
    cluster.wait_voters(3);
    let follower = Who::Node(cluster.follower());
    cluster.kill(follower);
    load.goes_on();
    cluster.start_again(follower);
    cluster.wait_voters(3);
    cluster.kill(Who::Queue(0));
    upload.pass(20, 64);
    cluster.start_again(Who::Queue(0));
    load.goes_on();
    let stored = upload.finish();
    let again = stored.sent_bytes.saturating_sub(stored.size);
    // Each kill may take with it what was on its way: up to 8 MiB wait in a leader to be forwarded.
    assert!(again <= KILLS * stored.size / 10, "{again} bytes of {} were sent again", stored.size);
    let book = load.stop();
    cluster.wait_even();
    book.check(&cluster);
    large::check(&cluster, "large/one", 1, LARGE_MIB * MIB);
    cluster.verify();
}

/// All nodes are killed at once and started again: clients only wait, nothing acknowledged is lost.
#[test]
fn all_nodes_at_once() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(&cluster, 3);
    let upload = LargePut::start(&cluster, "large/two", 2, 40);
    upload.pass(40, 32);
    upload.finish();
    (0..3).for_each(|node| cluster.kill(Who::Node(node)));
    (0..3).for_each(|node| cluster.start_again(Who::Node(node)));
    load.goes_on();
    let book = load.stop();
    cluster.wait_voters(3);
    cluster.wait_even();
    book.check(&cluster);
    large::check(&cluster, "large/two", 2, 40 * MIB);
    cluster.verify();
}
