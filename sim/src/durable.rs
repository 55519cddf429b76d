//! Acknowledged means on a majority of disks: looked up on the disks themselves, as a power loss would now leave them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gossamer_cluster_node::storage::log::{self, Log};
use gossamer_world::World;
use gossamer_world::memory::Memory;
use tokio::runtime::{Builder, Runtime};

use crate::coverage::Counter;
use crate::host::SEGMENT_BYTES;
use crate::ledger::Ledger;
use crate::world::{self, Wires};

/// Not more often: each look reads whole logs.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks.
pub struct Durable {
    runtime: Runtime,
    looked: Duration,
}

impl Durable {
    /// Has not looked yet.
    pub fn new() -> Result<Self> {
        Ok(Durable { runtime: Builder::new_current_thread().build()?, looked: Duration::ZERO })
    }

    /// Checks that a majority of each set of voters holds the log up to `index`, which was just acknowledged.
    pub fn check(
        &mut self,
        now: Duration,
        index: u64,
        ledger: &Ledger,
        disks: &BTreeMap<String, Memory>,
        counter: &Counter,
    ) -> Result<()> {
        if now < self.looked + LOOK_EVERY {
            return Ok(());
        }
        self.looked = now;
        for voters in ledger.voters() {
            let mut holders = Vec::new();
            for host in voters.iter().flatten() {
                if self.reaches(&disks[host], index)? {
                    holders.push(host);
                }
            }
            ensure!(
                holders.len() * 2 > voters.len(),
                "entry {index} was acknowledged, and of {voters:?} only {holders:?} have it on disk"
            );
        }
        counter.happened("entry checked on a majority of disks");
        Ok(())
    }

    fn reaches(&self, disk: &Memory, index: u64) -> Result<bool> {
        let world: World = world::of_host("durable", &disk.durable_copy(), &Wires::default(), 0);
        let config = log::Config { segment_bytes: SEGMENT_BYTES, cache_bytes: 1 << 20 };
        let dir = Path::new("/node/log");
        if !world.files.exists(dir).unwrap_or(false) {
            return Ok(false);
        }
        let opened = self.runtime.block_on(async { Log::open(&world, dir, config).await });
        match opened {
            Ok(log) => Ok(log.indexes().end > index),
            // The disk on which bits are flipped.
            Err(log::OpenError::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error).context("a durable log cannot be opened"),
        }
    }
}
