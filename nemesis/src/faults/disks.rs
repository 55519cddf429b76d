//! Disks: without power, with syncs that fail or take their time, without room, with bits that flip.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, ensure};
use rand::Rng;
use rand::seq::IndexedRandom;
use tokio::time::Instant;

use super::{Field, Kind, Undo};
use crate::cluster::{RESERVE_MIB, is_rebuilt};
use crate::disk::Disk;
use crate::lab::Host;

/// What a slow sync takes more.
const SLOW: Duration = Duration::from_millis(200);
/// Within this a node that works must have synced something.
const SYNCS: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// What a node stores, in folders of these names.
const PARTS: [&str; 4] = ["log", "snapshots", "extents", "catalogue"];

impl Field<'_> {
    pub(super) fn break_disks(&mut self, kind: Kind) -> anyhow::Result<Option<Undo>> {
        if kind == Kind::PowerAll {
            let hosts = self.cluster.powered();
            // While the members change, the dead may be more than a majority of the voters for ever.
            if self.is_changing || hosts.iter().any(|host| self.down.contains(host)) {
                return Ok(None);
            }
            for host in &hosts {
                // Once it has no disk it may end by itself, but not before.
                ensure!(self.cluster.runs(*host), "the program of {host} ended before anybody told it to");
            }
            return self.lose_power(hosts).map(Some);
        }
        if kind == Kind::Rot {
            return self.rot();
        }
        let Some((leader, others)) = self.roles().filter(|_| self.can_spare()) else { return Ok(None) };
        let other = others.first().filter(|_| self.random.random());
        let host = other.copied().unwrap_or(leader);
        match kind {
            Kind::PowerOne => self.lose_power(vec![host]).map(Some),
            // Whoever is cut off has nothing to sync.
            _ if self.is_cut => Ok(None),
            Kind::FailSync => self.fail_sync(host).map(Some),
            Kind::SlowSyncs => {
                let (disk, before) = (self.disk(host)?, self.disk(host)?.counts().slowed_syncs);
                disk.slow_syncs(SLOW);
                until("a slow sync", || disk.counts().slowed_syncs > before)?;
                self.down.insert(host);
                Ok(Some(Undo::HealDisk(host)))
            }
            Kind::FullDisk => {
                let disk = self.disk(host)?;
                let mut capacity = u64::MAX;
                self.watch.until("a node that knows that its disk is full", SYNCS, |seen| {
                    // Each time: what the node frees meanwhile, others fill.
                    capacity = capacity.min(disk.used() + (RESERVE_MIB << 20));
                    disk.set_capacity(capacity);
                    seen.report(host).filter(|report| report.disk_free_bytes <= RESERVE_MIB << 20).map(drop)
                })?;
                self.down.insert(host);
                Ok(Some(Undo::HealDisk(host)))
            }
            _ => Ok(None),
        }
    }

    fn disk(&self, host: Host) -> anyhow::Result<&Disk> {
        self.cluster.disk(host).with_context(|| format!("{host} has no disk"))
    }

    fn lose_power(&mut self, hosts: Vec<Host>) -> anyhow::Result<Undo> {
        self.cluster.lose_power(&hosts, &mut self.random)?;
        self.down.extend(&hosts);
        Ok(Undo::PowerOn(hosts))
    }

    /// The node ends itself, unless what failed can be built anew: then it is killed. Perhaps its machine loses its power, too.
    fn fail_sync(&mut self, host: Host) -> anyhow::Result<Undo> {
        let (n, power_fails) = (self.random.random_range(1..20), self.random.random());
        let disk = self.disk(host)?;
        disk.fail_sync(n);
        until("a sync to fail", || disk.failed_sync().is_some())?;
        let file = disk.failed_sync().context("no sync failed")?;
        let process = self.cluster.node(host)?;
        if is_rebuilt(&file) {
            process.begin_kill()?;
        }
        eprintln!("          the sync of {} of {host}", file.display());
        process.ended().with_context(|| format!("{host}, whose sync failed"))?;
        self.down.insert(host);
        if power_fails {
            return self.lose_power(vec![host]);
        }
        Ok(Undo::StartNodes(vec![host]))
    }

    pub(super) fn heal_disk(&mut self, host: Host) {
        if let Some(disk) = self.cluster.disk(host) {
            disk.set_capacity(0);
            disk.heal();
        }
        self.down.remove(&host);
    }

    /// A few bits in one file of the one machine whose disk rots, while its node does not run.
    fn rot(&mut self) -> anyhow::Result<Option<Undo>> {
        let host = self.rotten;
        if !self.is_whole() {
            return Ok(None);
        }
        self.cluster.node(host)?.kill()?;
        let disk = self.cluster.disk(host).with_context(|| format!("{host} has no disk"))?;
        let part = *PARTS.choose(&mut self.random).unwrap_or(&PARTS[0]);
        let written: Vec<_> =
            disk.files()?.into_iter().filter_map(|(file, _)| written(disk, &file)).collect();
        let there = |it: &&(PathBuf, u64)| it.0.components().any(|name| name.as_os_str() == part);
        let of_part: Vec<_> = written.iter().filter(there).collect();
        let all: Vec<_> = written.iter().collect();
        // Not every part is there at once: a young node has no snapshot.
        let (file, length) =
            of_part.choose(&mut self.random).or_else(|| all.choose(&mut self.random)).context("no file")?;
        for _ in 0..self.random.random_range(1..4) {
            let offset = self.random.random_range(0..*length);
            disk.flip(file, offset, 1 << self.random.random_range(0..8))?;
            eprintln!("          a bit at {offset} of {length} in {} of {host}", file.display());
        }
        (self.is_changing, _) = (true, self.down.insert(host));
        Ok(Some(Undo::StartNodes(vec![host])))
    }
}

/// A file, and its length as far as something but zeros is in it, bytes; None if there is nothing, or if it belongs to none
/// of the parts.
fn written(disk: &Disk, file: &Path) -> Option<(PathBuf, u64)> {
    let is_part = file.components().any(|name| PARTS.iter().any(|part| name.as_os_str() == *part));
    let bytes = is_part.then(|| fs::read(disk.path().join(file.strip_prefix("/").ok()?)).ok()).flatten()?;
    Some((file.to_owned(), bytes.iter().rposition(|byte| *byte != 0)? as u64 + 1))
}

fn until(what: &str, is_so: impl Fn() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !is_so() {
        ensure!(begun.elapsed() < SYNCS, "waited {SYNCS:?} for {what}");
        sleep(LOOK_EVERY);
    }
    Ok(())
}
