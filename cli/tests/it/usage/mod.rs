//! What users type and what they get back, good input and bad. Most tests share one cluster.

mod changing;
mod conditions;
mod copying;
mod dev;
mod doctor;
mod fill;
mod finding;
mod folders;
mod full;
mod gets;
mod interrupt;
mod json;
mod listing;
mod manual;
mod names;
mod refusals;
mod removing;
mod sizes;
mod stat;
mod status;

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::cluster::{Cluster, Ran, finish, gossamer};

/// Three nodes, which tests share as long as one of them runs. Not simply a static: those are never dropped, and
/// the processes would outlive the tests.
fn shared() -> Arc<Cluster> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let cluster = Arc::new(Cluster::start(3));
        *shared = Arc::downgrade(&cluster);
        cluster
    })
}

/// A user: a folder of their own, in which their commands run, and the shared cluster.
pub(crate) struct User {
    pub(crate) cluster: Arc<Cluster>,
    dir: TempDir,
}

impl User {
    pub(crate) fn new() -> Self {
        User { cluster: shared(), dir: tempfile::tempdir().unwrap() }
    }

    /// A path in the user's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What there is in the user's folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A command that is not started yet; its output will be piped.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = gossamer();
        command.env("GOSSAMER_QUEUE", self.cluster.queue_addrs()).args(args).current_dir(self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        finish(self.command(args).spawn().unwrap())
    }

    /// The same with standard input from a pipe.
    pub(crate) fn feed<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // A command that fails early reads no further: its exit code tells.
            scope.spawn(move || pipe.write_all(input));
            finish(child)
        })
    }
}

/// Runs a command that belongs to no cluster.
fn run(args: &[&str]) -> Ran {
    let mut command = gossamer();
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap())
}

impl Ran {
    /// Asserts a failure: its exit code, nothing on standard output, and a word that its text must have.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, word: &str) -> Ran {
        let ran = self.exit(code);
        assert_eq!(ran.text(), "", "standard output is data");
        assert!(ran.stderr.contains(word), "{word:?} is not in {:?}", ran.stderr);
        ran
    }
}
