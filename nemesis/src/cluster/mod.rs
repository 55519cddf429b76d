//! A cluster of real processes in a lab: founded, started, restarted, observed.
//!
//! - [`Watch`]: what can be seen of it; `disks`: its machines' disks, and their power; `clocks`: their wall clocks

mod clocks;
mod disks;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, bail};
use gossamer_client::{Client, Config};
use gossamer_proto::limits::CLIENT_PATIENCE;
use gossamer_proto::trust::Trust;
use gossamer_world::World;
use tokio::time::Instant;

pub use disks::is_rebuilt;
pub use watch::{Seen, Watch};

use crate::disk::Disk;
use crate::lab::{Host, Inside, Lab, Process};

/// How long anything may take that is waited for while nothing is broken: far beyond what it takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Disk space that nodes here keep free, MiB: less than on a real machine.
pub const RESERVE_MIB: u64 = 16;

/// What runs where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// `gossamer up` on each machine: a queue server and a node in one process, with a token.
    Machines,
    /// Nodes on machines of their own, and two queue servers on two others.
    Apart,
}

/// What is to be made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The lab's name.
    pub lab: String,
    /// The first three numbers of its addresses.
    pub net: String,
    /// The `gossamer` under test.
    pub program: PathBuf,
    /// Where hosts keep their folders.
    pub folder: PathBuf,
    /// What runs where.
    pub layout: Layout,
    /// How many nodes at first.
    pub nodes: u8,
    /// Hosts on which nodes may be started later.
    pub spare: u8,
    /// Options for every node.
    pub options: Vec<String>,
    /// Whether data folders are on a [`Disk`] each, whose power can fail.
    pub disks: bool,
    /// Whether wall clocks can be made to jump: needs what [`Cluster::clocks_want`] says.
    pub clocks: bool,
}

/// A running cluster. The hosts of nodes come first, spare ones after them, then two of queue servers (if apart), then that
/// of the clients.
pub struct Cluster {
    /// Before the lab: what is mounted in a host's folder is unmounted before that is removed.
    disks: BTreeMap<Host, Disk>,
    /// Where it runs.
    pub lab: Lab,
    plan: Plan,
    trust: Trust,
    token: Option<String>,
}

impl Cluster {
    /// Makes the lab and starts everything; returns when all nodes vote.
    pub fn found(plan: Plan) -> anyhow::Result<Cluster> {
        let hosts = plan.nodes + plan.spare + 3;
        let lab = Lab::start(&plan.lab, &plan.net, hosts, &plan.folder, &plan.program)?;
        let mut cluster = Cluster { disks: BTreeMap::new(), lab, plan, trust: Trust::Insecure, token: None };
        cluster.mount_disks()?;
        cluster.nodes().into_iter().try_for_each(|host| cluster.set_clock(host, 0))?;
        match cluster.plan.layout {
            Layout::Machines => cluster.found_by_up()?,
            Layout::Apart => cluster.queues().into_iter().try_for_each(|host| cluster.start_queue(host))?,
        }
        let first = usize::from(cluster.plan.layout == Layout::Machines);
        cluster.first_nodes().into_iter().skip(first).try_for_each(|host| cluster.start_node(host))?;
        let watch = cluster.watch()?;
        watch.settled(cluster.plan.nodes.into(), PATIENCE)?;
        Ok(cluster)
    }

    /// The first machine founds, and says the token.
    fn found_by_up(&mut self) -> anyhow::Result<()> {
        let first = Host(1);
        self.start_node(first)?;
        let begun = Instant::now();
        let token = loop {
            let log = self.lab.log(first, "up");
            let line = log.lines().find_map(|line| line.strip_prefix("gossamer up --token "));
            if let Some(token) = line.filter(|token| log.contains(&format!("{token}\n"))) {
                break token.to_owned();
            }
            if begun.elapsed() > PATIENCE {
                bail!("no token from the first machine: {log}");
            }
            sleep(Duration::from_millis(20));
        };
        self.trust = Trust::Token(token.parse().context("the printed token")?);
        self.token = Some(token);
        Ok(())
    }

    /// The hosts of the nodes there were at first.
    pub fn first_nodes(&self) -> Vec<Host> {
        (1..=self.plan.nodes).map(Host).collect()
    }

    /// The hosts on which nodes may run.
    pub fn nodes(&self) -> Vec<Host> {
        (1..=self.plan.nodes + self.plan.spare).map(Host).collect()
    }

    /// The hosts on which queue servers run.
    pub fn queues(&self) -> Vec<Host> {
        match self.plan.layout {
            Layout::Machines => self.first_nodes(),
            Layout::Apart => [1, 2].map(|number| Host(self.plan.nodes + self.plan.spare + number)).to_vec(),
        }
    }

    /// The host of the clients.
    pub fn clients(&self) -> Host {
        Host(self.plan.nodes + self.plan.spare + 3)
    }

