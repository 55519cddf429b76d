//! Opening a log: replays the stream, tells a torn tail from damage, and cuts the one, refuses the other.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use gossamer_world::{Files, World};

use super::past::Past;
use super::record::{Kind, Record};
use super::scan::{Window, after};
use super::segment::{self, Segment, reserve};
use super::state::{Slot, State};
use super::tail::{Begin, Held, Place, Tail, begin};
use super::{Config, OpenError};

/// Opens the log in `dir`, or makes one.
pub(super) fn open(world: &World, dir: &Path, config: &Config) -> Result<(State, Tail), OpenError> {
    let files = &*world.files;
    files.create_dir_durably(dir)?;
    // An earlier process may have died between naming or removing a segment and making that durable.
    files.sync_dir(dir)?;
    let mut segments = segments(files, dir)?;
    if segments.is_empty() {
        let spare = reserve(files, dir, config.segment_bytes)?;
        let at = Begin { sequence: 1, base: 0, room: 0 };
        segments.push(Arc::new(begin(files, &*world.random, dir, spare, &Past::default(), at)?));
    }
    let replay = Replay::of(&segments)?;
    let segment = segments[segments.len() - 1].clone();
    let mut tail = Tail {
        files: world.files.clone(),
        random: world.random.clone(),
        dir: dir.to_owned(),
        segment_bytes: config.segment_bytes,
        offset: replay.end - segment.header.base,
        durable: replay.end,
        last_index: replay.last_indexes.back().copied().flatten(),
        past: replay.past.clone(),
        spare: None,
        segment,
    };
    if replay.settled < replay.end {
        tail.mark()?;
    }
    tail.prepare_spare()?;
    Ok((replay.state(segments), tail))
}

/// The segments in `dir`, in order and without a gap.
fn segments(files: &dyn Files, dir: &Path) -> Result<Vec<Arc<Segment>>, OpenError> {
    let mut sequences: Vec<u64> =
        files.list(dir)?.iter().filter_map(|name| segment::sequence(name)).collect();
    sequences.sort_unstable();
    if let Some(pair) = sequences.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        let file = segment::name(pair[0] + 1);
        return Err(OpenError::Corrupt { file, offset: 0, what: "the segment is missing" });
    }
    sequences.into_iter().map(|sequence| Ok(Arc::new(Segment::open(files, dir, sequence)?))).collect()
}

/// What the records say, one after the other.
#[derive(Default)]
struct Replay {
    past: Past,
    first: u64,
    slots: VecDeque<Slot>,
    /// Highest index in each segment.
    last_indexes: VecDeque<Option<u64>>,
    /// Where the stream ends.
    end: u64,
    /// The highest durable mark.
    marked: u64,
    /// Up to here a mark says that everything before it is durable.
    settled: u64,
}

impl Replay {
    fn of(segments: &[Arc<Segment>]) -> Result<Replay, OpenError> {
        let mut replay = Replay::default();
        for (number, segment) in segments.iter().enumerate() {
            if number == 0 {
                replay.first = segment.header.first_index;
                replay.past.next = replay.first;
            } else if segment.header.base != replay.end {
                // The segment before is durable to its end, or this one would not be.
                let at = replay.end - segments[number - 1].header.base;
                return Err(damaged(&segments[number - 1], at));
            } else if segment.header.first_index != replay.past.next {
                return Err(corrupt(segment, 0, "the segment does not go on where the one before ends"));
            }
            replay.scan(segment)?;
        }
        if let [first, ..] = segments {
            replay.check_start(first)?;
            replay.cut(&segments[segments.len() - 1])?;
        }
        Ok(replay)
    }

    /// Replays one segment up to the first thing that is no record.
    fn scan(&mut self, segment: &Arc<Segment>) -> Result<(), OpenError> {
        let base = segment.header.base;
        let mut window = Window::new(segment);
        let mut offset = segment::HEADER_BYTES;
        self.last_indexes.push_back(None);
        self.marked = self.marked.max(segment.header.durable);
        self.settled = segment.header.durable;
        while let Some((header, record)) = window.record(offset)? {
            self.note(segment, offset, &record)?;
            self.marked = self.marked.max(header.durable);
            offset += header.size();
            if record.kind == Kind::Mark {
                self.settled = base + offset;
            }
        }
        self.end = base + offset;
        Ok(())
    }

