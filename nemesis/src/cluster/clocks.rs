//! Wall clocks that jump. libfaketime, loaded into the process before all else, adds to the time of day what a file says;
//! the monotonic clock stays what it is.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use super::Cluster;
use crate::lab::Host;

/// Where Debian puts it, below a folder for each kind of processor.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

impl Cluster {
    /// Why clocks cannot jump here, if so.
    pub fn clocks_want() -> Option<&'static str> {
        library().is_none().then_some("clocks that jump need libfaketime: apt-get install faketime")
    }

    /// Whether its nodes' clocks can jump.
    pub fn has_clocks(&self) -> bool {
        self.plan.clocks
    }

    /// From now on the wall clock of a host's node is so many seconds ahead.
    pub fn set_clock(&self, host: Host, ahead: i64) -> anyhow::Result<()> {
        let (new, file) = (self.clock(host).with_extension("new"), self.clock(host));
        fs::write(&new, format!("{ahead:+}\n"))?;
        // In one step: who reads it half-written would take it for no time at all.
        fs::rename(&new, &file).with_context(|| file.display().to_string())
    }

    fn clock(&self, host: Host) -> PathBuf {
        self.lab.path(host).join("clock")
    }

    /// What a command line begins with if its program is to have the clock of its host.
    pub(super) fn on_its_clock(&self, host: Host) -> Vec<String> {
        let Some(library) = library().filter(|_| self.plan.clocks) else { return Vec::new() };
        vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", library.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.clock(host).display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            "DONT_FAKE_MONOTONIC=1".to_owned(),
            "NO_FAKE_STAT=1".to_owned(),
        ]
    }
}

fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path().join(LIBRARY));
    folders.into_iter().find(|path| path.exists())
}
