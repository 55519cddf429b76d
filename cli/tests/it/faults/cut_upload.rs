//! A client that ends in the middle of an upload.

use std::io::Write;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::large;
use crate::cluster::{Cluster, Ran, finish};
use crate::content::{self, MIB};

const MIBS: usize = 96;

/// Cut off by `kill -9` after a third and by Ctrl-C (exit 130) after two, the same command sends what is missing and
/// at most a tenth again.
#[test]
fn goes_on_where_it_stopped() {
    let cluster = Cluster::start(3);
    let content = content::bytes(3, MIBS * MIB);
    let killed = cut(&cluster, &content, 32, Signal::KILL);
    assert_eq!(killed.code, -1);
    let interrupted = cut(&cluster, &content, 64, Signal::INT).exit(130);
    assert!(interrupted.stderr.contains("goes on where it stopped"), "{}", interrupted.stderr);
    let mut put = begin(&cluster);
    put.stdin.take().unwrap().write_all(&content).unwrap();
    let stored = &finish(put).ok().json()[0];
    let (sent, resumed) = (stored["sent_bytes"].as_u64().unwrap(), stored["resumed_bytes"].as_u64().unwrap());
    let tenth = content.len() as u64 / 10;
    assert_eq!(sent + resumed, content.len() as u64, "every byte was sent or was there");
    assert!(sent <= 32 * MIB as u64 + tenth, "{sent} bytes were sent, though only a third was missing");
    large::check(&cluster, "cut/large", 3, content.len());
    cluster.wait_even();
    cluster.verify();
}

fn begin(cluster: &Cluster) -> Child {
    let mut put = cluster.command(&["put", "-", "cut/large", "--json"]);
    put.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Puts until the cluster has `mib` MiB, then sends the signal. The client reads one MiB ahead of what it sends.
fn cut(cluster: &Cluster, content: &[u8], mib: usize, signal: Signal) -> Ran {
    let mut put = begin(cluster);
    let stdin = put.stdin.as_mut().unwrap();
    stdin.write_all(&content[..(mib + 1) * MIB]).unwrap();
    let leader = cluster.leader();
    cluster.wait("the first part to arrive", || {
        let stored = cluster.node(leader)?["stored_bytes"].as_u64()?;
        (stored >= (mib * MIB) as u64).then_some(())
    });
    kill_process(Pid::from_child(&put), signal).unwrap();
    finish(put)
}
