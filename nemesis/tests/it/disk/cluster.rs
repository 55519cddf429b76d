//! A cluster of real processes on loopback, each on a disk and with a boot id of its own: a queue server and nodes.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use gossamer_client::{Client, Config};
use gossamer_nemesis::disk::Loss;
use gossamer_nemesis::lab::Process;
use gossamer_world::World;
use serde_json::Value;
use tempfile::TempDir;

use super::mounted::Mounted;

/// How long anything may take that a test waits for: far beyond what it takes, for machines that are busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Disk space that nodes here keep free: less than on a real machine.
pub(super) const RESERVE_MIB: u64 = 16;
pub(super) struct Cluster {
    pub(super) queue: Machine,
    pub(super) nodes: Vec<Machine>,
    queue_addr: String,
    dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// One process on its disk.
pub(super) struct Machine {
    pub(super) disk: Mounted,
    args: Vec<String>,
    /// In place of the kernel's: another one after every power loss.
    boot_id: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

/// The kernel's boot id is another one for this process; then it becomes the program.
const START: &str = r#"mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@""#;

impl Cluster {
    /// A queue server and `nodes` nodes, all of them voters: an odd number. None, and a line that says so, where
    /// nothing can be mounted.
    #[track_caller]
    pub(super) fn start(nodes: usize, tuning: &[&str]) -> Option<Cluster> {
        let turn = crate::turn();
        let dir = tempfile::Builder::new().prefix("gossamer-nemesis-").tempdir().unwrap();
        let (queue_addr, reserve) = (address(), RESERVE_MIB.to_string());
        let mut queue = Machine::new(dir.path(), "queue", &[])?;
        queue.args = strings(&["queue", "--cluster", "test", "--listen", &queue_addr, "--http", &address()]);
        queue.start();
        let mut cluster = Cluster { queue, nodes: Vec::new(), queue_addr, dir, _turn: turn };
        for number in 0..nodes {
            let (listen, data) = (address(), address());
            let args = ["node", "--listen", &listen, "--data", &data, "--reserve", &reserve];
            let queue = ["--queue", cluster.queue_addr.as_str()];
            let args = [&args[..], &queue, tuning].concat();
            let mut node = Machine::new(cluster.dir.path(), &format!("node-{number}"), &args)?;
            node.start();
            cluster.nodes.push(node);
        }
        cluster.wait_voters(nodes);
        Some(cluster)
    }

    /// A client; to be called within a tokio runtime.
    pub(super) fn client(&self) -> Client {
        self.patient_client(PATIENCE)
    }

    /// A client with another patience.
    pub(super) fn patient_client(&self, patience: Duration) -> Client {
        let queues = vec![self.queue_addr.clone()];
        Client::new(Config { patience, ..Config::new(World::real(), queues) }).unwrap()
    }