    /// What runs where.
    pub fn layout(&self) -> Layout {
        self.plan.layout
    }

    /// Where a queue server listens.
    pub fn queue_addr(&self, host: Host) -> String {
        format!("{}:4068", self.lab.address(host))
    }

    /// Starts, or starts again, the node of a host, and in [`Layout::Machines`] its queue server.
    pub fn start_node(&self, host: Host) -> anyhow::Result<()> {
        let options: Vec<&str> = self.plan.options.iter().map(String::as_str).collect();
        let (reserve, clock) = (RESERVE_MIB.to_string(), self.on_its_clock(host));
        let common = ["-v", "--reserve", &reserve];
        let clock: Vec<&str> = clock.iter().map(String::as_str).collect();
        match self.plan.layout {
            Layout::Machines => {
                let dir = self.node_folder(host).display().to_string();
                let said = match &self.token {
                    Some(token) => ["--token", token],
                    None => ["--cluster", "nemesis"],
                };
                let words = [&clock[..], &["gossamer", "up", "--dir", &dir], &common, &said, &options];
                self.lab.spawn(host, "up", &words.concat())
            }
            Layout::Apart => {
                let queues: Vec<String> =
                    self.queues().into_iter().map(|host| self.queue_addr(host)).collect();
                let (queues, dir, own) = (queues.join(","), self.data(host, "node"), self.lab.address(host));
                let place =
                    ["--dir", &dir, "--listen", "0.0.0.0:4168", "--advertise", &own, "--queue", &queues];
                let words = [&clock[..], &["gossamer", "node", "--insecure"], &place, &common, &options];
                self.lab.spawn(host, "node", &words.concat())
            }
        }
    }

    /// Starts, or starts again, a queue server of [`Layout::Apart`].
    pub fn start_queue(&self, host: Host) -> anyhow::Result<()> {
        let dir = self.data(host, "queue");
        let place = ["--dir", &dir, "--listen", "0.0.0.0:4068", "--cluster", "nemesis"];
        self.lab.spawn(host, "queue", &[&["gossamer", "queue", "--insecure", "-v"], &place[..]].concat())
    }

    fn data(&self, host: Host, name: &str) -> String {
        self.lab.path(host).join("data").join(name).display().to_string()
    }

    /// The folder of a host's node.
    pub fn node_folder(&self, host: Host) -> PathBuf {
        match self.plan.layout {
            Layout::Machines => self.lab.path(host).join("data"),
            Layout::Apart => self.lab.path(host).join("data/node"),
        }
    }

    /// What a host's node is called there.
    fn node_name(&self) -> &'static str {
        match self.plan.layout {
            Layout::Machines => "up",
            Layout::Apart => "node",
        }
    }

    /// The process of a host's node.
    pub fn node(&self, host: Host) -> anyhow::Result<Process> {
        self.lab.process(host, self.node_name())
    }

    /// The process of a host's queue server.
    pub fn queue(&self, host: Host) -> anyhow::Result<Process> {
        self.lab.process(host, if self.plan.layout == Layout::Machines { "up" } else { "queue" })
    }

    /// Whether a node runs in a host.
    pub fn has_node(&self, host: Host) -> bool {
        self.node(host).is_ok_and(|process| process.lives())
    }

    /// What a host's node has said so far.
    pub fn node_log(&self, host: Host) -> String {
        self.lab.log(host, self.node_name())
    }

    /// A client; to be called within [`Inside`]. It prefers the queue servers in this order.
    pub fn config(&self, queues: &[Host], patience: Duration) -> Config {
        let queues = queues.iter().map(|host| self.queue_addr(*host)).collect();
        Config { trust: self.trust.clone(), patience, ..Config::new(World::real(), queues) }
    }

    /// Clients of the clients' host, each of which prefers another queue server.
    pub fn connect(&self, inside: &Inside, count: usize, patience: Duration) -> anyhow::Result<Vec<Client>> {
        let mut queues = self.queues();
        let mut clients = Vec::new();
        for _ in 0..count {
            let config = self.config(&queues, patience);
            clients.push(inside.run(async { Client::new(config) })?);
            queues.rotate_left(1);
        }
        Ok(clients)
    }

    /// The patience of clients that nobody tells otherwise.
    pub const CLIENT_PATIENCE: Duration = CLIENT_PATIENCE;

    /// Who looks at it from the clients' host.
    pub fn watch(&self) -> anyhow::Result<Watch> {
        Watch::new(self)
    }

    /// Copies all logs to a folder, before the lab and all in it is gone.
    pub fn keep_logs(&self, to: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(to)?;
        for number in 1..=self.clients().0 {
            let folder = self.lab.path(Host(number)).join("log");
            for log in std::fs::read_dir(folder)?.flatten() {
                std::fs::copy(log.path(), to.join(format!("h{number}-{}", log.file_name().display())))?;
            }
        }
        Ok(())
    }
}
