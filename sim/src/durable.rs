//! Acknowledged means on a majority of disks: looked up on the disks themselves, as a power loss would now leave them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gossamer_cluster_node::storage::catalogue::memory::Memory as Rows;
use gossamer_cluster_node::storage::extents::{self, Chunks};
use gossamer_cluster_node::storage::log::{self, Log};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::EXTENT_BYTES;
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

    /// Checks that a majority of each set of voters holds the log up to what was `acknowledged` just now, and all chunks that
    /// were written there. Not later: a disk may be lost for ever, a file replaced and its chunks collected. The log of a host
    /// that is `damaged` is not looked at: it may have acknowledged a moment ago.
    pub fn check(
        &mut self,
        now: Duration,
        acknowledged: Option<u64>,
        ledger: &Ledger,
        damaged: &[String],
        disks: &BTreeMap<String, Memory>,
        counter: &Counter,
    ) -> Result<()> {
        let due = |_: &u64| now >= self.looked + LOOK_EVERY;
        let Some(index) = acknowledged.filter(due) else { return Ok(()) };
        self.looked = now;
        // Bits that flipped are another fault: what they hit was on the disk.
        let rotten = counter.coverage().0.contains_key("fault: flipped bits in an extent");
        let chunks = if rotten { Vec::new() } else { ledger.chunks(index) };
        for voters in ledger.voters() {
            let mut holders = Vec::new();
            for host in voters.iter().flatten() {
                if damaged.contains(host) || self.reaches(&disks[host], index)? {
                    holders.push(host);
                }
            }
            ensure!(
                holders.len() * 2 > voters.len(),
                "entry {index} was acknowledged, and of {voters:?} only {holders:?} have it on disk"
            );
            if chunks.is_empty() {
                continue;
            }
            let mut holders = Vec::new();
            for host in voters.iter().flatten() {
                if holds(&disks[host], &chunks)? {
                    holders.push(host);
                }
            }
            ensure!(
                holders.len() * 2 > voters.len(),
                "the file of entry {index} was acknowledged, and of {voters:?} only {holders:?} have its chunks on disk"
            );
            counter.happened("chunks checked on a majority of disks");
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

/// Whether all these chunks are on a disk, by what the extents themselves say.
fn holds(disk: &Memory, chunks: &[Hash]) -> Result<bool> {
    let world: World = world::of_host("durable", &disk.durable_copy(), &Wires::default(), 0);
    let settings = extents::Config { extent_bytes: EXTENT_BYTES, reserve_bytes: 0, after_crash: false };
    let opened = Chunks::open(&world, Path::new("/node/extents"), Arc::new(Rows::default()), settings);
    Ok(opened.context("durable extents cannot be opened")?.hold(chunks)?.is_empty())
}
