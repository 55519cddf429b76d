//! The bytes of one file, in sectors, and what they were at the last sync.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes a disk writes as a whole.
const SECTOR: u64 = 512;

type Sector = Box<[u8; SECTOR as usize]>;

/// What a power loss does to sectors that were written and not synced.
#[derive(Clone, Copy)]
pub(super) enum Unsynced {
    Lost,
    /// Each is lost or kept, as the seed decides.
    Torn(u64),
}

/// Sparse: a sector that is not there holds zeros.
pub(super) struct Content {
    sectors: BTreeMap<u64, Sector>,
    length: u64,
    /// Of each sector changed since the last sync: what it held then.
    before: BTreeMap<u64, Option<Sector>>,
    /// The same for sectors that a failed sync left behind: the page cache has them and takes them for clean.
    lost: BTreeMap<u64, Option<Sector>>,
    synced_length: u64,
    /// Bytes used on the whole disk.
    used: Arc<AtomicU64>,
}

impl Content {
    pub(super) fn new(used: Arc<AtomicU64>) -> Self {
        let (sectors, before, lost) = Default::default();
        Content { sectors, length: 0, before, lost, synced_length: 0, used }
    }

    /// What a power loss would leave, as a file of a disk with these bytes used.
    pub(super) fn durable_copy(&self, used: &Arc<AtomicU64>) -> Content {
        let mut copy = Content::new(used.clone());
        copy.sectors = self.sectors.clone();
        copy.before = self.before.clone();
        copy.lost = self.lost.clone();
        copy.synced_length = self.synced_length;
        copy.resize(self.length);
        copy.lose_power(Unsynced::Lost);
        copy
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    pub(super) fn read(&self, into: &mut [u8], offset: u64) -> usize {
        let length = (into.len() as u64).min(self.length.saturating_sub(offset));
        for (sector, within, part) in pieces(offset, length) {
            let target = &mut into[part];
            match self.sectors.get(&sector) {
                Some(held) => target.copy_from_slice(&held[within..within + target.len()]),
                None => target.fill(0),
            }
        }
        length as usize
    }

    pub(super) fn write(&mut self, from: &[u8], offset: u64) {
        for (sector, within, part) in pieces(offset, from.len() as u64) {
            let source = &from[part];
            self.change(sector)[within..within + source.len()].copy_from_slice(source);
        }
        self.resize(self.length.max(offset + from.len() as u64));
    }

    pub(super) fn set_len(&mut self, length: u64) {
        if length < self.length {
            let cut: Vec<u64> = self.sectors.range(length / SECTOR..).map(|(sector, _)| *sector).collect();
            for sector in cut {
                let keep = length.saturating_sub(sector * SECTOR).min(SECTOR) as usize;
                self.change(sector)[keep..].fill(0);
                if keep == 0 {
                    self.sectors.remove(&sector);
                }
            }
        }
        self.resize(length);
    }

    pub(super) fn sync(&mut self) {
        self.before.clear();
        self.synced_length = self.length;
    }

    /// A later sync does not help what is un-synced now; writing it again and syncing that does.
    pub(super) fn fail_sync(&mut self) {
        for (sector, before) in std::mem::take(&mut self.before) {
            self.lost.entry(sector).or_insert(before);
        }
    }

    pub(super) fn lose_power(&mut self, unsynced: Unsynced) {
        self.before.append(&mut self.lost);
        for (sector, before) in std::mem::take(&mut self.before) {
            if matches!(unsynced, Unsynced::Torn(seed) if kept(seed, sector)) {
                continue;
            }
            match before {
                Some(before) => self.sectors.insert(sector, before),
                None => self.sectors.remove(&sector),
            };
        }
        let length = match unsynced {
            Unsynced::Torn(seed) if kept(seed, u64::MAX) => self.length,
            _ => self.synced_length,
        };
        // Cuts off what was kept beyond the length; then the state is what a sync would have left.
        self.set_len(length);
        self.sync();
    }

    pub(super) fn flip(&mut self, offset: u64, mask: u8) -> io::Result<()> {
        if offset >= self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let within = (offset % SECTOR) as usize;
        let sector = self.sectors.entry(offset / SECTOR).or_insert_with(|| Box::new([0; SECTOR as usize]));
        sector[within] ^= mask;
        for unsynced in [&mut self.before, &mut self.lost] {
            if let Some(Some(before)) = unsynced.get_mut(&(offset / SECTOR)) {
                before[within] ^= mask;
            }
        }
        Ok(())
    }

    /// A sector to write to; what it held at the last sync is remembered.
    fn change(&mut self, sector: u64) -> &mut Sector {
        let lost = self.lost.remove(&sector);
        let before = || lost.unwrap_or_else(|| self.sectors.get(&sector).cloned());
        self.before.entry(sector).or_insert_with(before);
        self.sectors.entry(sector).or_insert_with(|| Box::new([0; SECTOR as usize]))
    }

    fn resize(&mut self, length: u64) {
        self.used.fetch_add(length, Ordering::SeqCst);
        self.used.fetch_sub(self.length, Ordering::SeqCst);
        self.length = length;
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.used.fetch_sub(self.length, Ordering::SeqCst);
    }
}

/// A range of bytes by sector: sector number, offset within it, part of the range.
fn pieces(offset: u64, length: u64) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let end = offset + length;
    (offset / SECTOR..end.div_ceil(SECTOR)).filter(move |_| length > 0).map(move |sector| {
        let from = offset.max(sector * SECTOR);
        let to = end.min((sector + 1) * SECTOR);
        (sector, (from % SECTOR) as usize, (from - offset) as usize..(to - offset) as usize)
    })
}

/// The toss of a coin: the finaliser of MurmurHash3 (Appleby 2011).
fn kept(seed: u64, sector: u64) -> bool {
    let mut mixed = seed ^ sector.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (mixed ^ (mixed >> 33)) & 1 == 1
}
