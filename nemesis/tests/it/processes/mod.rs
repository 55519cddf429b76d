//! Clusters of real processes on a LAN of network namespaces: broken on purpose, and judged.

mod clock_jump;
mod kill_restart;
mod late_result;
mod minority;
mod retry;
mod short_run;
mod stale_read;

use std::io::Write as _;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gossamer_client::{Client, PutOptions};
use gossamer_nemesis::cluster::{Cluster, Layout, Plan};
use gossamer_nemesis::disk::Disk;
use gossamer_nemesis::lab::{Host, Inside, Lab};
use tempfile::TempDir;

/// A cluster in a lab of its own, and a way into its clients' host.
struct Scenario {
    cluster: Cluster,
    inside: Inside,
    dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Scenario {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

/// What a scenario needs beside hosts and cables.
#[derive(Clone, Copy, Default)]
struct Extras {
    disks: bool,
    clocks: bool,
}

impl Scenario {
    /// So many nodes, all voting; none, and a line that says so, where there can be no lab. With `CI` set that is a
    /// failure.
    fn start(layout: Layout, nodes: u8, spare: u8, options: Vec<String>) -> Option<Scenario> {
        Scenario::start_with(layout, nodes, spare, options, Extras::default())
    }

    /// The same, on disks whose power can fail, or with clocks that jump.
    fn start_with(
        layout: Layout,
        nodes: u8,
        spare: u8,
        options: Vec<String>,
        Extras { disks, clocks }: Extras,
    ) -> Option<Scenario> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let no_disks = || Disk::possible().err().filter(|_| disks);
        let no_clocks = || Cluster::clocks_want().filter(|_| clocks);
        if let Some(wanting) = Lab::wanting().or_else(no_disks).or_else(no_clocks) {
            assert!(std::env::var_os("CI").is_none(), "{wanting}");
            let scenario = std::thread::current().name().unwrap_or("a scenario").to_owned();
            say(&format!("SKIPPED: {scenario}: {wanting}"));
            return None;
        }
        let turn = crate::turn();
        let dir = tempfile::Builder::new().prefix("gossamer-nemesis-").tempdir().unwrap();
        let lab = format!("n{}n{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (net, folder) = ("10.77.0".to_owned(), dir.path().to_owned());
        let plan =
            Plan { lab, net, program: program(), folder, layout, nodes, spare, options, disks, clocks };
        let cluster = Cluster::found(plan).unwrap();
        let inside = Inside::enter(&cluster.lab, cluster.clients()).unwrap();
        Some(Scenario { cluster, inside, dir, _turn: turn })
    }

    /// A client that prefers the queue servers in this order.
    fn client(&self, queues: &[Host], patience: Duration) -> Client {
        let config = self.config(queues, patience);
        self.inside.run(async { Client::new(config) }).unwrap()
    }

    /// Puts a file; its version.
    fn put(&self, client: &Client, name: &'static str, content: &'static str) -> u64 {
        let client = client.clone();
        let put = async move { client.put_bytes(name, content.into(), PutOptions::default()).await };
        self.inside.run(put).unwrap().version
    }
}

impl Drop for Scenario {
    /// After a failure the logs stay.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.dir.path().with_extension("logs");
            match self.cluster.keep_logs(&kept) {
                Ok(()) => eprintln!("logs: {}", kept.display()),
                Err(error) => eprintln!("no logs could be kept: {error:#}"),
            }
        }
    }
}

/// Says something that is shown even when the test passes.
fn say(line: &str) {
    // Past the test harness; and a test does not fail for want of a terminal.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The program under test: what `GOSSAMER` says, or the one that was built beside this test.
fn program() -> PathBuf {
    match std::env::var_os("GOSSAMER") {
        Some(path) => path.into(),
        None => std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("gossamer"),
    }
}
