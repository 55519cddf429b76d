//! Hosts on a LAN of their own, as `deploy/lan-lab/lab` makes them: the script, called from Rust.

mod cables;
mod inside;
mod packets;
mod process;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

pub use cables::Cables;
pub use inside::Inside;
pub use packets::{Tally, Weather};
pub use process::Process;

/// The script.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/lan-lab/lab");

/// A host of a lab, by its number: `h1` is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host(pub u8);

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h{}", self.0)
    }
}

/// A lab; stopped, with all that runs in it, when dropped.
pub struct Lab {
    name: String,
    /// The first three numbers of its addresses.
    net: String,
    /// The hosts' folders are in it.
    folder: PathBuf,
    program: PathBuf,
}

impl Lab {
    /// Why there can be no lab here, if so.
    pub fn wanting() -> Option<&'static str> {
        if !rustix::process::geteuid().is_root() {
            return Some("needs root for network namespaces");
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = |tool: &str| std::env::split_paths(&path).any(|folder| folder.join(tool).exists());
        if !["ip", "tc", "iptables-restore", "unshare"].into_iter().all(found) {
            return Some("needs tools: apt-get install iproute2 iptables util-linux");
        }
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "--mount", "--uts", "true"]).stderr(Stdio::null());
        match unshare.status() {
            Ok(status) if status.success() => None,
            _ => Some("needs root that may make network namespaces, which this container's may not"),
        }
    }

    /// Makes `hosts` hosts with addresses that begin with `net`, as in `10.77.0`; their folders go into `folder`, and
    /// `program` is the `gossamer` that runs in them.
    pub fn start(name: &str, net: &str, hosts: u8, folder: &Path, program: &Path) -> anyhow::Result<Lab> {
        let program = fs::canonicalize(program)
            .with_context(|| format!("no program at {}: cargo build -p gossamer", program.display()))?;
        let lab = Lab { name: name.to_owned(), net: net.to_owned(), folder: folder.to_owned(), program };
        lab.call(&["start", &hosts.to_string(), "--net", &format!("{net}.0/24")])?;
        Ok(lab)
    }

    /// A command of the script; returns what it prints.
    pub fn call(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(SCRIPT);
        // What the user's shell says about other clusters and labs does not matter.
        let settings = std::env::vars_os().map(|(name, _)| name);
        settings
            .filter(|name| name.as_encoded_bytes().starts_with(b"GOSSAMER_"))
            .for_each(|name| _ = command.env_remove(name));
        command.env_remove("LAB").env("GOSSAMER", &self.program).env("GOSSAMER_LAB_STATE", &self.folder);
        command.args(["--lab", &self.name]).args(args).stdin(Stdio::null());
        let ran = command.output().with_context(|| format!("{SCRIPT} cannot be run"))?;
        if !ran.status.success() {
            bail!("lab {args:?}: {}", String::from_utf8_lossy(&ran.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
    }

    /// Starts a program in the background in a host, with a log; it has a name there.
    pub fn spawn(&self, host: Host, name: &str, words: &[&str]) -> anyhow::Result<()> {
        let host = host.to_string();
        self.call(&[&["spawn", &host, name], words].concat()).map(drop)
    }

    /// The process of that name that was started last in a host.
    pub fn process(&self, host: Host, name: &str) -> anyhow::Result<Process> {
        let file = self.path(host).join("run").join(format!("{name}.pid"));
        let pid = fs::read_to_string(&file).with_context(|| format!("{name} never ran in {host}"))?;
        Ok(Process::new(pid.trim().parse()?))
    }

    /// What a program in the background has said so far.
    pub fn log(&self, host: Host, name: &str) -> String {
        let file = self.path(host).join("log").join(format!("{name}.log"));
        fs::read(file).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    /// A host's folder: `data`, `log` and more.
    pub fn path(&self, host: Host) -> PathBuf {
        self.folder.join(&self.name).join(host.to_string())
    }

    /// A host's address.
    pub fn address(&self, host: Host) -> String {
        format!("{}.{}", self.net, host.0)
    }

    /// The name of a host's network namespace.
    pub fn space(&self, host: Host) -> String {
        format!("gsm-{}-{host}", self.name)
    }

    /// A host's address on the cable, which no renumbering changes.
    pub fn mac(host: Host) -> String {
        format!("02:67:73:6d:00:{:02x}", host.0)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = self.call(&["stop"]) {
            eprintln!("{error:#}");
        }
    }
}
