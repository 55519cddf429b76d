//! The lab script as tests use it: hosts with a name of their own each, gone when dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use super::clients::Clients;
use super::say;
use crate::cluster::{RESERVE_MIB, Ran, finish, wait};

/// The script.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/lan-lab/lab");
/// How long a command in a host may take, seconds: twice the longest deadline that a test gives one.
const DEADLINE_SECS: &str = "120";
/// All the scenarios start many processes: side by side they would take each other's time.
static TURN: Mutex<()> = Mutex::new(());

/// Hosts h1, h2, … on a LAN of their own.
pub(super) struct Lab {
    name: String,
    dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    /// A lab of `hosts` hosts with the addresses 10.1.0.1, 10.1.0.2, …; none, and a line that says so, where there
    /// can be none. With `CI` set that is a failure.
    #[track_caller]
    pub(super) fn start(hosts: u32) -> Option<Lab> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if let Err(wanting) = possible() {
            assert!(std::env::var_os("CI").is_none(), "{wanting}");
            say(&format!("SKIPPED: {}: {wanting}", std::thread::current().name().unwrap_or("a scenario")));
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        stop_leftovers();
        let name = format!("t{}n{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::Builder::new().prefix("gossamer-lab-").tempdir().unwrap();
        let lab = Lab { name, dir, _turn: turn };
        lab.call(&["start", &hosts.to_string()]);
        Some(lab)
    }

    /// A command of the script, which goes well; returns what it prints.
    #[track_caller]
    pub(super) fn call(&self, args: &[&str]) -> String {
        let ran = script(&self.name, self.dir.path(), args);
        assert_eq!(ran.code, 0, "lab {args:?}: {}", ran.stderr);
        ran.text()
    }

    /// A host's folder: `data`, `log` and more.
    pub(super) fn path(&self, host: &str) -> PathBuf {
        self.dir.path().join(&self.name).join(host)
    }

    /// Founds a cluster with `gossamer up` on a host whose data folder is empty; returns its clients, who know the
    /// token that was printed there.
    #[track_caller]
    pub(super) fn found(&self, host: &str, cluster: &str) -> Clients<'_> {
        self.up(host, &["--cluster", cluster]);
        let process = Path::new("/proc").join(self.pid(host).to_string());
        let token = wait("the line for all others", || {
            let running = process.exists();
            let log = self.log(host, "up");
            assert!(running || log.contains("--token"), "`gossamer up` on {host} ended: {log}");
            let line = log.lines().find(|line| line.starts_with("gossamer up --token "))?;
            // The line is whole if another has begun, or the log ends with it.
            log.contains(&format!("{line}\n")).then(|| line["gossamer up --token ".len()..].to_owned())
        });
        Clients::new(self, token)
    }

    /// Starts `gossamer up` in the background.
    #[track_caller]
    pub(super) fn up(&self, host: &str, args: &[&str]) {
        self.call(&[&["up", host, "--reserve", RESERVE_MIB], args].concat());
    }

    /// The process id of the `gossamer up` that was started last in a host.
    pub(super) fn pid(&self, host: &str) -> u32 {
        fs::read_to_string(self.path(host).join("run/up.pid")).unwrap().trim().parse().unwrap()
    }

    /// What a program in the background has said so far on standard output and standard error.
    pub(super) fn log(&self, host: &str, program: &str) -> String {
        fs::read_to_string(self.path(host).join("log").join(format!("{program}.log"))).unwrap_or_default()
    }

    /// Starts a command in the background in a host, with variables of the environment.
    #[track_caller]
    pub(super) fn spawn(&self, host: &str, program: &str, words: &[&str], variables: &[(&str, &str)]) {
        let mut command = with_settings(SCRIPT, self.dir.path());
        command.args(["--lab", &self.name, "spawn", host, program]).args(words);
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        assert!(command.status().unwrap().success(), "{program} did not start");
    }

    /// Runs a command in a host to its end; `gossamer` is the program under test.
    #[track_caller]
    pub(super) fn run(&self, host: &str, args: &[&str]) -> Ran {
        let mut command = with_settings("timeout", self.dir.path());
        command.args(["-s", "KILL", DEADLINE_SECS, SCRIPT, "--lab", &self.name, "run", host]).args(args);
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ran = finish(piped.spawn().unwrap());
        assert!(ran.code != 137 && ran.code != -1, "{args:?} did not end on {host}: {}", ran.stderr);
        ran
    }

    /// `kill -9` for all that runs in these hosts, at once; they lose the link for a moment and have a new boot id.
    #[track_caller]
    pub(super) fn power_cycle(&self, hosts: &[&str]) {
        self.call(&[&["power-cycle"], hosts].concat());
    }
}

impl Drop for Lab {
    /// Nothing stays behind; after a failure the last words of all hosts are shown.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", script(&self.name, self.dir.path(), &["list"]).text());
            let mut logs: Vec<PathBuf> = logs(&self.dir.path().join(&self.name));
            logs.sort();
            for log in logs {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                eprintln!("--- the last lines of {}:", log.display());
                lines[lines.len().saturating_sub(25)..].iter().for_each(|line| eprintln!("{line}"));
            }
            // A second panic would hide the first.
            eprintln!("{}", script(&self.name, self.dir.path(), &["stop"]).stderr);
        } else {
            self.call(&["stop"]);
        }
    }
}

/// The logs of all hosts of a lab.
fn logs(state: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    entries(state).flat_map(|host| entries(&host.path().join("log"))).map(|log| log.path()).collect()
}

/// Labs of test processes that were killed are removed by the next one.
fn stop_leftovers() {
    for space in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let space = space.file_name().into_string().unwrap_or_default();
        let Some(lab) = space.strip_prefix("gsm-").and_then(|rest| rest.strip_suffix("-lan")) else {
            continue;
        };
        let process = lab.strip_prefix('t').and_then(|rest| rest.split_once('n')).map(|(pid, _)| pid);
        if process.is_some_and(|pid| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists()) {
            let empty = tempfile::tempdir().unwrap();
            say(&format!("lab {lab} was left behind; stopped: {:?}", script(lab, empty.path(), &["stop"])));
        }
    }
}

/// Runs the script on a lab whose hosts' folders are in `state`.
fn script(lab: &str, state: &Path, args: &[&str]) -> Ran {
    let mut command = with_settings(SCRIPT, state);
    command.args(["--lab", lab]).args(args).stdin(Stdio::null());
    finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// A command to which what the user's shell says about other clusters and labs does not matter.
fn with_settings(program: &str, state: &Path) -> Command {
    let mut command = Command::new(program);
    let settings = std::env::vars_os().map(|(name, _)| name);
    settings
        .filter(|name| name.as_encoded_bytes().starts_with(b"GOSSAMER_"))
        .for_each(|name| _ = command.env_remove(name));
    command.env_remove("LAB").env("GOSSAMER", env!("CARGO_BIN_EXE_gossamer"));
    command.env("GOSSAMER_LAB_STATE", state);
    command
}

/// Whether this process may make a lab here; if not, what is wanting.
fn possible() -> Result<(), &'static str> {
    if !rustix::process::geteuid().is_root() {
        return Err("needs root for network namespaces");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |tool: &str| std::env::split_paths(&path).any(|folder| folder.join(tool).exists());
    if !["ip", "tc", "iptables-restore"].into_iter().all(found) {
        return Err("needs root, and tools: apt-get install iproute2 iptables");
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "--uts", "true"]).stderr(Stdio::null());
    match unshare.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err("needs root that may make network namespaces, which this container's may not"),
    }
}
