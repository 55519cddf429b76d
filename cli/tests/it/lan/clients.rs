//! Clients of a cluster on the LAN, in any host: they hold its token and know no address.

use serde_json::Value;

use super::lab::Lab;
use crate::cluster::{PATIENCE, Ran, wait};
use crate::content;

/// What users of one cluster do.
pub(super) struct Clients<'lab> {
    lab: &'lab Lab,
    /// The cluster's token.
    pub(super) token: String,
}

impl<'lab> Clients<'lab> {
    /// Of the cluster that this token belongs to.
    pub(super) fn new(lab: &'lab Lab, token: String) -> Self {
        Clients { lab, token }
    }

    /// Starts `gossamer up` with the token on these hosts.
    #[track_caller]
    pub(super) fn up(&self, hosts: &[&str]) {
        hosts.iter().for_each(|host| self.lab.up(host, &["--token", &self.token]));
    }

    /// Runs a client command in a host to its end.
    #[track_caller]
    pub(super) fn run(&self, host: &str, args: &[&str]) -> Ran {
        self.lab.run(host, &[&["gossamer", "--token", &self.token], args].concat())
    }

    /// Puts `length` bytes of [`content::bytes`].
    #[track_caller]
    pub(super) fn put(&self, host: &str, name: &str, seed: u64, length: usize) {
        let path = self.lab.path(host).join("to-put");
        content::write(&path, seed, length);
        self.run(host, &["put", path.to_str().unwrap(), name, "--quiet", "--timeout", &patience()]).ok();
    }

    /// Gets them and compares them.
    #[track_caller]
    pub(super) fn check(&self, host: &str, name: &str, seed: u64, length: usize) {
        let got = self.run(host, &["cat", name, "--timeout", &patience()]).ok().stdout;
        assert!(got == content::bytes(seed, length), "{name} differs on {host}: {} bytes", got.len());
    }

    /// `gossamer status --json`; nothing if no cluster answers, or none with a leader.
    pub(super) fn status(&self, host: &str) -> Option<Value> {
        let ran = self.run(host, &["status", "--json", "--timeout", "5s"]);
        if ran.code == 0 { ran.json().into_iter().next() } else { None }
    }

    /// Waits until at least so many voters are there and hold everything, as seen from a host; returns the status.
    #[track_caller]
    pub(super) fn wait_voters(&self, host: &str, voters: u64) -> Value {
        wait(&format!("{voters} voters, seen from {host}"), || {
            self.status(host).filter(|status| {
                status["leader"].is_u64() && status["voters"].as_u64().is_some_and(|count| count >= voters)
            })
        })
    }

    /// `gossamer nodes --json`, those that are there.
    pub(super) fn nodes(&self, host: &str) -> Vec<Value> {
        let ran = self.run(host, &["nodes", "--json", "--timeout", "5s"]);
        let nodes = if ran.code == 0 { ran.json() } else { Vec::new() };
        nodes.into_iter().filter(|node| node["connected"] == true).collect()
    }

    /// The id of the node that runs on `of`, as soon as it is known.
    #[track_caller]
    pub(super) fn id(&self, host: &str, of: &str) -> u64 {
        let pid = self.lab.pid(of);
        wait(&format!("the node's id on {of}"), || {
            self.nodes(host).into_iter().find(|node| node["pid"] == pid)?["id"].as_u64()
        })
    }

    /// Which of these hosts the leader runs on, as soon as there is one.
    #[track_caller]
    pub(super) fn leader<'h>(&self, host: &str, of: &[&'h str]) -> &'h str {
        wait("a leader", || {
            let nodes = self.nodes(host);
            let pid = nodes.iter().find(|node| node["role"] == "leader")?["pid"].as_u64()?;
            of.iter().copied().find(|host| u64::from(self.lab.pid(host)) == pid)
        })
    }

    /// Waits until so many nodes have applied everything and miss nothing, then asserts that they hold the same,
    /// every chunk re-read.
    #[track_caller]
    pub(super) fn verify(&self, host: &str, nodes: usize) {
        wait("all nodes to be even", || {
            let all = self.nodes(host);
            let even = all.iter().filter(|node| node["lag"] == 0 && node["missing_chunks"] == 0);
            (all.len() == nodes && even.count() == nodes).then_some(())
        });
        let report = self.run(host, &["verify", "--json"]).ok().json();
        assert_eq!(report.len(), nodes, "every node is verified: {report:?}");
    }
}

fn patience() -> String {
    format!("{}s", PATIENCE.as_secs())
}
