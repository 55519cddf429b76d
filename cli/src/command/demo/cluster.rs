//! The demo's processes: a queue server and three nodes, each with a folder and a log of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gossamer_client::{Client, Config};
use gossamer_world::World;

use super::{NODES, Story, broken};
use crate::args::Common;
use crate::failure::{FAILED, Failure};

/// The demo's files are a few hundred MiB: less needs to be kept free than on a real machine.
const RESERVE_MIB: &str = "64";

pub(super) struct Cluster {
    dir: PathBuf,
    queue: Child,
    queue_addr: String,
    nodes: Vec<Node>,
}

struct Node {
    number: usize,
    child: Child,
    killed: bool,
}

impl Cluster {
    pub(super) async fn start(story: &Story) -> Result<Self, Failure> {
        let dir = std::env::temp_dir().join(format!("gossamer-demo-{}", std::process::id()));
        fs::create_dir_all(&dir)
            .map_err(|error| Failure::new(FAILED, format!("{}: {error}", dir.display())))?;
        let (queue, queue_addr) = start_queue(&dir)?;
        story.tell(format_args!("queue server: pid {}, {queue_addr}", queue.id()));
        let mut cluster = Cluster { dir, queue, queue_addr, nodes: Vec::new() };
        for number in 1..=NODES {
            let child = cluster.start_node(number)?;
            story.tell(format_args!("node process {number}: pid {}", child.id()));
            cluster.nodes.push(Node { number, child, killed: false });
        }
        Ok(cluster)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The user's options, but for this cluster.
    pub(super) fn common(&self, common: &Common) -> Common {
        Common {
            queue: vec![self.queue_addr.clone()],
            insecure: false,
            token: None,
            token_file: None,
            quiet: true,
            ..common.clone()
        }
    }

    pub(super) fn client(&self, common: &Common) -> Result<Client, Failure> {
        let config = Config::new(World::real(), vec![self.queue_addr.clone()]);
        Client::new(Config { patience: common.timeout, ..config }).map_err(broken)
    }

    /// `kill -9`, and waits until the process is gone.
    pub(super) fn kill(&mut self, pid: u32) -> Result<(), Failure> {
        let node = self.nodes.iter_mut().find(|node| node.child.id() == pid);
        let node = node.ok_or_else(|| broken(format_args!("no node has pid {pid}")))?;
        node.child.kill().and_then(|()| node.child.wait()).map_err(broken)?;
        node.killed = true;
        Ok(())
    }

    pub(super) fn restart_killed(&mut self, story: &Story) -> Result<(), Failure> {
        for index in 0..self.nodes.len() {
            if self.nodes[index].killed {
                let number = self.nodes[index].number;
                let child = self.start_node(number)?;
                story.tell(format_args!("node process {number} started again: pid {}", child.id()));
                self.nodes[index] = Node { number, child, killed: false };
            }
        }
        Ok(())
    }

    fn start_node(&self, number: usize) -> Result<Child, Failure> {
        let dir = self.dir.join(format!("node-{number}"));
        gossamer(&self.dir, &format!("node-{number}"))?
            .args(["node", "--listen", "127.0.0.1:0", "--data", "127.0.0.1:0", "--reserve", RESERVE_MIB])
            .args(["--queue", &self.queue_addr, "--dir"])
            .arg(dir)
            .spawn()
            .map_err(broken)
    }

    /// The last words of every process, for whoever looks into a failure.
    pub(super) fn tell_logs(&self) {
        for name in ["queue-server".to_owned()].into_iter().chain((1..=NODES).map(|n| format!("node-{n}"))) {
            let text = fs::read_to_string(self.dir.join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- the last lines of {name}:");
            lines[lines.len().saturating_sub(12)..].iter().for_each(|line| eprintln!("{line}"));
        }
    }

    pub(super) async fn clean_up(mut self, story: &Story) -> Result<(), Failure> {
        self.stop();
        fs::remove_dir_all(&self.dir)
            .map_err(|error| broken(format_args!("{}: {error}", self.dir.display())))?;
        story.tell("all processes stopped, all files removed");
        Ok(())
    }

    fn stop(&mut self) {
        for child in self.nodes.iter_mut().map(|node| &mut node.child).chain([&mut self.queue]) {
            // Already gone is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Cluster {
    /// Also at Ctrl-C: no process and no file stays behind.
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The same program again, its standard error in a file of the demo's folder.
fn gossamer(dir: &Path, name: &str) -> Result<Command, Failure> {
    let log =
        File::options().create(true).append(true).open(dir.join(format!("{name}.log"))).map_err(broken)?;
    let mut command = Command::new(std::env::current_exe().map_err(broken)?);
    // What the user's shell says about other clusters does not concern this one.
    command.env_remove("GOSSAMER_QUEUE").env_remove("GOSSAMER_INSECURE");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(command)
}

/// Starts it on a port of the kernel's choice and reads which from its first line.
fn start_queue(dir: &Path) -> Result<(Child, String), Failure> {
    let mut child = gossamer(dir, "queue-server")?
        .args(["queue", "--listen", "127.0.0.1:0", "--cluster", "demo", "--dir"])
        .arg(dir.join("queue-server"))
        .stderr(Stdio::piped())
        .spawn()
        .map_err(broken)?;
    let stderr = child.stderr.take().ok_or_else(|| broken("the queue server has no standard error"))?;
    let mut lines = BufReader::new(stderr).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    let addr =
        first.strip_prefix("queue server on ").and_then(|rest| rest.split(',').next()).map(str::to_owned);
    let log = dir.join("queue-server.log");
    // Its later words go to its log; an unread pipe would block it one day.
    std::thread::spawn(move || {
        if let Ok(mut log) = File::options().create(true).append(true).open(log) {
            for line in lines.map_while(Result::ok) {
                let _ = std::io::Write::write_all(&mut log, format!("{line}\n").as_bytes());
            }
        }
    });
    match addr {
        Some(addr) => Ok((child, addr)),
        None => {
            let _ = child.kill();
            Err(broken(format_args!("the queue server did not start: {first}")))
        }
    }
}
