//! A disk without room.

use std::time::Duration;

use bytes::Bytes;
use gossamer_client::{Client, Kind, PutError, PutOptions, Stored};
use tokio::runtime::Runtime;

use super::cluster::{Cluster, RESERVE_MIB, wait};
use super::load::Load;

const MIB: u64 = 1 << 20;

/// As long as no definite answer is in sight: a full disk is one, long before.
const SHORT: Duration = Duration::from_secs(20);

fn put(runtime: &Runtime, client: &Client, number: u64) -> Result<Stored, PutError> {
    let mut content = vec![0; 5 << 20];
    blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut content);
    runtime.block_on(client.put_bytes(&format!("full/{number}"), Bytes::from(content), PutOptions::default()))
}

/// One full disk of three refuses nobody. Three of them refuse uploads and say why, still take deletes, and no node
/// ends; with room made by those deletes, all goes on, and nothing was lost.
#[test]
fn disks() {
    let Some(mut cluster) = Cluster::start(3, &["--collect-every", "1s"]) else { return };
    let mut load = Load::start(&cluster, 41);
    load.goes_on(100);
    load.pause();
    load.rest();
    let runtime = Runtime::new().unwrap();
    let client = {
        let _entered = runtime.enter();
        cluster.patient_client(SHORT)
    };
    let one = cluster.follower();
    let bound = |node: usize, mib: u64| {
        let disk = &cluster.nodes[node].disk;
        disk.set_capacity(disk.used() + (RESERVE_MIB + mib) * MIB);
    };
    bound(one, 2);
    for number in 0..4 {
        put(&runtime, &client, number).unwrap_or_else(|error| panic!("one full disk of three: {error}"));
    }
    // More than an extent holds: the one that is being written is not freed before it is full.
    (0..3).filter(|node| *node != one).for_each(|node| bound(node, 100));
    let refused =
        (4..60).find_map(|number| put(&runtime, &client, number).err().map(|error| (number, error)));
    let (number, error) = refused.expect("uploads are refused when all disks are full");
    assert_eq!(error.kind(), Kind::Failed, "{error}");
    assert!(error.to_string().contains("bytes free"), "{error}");
    for name in 0..number {
        runtime.block_on(client.delete(&format!("full/{name}"), None)).unwrap();
    }
    wait("room that was made by deletes", || put(&runtime, &client, 100).ok());
    for node in &mut cluster.nodes {
        assert!(node.is_alive(), "a full disk ends no node: {}", node.said());
        node.disk.set_capacity(0);
    }
    load.resume();
    load.goes_on(100);
    load.pause();
    load.rest();
    assert_eq!(load.audit(&cluster), [""; 0]);
    cluster.verify();
}
