//! A cluster of real processes on loopback: started, killed, paused, restarted; gone when dropped.
//!
//! Ports are fixed before a process starts, from below the range from which the kernel takes those of outgoing
//! connections: a server that is down for a while finds its own port free when it comes back.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use gossamer_client::{Client, Config};
use gossamer_world::World;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take that a test waits for: far beyond what it takes, for machines that are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Test clusters are small: less disk needs to be kept free than on a real machine.
pub(crate) const RESERVE_MIB: &str = "16";
/// Ports given out: below the kernel's own choices.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// Queue servers and nodes, each a process with a folder and a log of its own.
pub(crate) struct Cluster {
    dir: TempDir,
    queues: Vec<Process>,
    nodes: Vec<Process>,
    tuning: Vec<String>,
}

/// Which process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Queue server by position.
    Queue(usize),
    /// Node by position, which is not its id.
    Node(usize),
}

struct Process {
    name: String,
    args: Vec<String>,
    folder: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

/// A finished command.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; -1 if a signal ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: Vec<u8>,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// Asserts that it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> Ran {
        self.exit(0)
    }

    /// Asserts its exit code.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "stderr: {}\nstdout: {}", self.stderr, self.text());
        self
    }

    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output as one JSON object per line.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Cluster {
    /// A queue server and `nodes` nodes, with as many voters ready as an odd number allows.
    pub(crate) fn start(nodes: usize) -> Self {
        Self::tuned(1, nodes, &[])
    }

    /// The same with several queue servers, and options for every node.
    pub(crate) fn tuned(queues: usize, nodes: usize, tuning: &[&str]) -> Self {
        let mut cluster = Self::empty(queues, tuning);
        for _ in 0..nodes {
            cluster.add_node();
        }
        cluster.wait_voters(if nodes % 2 == 1 { nodes } else { nodes - 1 });
        cluster
    }

    /// Queue servers without any node yet.
    pub(crate) fn empty(queues: usize, tuning: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("gossamer-test-").tempdir().unwrap();
        let tuning = tuning.iter().map(|&option| option.to_owned()).collect();
        let mut cluster = Cluster { dir, queues: Vec::new(), nodes: Vec::new(), tuning };
        for number in 0..queues {
            let name = format!("queue-{number}");
            let (listen, http) = (address(), address());
            let args = ["queue", "--cluster", "test", "--listen", &listen, "--http", &http];
            let process = Process::new(cluster.dir.path(), &name, &args);
            cluster.queues.push(process);
            cluster.start_again(Who::Queue(number));
        }
        cluster
    }

    /// One more node, started; returns its position.
    pub(crate) fn add_node(&mut self) -> usize {
        let number = self.nodes.len();
        let (listen, data, queues) = (address(), address(), self.queue_addrs());
        let mut args = vec!["node", "--listen", &listen, "--data", &data, "--reserve", RESERVE_MIB];
        args.extend(["--queue", &queues]);
        args.extend(self.tuning.iter().map(String::as_str));
        let process = Process::new(self.dir.path(), &format!("node-{number}"), &args);
        self.nodes.push(process);
        self.start_again(Who::Node(number));
        number
    }

    /// The folder of everything; tests may put their own files there too.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A process's data folder.
    pub(crate) fn folder(&self, who: Who) -> &Path {
        &self.process(who).folder
    }

    /// What a process has said on standard error so far.
    pub(crate) fn log(&self, who: Who) -> String {
        fs::read_to_string(&self.process(who).log).unwrap_or_default()
    }

    /// All queue servers' addresses with commas, as `--queue` takes them.
    pub(crate) fn queue_addrs(&self) -> String {
        let addrs: Vec<&str> = self.queues.iter().map(|queue| queue.args[4].as_str()).collect();
        addrs.join(",")
    }

    /// A client of this cluster; to be called within a tokio runtime.
    pub(crate) fn client(&self) -> Client {
        let queues = self.queue_addrs().split(',').map(str::to_owned).collect();
        Client::new(Config { patience: PATIENCE, ..Config::new(World::real(), queues) }).unwrap()
    }

    /// A client command that is not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = gossamer();
        command.env("GOSSAMER_QUEUE", self.queue_addrs()).args(args).stdin(Stdio::null());
        command.current_dir(self.dir.path());
        command
    }

    /// Runs a client command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// `gossamer nodes --json`: what the queue servers know of each node.
    pub(crate) fn nodes(&self) -> Vec<Value> {
        self.run(&["nodes", "--json"]).ok().json()
    }

    /// What the queue servers know of this node; none if they have not heard this process.
    pub(crate) fn node(&self, position: usize) -> Option<Value> {
        let pid = self.process(Who::Node(position)).child.as_ref()?.id();
        self.nodes().into_iter().find(|node| node["pid"] == pid && node["connected"] == true)
    }

    /// The id of a running node, as soon as it is known.
    pub(crate) fn id(&self, position: usize) -> u64 {
        self.wait("a node's id", || self.node(position)?["id"].as_u64())
    }

    /// The position of the leader, as soon as there is one with a quorum.
    pub(crate) fn leader(&self) -> usize {
        self.wait("a leader", || {
            let leaders = self.nodes().into_iter().filter(|node| node["role"] == "leader");
            let leader = leaders.max_by_key(|node| node["term"].as_u64())?;
            let pid = leader["pid"].as_u64()?;
            let is_it =
                |node: &Process| node.child.as_ref().is_some_and(|child| u64::from(child.id()) == pid);
            self.nodes.iter().position(is_it)
        })
    }

    /// The position of some running node that does not lead.
    pub(crate) fn follower(&self) -> usize {
        let leader = self.leader();
        let running = |position: &usize| self.nodes[*position].child.is_some();
        (0..self.nodes.len()).filter(running).find(|position| *position != leader).unwrap()
    }

    /// Waits until this many voters are ready, with a leader.
    #[track_caller]
    pub(crate) fn wait_voters(&self, voters: usize) {
        let timeout = format!("{}s", PATIENCE.as_secs());
        self.run(&["status", "--wait", &voters.to_string(), "--timeout", &timeout, "--quiet"]).ok();
    }

    /// Waits until every running node is heard, has applied everything and misses nothing.
    #[track_caller]
    pub(crate) fn wait_even(&self) {
        let pids: Vec<u32> =
            self.nodes.iter().filter_map(|node| node.child.as_ref()).map(Child::id).collect();
        self.wait("all nodes to be even", || {
            let nodes = self.nodes();
            let even = |pid: &u32| {
                nodes.iter().any(|node| {
                    node["pid"] == *pid
                        && node["connected"] == true
                        && node["lag"] == 0
                        && node["missing_chunks"] == 0
                })
            };
            pids.iter().all(even).then_some(())
        });
    }

    /// Asserts that all running nodes hold the same, every chunk re-read; returns what `verify --json` says.
    #[track_caller]
    pub(crate) fn verify(&self) -> Vec<Value> {
        let report = self.run(&["verify", "--json"]).ok().json();
        let running = self.nodes.iter().filter(|node| node.child.is_some()).count();
        assert_eq!(report.len(), running, "every running node is verified: {report:?}");
        report
    }

    /// Polls until the condition gives something.
    #[track_caller]
    pub(crate) fn wait<T>(&self, what: &str, condition: impl FnMut() -> Option<T>) -> T {
        wait(what, condition)
    }

    /// Starts a process that is not running, on its folder and ports.
    pub(crate) fn start_again(&mut self, who: Who) {
        let process = self.process_mut(who);
        assert!(process.child.is_none(), "{} is running", process.name);
        let log = File::options().create(true).append(true).open(&process.log).unwrap();
        let mut command = gossamer();
        command.args(&process.args).arg("--dir").arg(&process.folder);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        process.child = Some(child.unwrap());
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) fn kill(&mut self, who: Who) {
        let mut child = self.process_mut(who).child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, and waits until the process is gone.
    pub(crate) fn terminate(&mut self, who: Who) -> ExitStatus {
        self.signal(who, Signal::TERM);
        self.ended(who)
    }

    /// Waits until a process ends by itself.
    pub(crate) fn ended(&mut self, who: Who) -> ExitStatus {
        let process = self.process_mut(who);
        let mut child = process.child.take().unwrap();
        let name = process.name.clone();
        let status = wait_for(&format!("{name} to end"), || child.try_wait().unwrap());
        status.unwrap_or_else(|| {
            self.process_mut(who).child = Some(child);
            panic!("{name} did not end within {PATIENCE:?}")
        })
    }

    /// SIGSTOP: the process is there and does nothing.
    pub(crate) fn pause(&self, who: Who) {
        self.signal(who, Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn resume(&self, who: Who) {
        self.signal(who, Signal::CONT);
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, who: Who, signal: Signal) {
        let child = self.process(who).child.as_ref().unwrap();
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    fn process(&self, who: Who) -> &Process {
        match who {
            Who::Queue(position) => &self.queues[position],
            Who::Node(position) => &self.nodes[position],
        }
    }

    fn process_mut(&mut self, who: Who) -> &mut Process {
        match who {
            Who::Queue(position) => &mut self.queues[position],
            Who::Node(position) => &mut self.nodes[position],
        }
    }
}

impl Drop for Cluster {
    /// No process and no file stays behind; after a failure their last words are shown.
    fn drop(&mut self) {
        for process in self.queues.iter_mut().chain(&mut self.nodes) {
            if let Some(mut child) = process.child.take() {
                // Already gone is as good.
                let _ = child.kill();
                let _ = child.wait();
            }
            if std::thread::panicking() {
                let text = fs::read_to_string(&process.log).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                eprintln!("--- the last lines of {}:", process.name);
                lines[lines.len().saturating_sub(25)..].iter().for_each(|line| eprintln!("{line}"));
            }
        }
    }
}

impl Process {
    fn new(dir: &Path, name: &str, args: &[&str]) -> Self {
        Process {
            name: name.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            folder: dir.join(name),
            log: dir.join(format!("{name}.log")),
            child: None,
        }
    }
}

/// The program under test. What the user's shell says about other clusters does not concern these.
pub(crate) fn gossamer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gossamer"));
    for setting in ["GOSSAMER_QUEUE", "GOSSAMER_TOKEN", "GOSSAMER_INSECURE", "GOSSAMER_LOG"] {
        command.env_remove(setting);
    }
    command
}

/// Waits for a command whose output is piped.
pub(crate) fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Polls until the condition gives something; panics after [`PATIENCE`].
#[track_caller]
pub(crate) fn wait<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_for(what, condition).unwrap_or_else(|| panic!("waited {PATIENCE:?} for {what}"))
}

fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        match condition() {
            Some(found) => return Some(found),
            None if began.elapsed() > PATIENCE => {
                eprintln!("waited {PATIENCE:?} for {what}");
                return None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// A loopback address whose port is free; no other test of this process gets the same.
fn address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let size = PORTS.end - PORTS.start;
    // Test binaries that run at the same time begin at different places.
    let begin = (std::process::id().wrapping_mul(997) % u32::from(size)) as u16;
    loop {
        let port = PORTS.start + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % size;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return format!("127.0.0.1:{port}");
        }
    }
}