    fn note(&mut self, segment: &Arc<Segment>, offset: u64, record: &Record) -> Result<(), OpenError> {
        match record.kind {
            Kind::Entry => {
                let untouched = self.slots.is_empty() && self.past.purged.is_none() && self.past.next == 0;
                if untouched {
                    self.first = record.index;
                } else if record.index != self.past.next {
                    return Err(corrupt(segment, offset, "an entry is out of order"));
                }
                let place = Place { segment: segment.clone(), offset };
                let length = record.payload.len() as u32;
                self.slots.push_back(Slot { number: 0, length, payload: None, place: Some(place) });
                if let Some(last) = self.last_indexes.back_mut() {
                    *last = (*last).max(Some(record.index));
                }
            }
            Kind::Truncate => {
                self.slots.truncate(record.index.saturating_sub(self.first) as usize);
                self.first = self.first.min(record.index);
            }
            Kind::Purge => {
                let gone = (record.index + 1).saturating_sub(self.first).min(self.slots.len() as u64);
                self.slots.drain(..gone as usize);
                self.first = self.first.max(record.index + 1);
            }
            Kind::Vote | Kind::Committed | Kind::Mark => {}
        }
        self.past.note(record);
        Ok(())
    }

    /// Whatever lay before the oldest segment must have been purged.
    fn check_start(&self, oldest: &Segment) -> Result<(), OpenError> {
        let purged = self.past.purged.as_ref().map_or(0, |(upto, _)| upto + 1);
        if oldest.header.sequence > 1 && self.first != purged {
            return Err(corrupt(oldest, 0, "the segments before are missing, with entries not purged"));
        }
        Ok(())
    }

    /// Makes sure that what follows the last record never was durable, and wipes it out.
    ///
    /// What is kept is written once more before it is synced: if an earlier process died of a failed sync, the
    /// page cache may show bytes that are not on the disk, and take them for clean.
    fn cut(&self, newest: &Segment) -> Result<(), OpenError> {
        let base = newest.header.base;
        let rest = after(newest, self.end - base)?;
        if self.end < self.marked.max(rest.marked) {
            return Err(damaged(newest, self.end - base));
        }
        let kept = self.marked.saturating_sub(base)..(self.end - base);
        rewrite(newest, kept, |file, part, offset| file.read_exact_at(part, offset))?;
        if rest.dirty_to > self.end - base {
            tracing::info!(file = newest.name(), from = self.end - base, "cut a torn tail off the log");
            rewrite(newest, (self.end - base)..rest.dirty_to, |_, part, _| {
                part.fill(0);
                Ok(())
            })?;
        }
        newest.file.sync_data()?;
        Ok(())
    }

    fn state(self, segments: Vec<Arc<Segment>>) -> State {
        let held = segments.into_iter().zip(self.last_indexes);
        State {
            vote: self.past.vote,
            committed: self.past.committed,
            purged: self.past.purged,
            first: self.first,
            // Entries read from the disk begin at 0 and are never placed again; new ones count on.
            next_number: 1,
            cached_from: self.first + self.slots.len() as u64,
            slots: self.slots,
            segments: held.map(|(segment, last_index)| Held { segment, last_index }).collect(),
            ..State::default()
        }
    }
}

/// Writes the bytes of a range that `fill` gives, a piece at a time.
fn rewrite(
    segment: &Segment,
    range: Range<u64>,
    fill: impl Fn(&dyn gossamer_world::File, &mut [u8], u64) -> io::Result<()>,
) -> io::Result<()> {
    const PIECE: u64 = 1 << 20;
    let mut buffer = vec![0; range.end.saturating_sub(range.start).min(PIECE) as usize];
    for offset in range.clone().step_by(PIECE as usize) {
        let part = &mut buffer[..(range.end - offset).min(PIECE) as usize];
        fill(&*segment.file, part, offset)?;
        segment.file.write_all_at(part, offset)?;
    }
    Ok(())
}

fn damaged(segment: &Segment, offset: u64) -> OpenError {
    corrupt(segment, offset, "a record that was durable cannot be read")
}

fn corrupt(segment: &Segment, offset: u64, what: &'static str) -> OpenError {
    OpenError::Corrupt { file: segment.name(), offset, what }
}
