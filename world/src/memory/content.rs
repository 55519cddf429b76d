//! The bytes of one file, and what they were at the last sync.
//!
//! Held in pages, but kept or lost by the sector.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes a disk writes as a whole.
const SECTOR: u64 = 512;
/// Bytes held together: as many sectors as [`Before::sectors`] has bits.
const PAGE: u64 = 8 * SECTOR;

type Page = Box<[u8; PAGE as usize]>;

/// What a power loss does to sectors that were written and not synced.
#[derive(Clone, Copy)]
pub(super) enum Unsynced {
    Lost,
    /// Each is lost or kept, as the seed decides.
    Torn(u64),
}

/// Sparse: a page that is not there holds zeros.
pub(super) struct Content {
    pages: BTreeMap<u64, Page>,
    length: u64,
    /// Of each page changed since the last sync: what it held then.
    before: BTreeMap<u64, Before>,
    /// The same for sectors that a failed sync left behind: the page cache has them and takes them for clean.
    lost: BTreeMap<u64, Before>,
    synced_length: u64,
    /// Bytes used on the whole disk.
    used: Arc<AtomicU64>,
}

/// Sectors of a page as they were.
#[derive(Clone, Default)]
struct Before {
    /// Which: bit 0 is the first one.
    sectors: u8,
    /// Their bytes, among others that mean nothing; all zeros if there is none.
    page: Option<Page>,
}

impl Content {
    pub(super) fn new(used: Arc<AtomicU64>) -> Self {
        let (pages, before, lost) = Default::default();
        Content { pages, length: 0, before, lost, synced_length: 0, used }
    }

    /// What a power loss would leave, as a file of a disk with these bytes used.
    pub(super) fn durable_copy(&self, used: &Arc<AtomicU64>) -> Content {
        let mut copy = Content::new(used.clone());
        copy.pages = self.pages.clone();
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
        for (number, within, part) in pieces(offset, length) {
            let target = &mut into[part];
            match self.pages.get(&number) {
                Some(held) => target.copy_from_slice(&held[within]),
                None => target.fill(0),
            }
        }
        length as usize
    }

    pub(super) fn write(&mut self, from: &[u8], offset: u64) {
        for (number, within, part) in pieces(offset, from.len() as u64) {
            self.change(number, sectors(&within))[within].copy_from_slice(&from[part]);
        }
        self.resize(self.length.max(offset + from.len() as u64));
    }

    pub(super) fn set_len(&mut self, length: u64) {
        if length < self.length {
            let cut: Vec<u64> = self.pages.range(length / PAGE..).map(|(number, _)| *number).collect();
            for number in cut {
                let gone = length.saturating_sub(number * PAGE).min(PAGE) as usize..PAGE as usize;
                self.change(number, sectors(&gone))[gone.clone()].fill(0);
                if gone.start == 0 {
                    self.pages.remove(&number);
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
        for (number, before) in std::mem::take(&mut self.before) {
            self.lost.entry(number).or_default().keep(before.sectors, before.page.as_ref());
        }
    }

    /// Returns how many bytes were lost.
    pub(super) fn lose_power(&mut self, unsynced: Unsynced) -> u64 {
        let mut lost = 0;
        let before = std::mem::take(&mut self.before).into_iter();
        for (number, before) in before.chain(std::mem::take(&mut self.lost)) {
            let is_lost = |sector: &usize| match unsynced {
                Unsynced::Lost => true,
                Unsynced::Torn(seed) => !kept(seed, number * (PAGE / SECTOR) + *sector as u64),
            };
            for sector in bits(before.sectors).filter(is_lost) {
                lost += SECTOR;
                let page = self.pages.entry(number).or_insert_with(zeros);
                copy(page, before.page.as_ref(), sector);
            }
        }
        let length = match unsynced {
            Unsynced::Torn(seed) if kept(seed, u64::MAX) => self.length,
            _ => self.synced_length,
        };
        // Cuts off what was kept beyond the length; then the state is what a sync would have left.
        self.set_len(length);
        self.sync();
        lost
    }

    pub(super) fn flip(&mut self, offset: u64, mask: u8) -> io::Result<()> {
        if offset >= self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (number, within) = (offset / PAGE, (offset % PAGE) as usize);
        self.pages.entry(number).or_insert_with(zeros)[within] ^= mask;
        for unsynced in [&mut self.before, &mut self.lost] {
            if let Some(Before { page: Some(page), .. }) = unsynced.get_mut(&number) {
                page[within] ^= mask;
            }
        }
        Ok(())
    }

    /// A page to write these sectors of; what they held at the last sync is remembered.
    fn change(&mut self, number: u64, sectors: u8) -> &mut Page {
        let before = self.before.entry(number).or_default();
        let clean = sectors & !before.sectors;
        // Of sectors that a failed sync left behind: what they held before that.
        let mut left = 0;
        if let Some(lost) = self.lost.get_mut(&number) {
            left = clean & lost.sectors;
            before.keep(left, lost.page.as_ref());
            lost.sectors &= !left;
            if lost.sectors == 0 {
                self.lost.remove(&number);
            }
        }
        before.keep(clean & !left, self.pages.get(&number));
        self.pages.entry(number).or_insert_with(zeros)
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

impl Before {
    /// Adds sectors, which it has not yet, with what a page holds of them.
    fn keep(&mut self, sectors: u8, from: Option<&Page>) {
        self.sectors |= sectors;
        if sectors == 0 || (self.page.is_none() && from.is_none()) {
            return;
        }
        let page = self.page.get_or_insert_with(zeros);
        bits(sectors).for_each(|sector| copy(page, from, sector));
    }
}

fn zeros() -> Page {
    Box::new([0; PAGE as usize])
}

fn copy(into: &mut Page, from: Option<&Page>, sector: usize) {
    let range = sector * SECTOR as usize..(sector + 1) * SECTOR as usize;
    match from {
        Some(from) => into[range.clone()].copy_from_slice(&from[range]),
        None => into[range].fill(0),
    }
}

/// The positions of the bits that are set.
fn bits(sectors: u8) -> impl Iterator<Item = usize> {
    (0..8).filter(move |sector| sectors & (1 << sector) != 0)
}

/// The sectors that a range within a page touches.
fn sectors(within: &Range<usize>) -> u8 {
    let (first, end) = (within.start / SECTOR as usize, within.end.div_ceil(SECTOR as usize));
    (((1u16 << end) - 1) & !((1u16 << first) - 1)) as u8
}

/// A range of bytes by page: page number, range within it, part of the range.
fn pieces(offset: u64, length: u64) -> impl Iterator<Item = (u64, Range<usize>, Range<usize>)> {
    let end = offset + length;
    (offset / PAGE..end.div_ceil(PAGE)).filter(move |_| length > 0).map(move |number| {
        let (from, to) = (offset.max(number * PAGE), end.min((number + 1) * PAGE));
        let start = (from % PAGE) as usize;
        (number, start..start + (to - from) as usize, (from - offset) as usize..(to - offset) as usize)
    })
}

/// The toss of a coin: the finaliser of MurmurHash3 (Appleby 2011).
fn kept(seed: u64, sector: u64) -> bool {
    let mut mixed = seed ^ sector.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (mixed ^ (mixed >> 33)) & 1 == 1
}