    /// Runs a client command to its end: exit code, standard output, standard error.
    pub(super) fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(program());
        let settings = std::env::vars_os().map(|(name, _)| name);
        settings
            .filter(|name| name.as_encoded_bytes().starts_with(b"GOSSAMER_"))
            .for_each(|name| _ = command.env_remove(name));
        command.env("GOSSAMER_QUEUE", &self.queue_addr).args(args).current_dir(self.dir.path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// Runs a client command that goes well; what it prints, one JSON object per line.
    #[track_caller]
    pub(super) fn json(&self, args: &[&str]) -> Vec<Value> {
        let (code, stdout, stderr) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {stderr}\n{stdout}");
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until this many voters are ready, with a leader.
    #[track_caller]
    pub(super) fn wait_voters(&self, voters: usize) {
        let timeout = format!("{}s", PATIENCE.as_secs());
        let args = ["status", "--wait", &voters.to_string(), "--timeout", &timeout, "--quiet"];
        let (code, stdout, stderr) = self.run(&args);
        assert_eq!(code, 0, "{voters} voters: {stderr}\n{stdout}");
    }

    /// What the queue server knows of the process that runs as this node.
    pub(super) fn node(&self, position: usize) -> Option<Value> {
        let pid = self.nodes[position].child.as_ref()?.id();
        let nodes = self.json(&["nodes", "--json"]);
        nodes.into_iter().find(|node| node["pid"] == pid && node["connected"] == true)
    }

    /// A running node's id, as soon as it is known.
    #[track_caller]
    pub(super) fn id(&self, position: usize) -> u64 {
        wait("a node's id", || self.node(position)?["id"].as_u64())
    }

    /// The position of the leader.
    #[track_caller]
    pub(super) fn leader(&self) -> usize {
        wait("a leader", || {
            (0..self.nodes.len()).find(|at| self.node(*at).is_some_and(|node| node["role"] == "leader"))
        })
    }

    /// The position of some running node that does not lead.
    #[track_caller]
    pub(super) fn follower(&self) -> usize {
        let leader = self.leader();
        let runs = |position: &usize| self.nodes[*position].runs();
        (0..self.nodes.len()).filter(runs).find(|position| *position != leader).unwrap()
    }

    /// Waits until every node has applied everything and misses nothing, and asserts that all hold the same, with every
    /// chunk read again from their disks.
    #[track_caller]
    pub(super) fn verify(&self) {
        wait("all nodes to be even", || {
            let even = |node: &Value| node["lag"] == 0 && node["missing_chunks"] == 0;
            let nodes = (0..self.nodes.len()).filter(|position| self.nodes[*position].runs());
            nodes
                .map(|position| self.node(position))
                .all(|node| node.as_ref().is_some_and(even))
                .then_some(())
        });
        let report = self.json(&["verify", "--json"]);
        assert_eq!(report.len(), self.nodes.len(), "every node is verified: {report:?}");
    }
}

impl Machine {
    fn new(dir: &Path, name: &str, args: &[&str]) -> Option<Machine> {
        let machine = Machine {
            disk: Mounted::new()?,
            args: strings(args),
            boot_id: dir.join(format!("{name}.boot-id")),
            log: dir.join(format!("{name}.log")),
            child: None,
        };
        machine.boot();
        Some(machine)
    }

    /// Its data folder, where it is mounted.
    pub(super) fn folder(&self) -> PathBuf {
        self.disk.at("data")
    }

    /// Whether it has been started and not been seen to end.
    pub(super) fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Whether the process is there, now.
    pub(super) fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Starts the process; in the background.
    pub(super) fn start(&mut self) {
        assert!(self.child.is_none());
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", START, "sh"]).arg(&self.boot_id).arg(program());
        command.args(&self.args).arg("--dir").arg(self.folder());
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// SIGTERM, waited for; its exit code.
    #[track_caller]
    pub(super) fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.as_ref().unwrap().id();
        Process::new(pid as i32).stop().unwrap();
        self.ended()
    }

    /// SIGKILL, not waited for.
    pub(super) fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
        }
    }

    /// Waits until a process is gone that was killed.
    pub(super) fn reap(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    /// Waits until the process ends by itself; its exit code.
    #[track_caller]
    pub(super) fn ended(&mut self) -> Option<i32> {
        let child = self.child.as_mut().unwrap();
        let status = wait("a process to end by itself", || child.try_wait().unwrap());
        self.child = None;
        status.code()
    }

    /// The power fails; whatever still runs can do nothing any more.
    pub(super) fn lose_power(&self, loss: Loss) {
        self.disk.lose_power(loss);
    }

    /// The power is back, and the process is started on what is left: a boot like every other.
    pub(super) fn power_on(&mut self) {
        assert!(self.child.is_none() && self.disk.power_on());
        self.boot();
        self.start();
    }

    /// What it has said on standard error so far.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn boot(&self) {
        fs::copy("/proc/sys/kernel/random/uuid", &self.boot_id).unwrap();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
        self.reap();
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<&str> = said.lines().collect();
            eprintln!("--- the last lines of {}:", self.log.display());
            lines[lines.len().saturating_sub(25)..].iter().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// The program under test: what `GOSSAMER` says, or the one that was built beside this test.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("GOSSAMER") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("gossamer");
    assert!(
        path.exists(),
        "{} is missing: `cargo build -p gossamer` makes it, with --release as here, or set GOSSAMER",
        path.display()
    );
    path
}

/// Polls until the condition gives something; panics after [`PATIENCE`].
#[track_caller]
pub(super) fn wait<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A loopback address whose port is free, below the range from which the kernel takes those of outgoing connections:
/// a server that is down for a while finds it free when it comes back.
fn address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const PORTS: std::ops::Range<u16> = 12_000..32_000;
    let size = PORTS.end - PORTS.start;
    let begin = (std::process::id().wrapping_mul(997) % u32::from(size)) as u16;
    loop {
        let port = PORTS.start + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % size;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return format!("127.0.0.1:{port}");
        }
    }
}
