//! Reading entries back: from memory, or from the segments with every checksum verified.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use gossamer_world::Blocking;

use super::record::{HEADER_BYTES, Header, Kind};
use super::state::Shared;
use super::tail::Place;

/// Where the bytes of an entry are to be had.
enum Source {
    Memory(Bytes),
    Disk(Place, u32),
}

/// Entries of `range` that exist, in order; stops before the one that would exceed `max_bytes`, the first excepted.
pub(super) async fn read(
    shared: &Shared,
    blocking: Blocking,
    range: Range<u64>,
    max_bytes: usize,
) -> io::Result<Vec<(u64, Bytes)>> {
    let sources = sources(shared, range, max_bytes)?;
    if sources.iter().all(|(_, source)| matches!(source, Source::Memory(_))) {
        return sources.into_iter().map(load).collect();
    }
    blocking.run(move || sources.into_iter().map(load).collect()).await
}

fn sources(shared: &Shared, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(u64, Source)>> {
    let state = shared.alive()?;
    let (start, end) = (range.start.max(state.first), range.end.min(state.next()));
    let (mut sources, mut bytes) = (Vec::new(), 0);
    for index in start..end {
        let slot = &state.slots[(index - state.first) as usize];
        bytes += slot.length as usize;
        if bytes > max_bytes && !sources.is_empty() {
            break;
        }
        let source = match (&slot.payload, &slot.place) {
            (Some(payload), _) => Source::Memory(payload.clone()),
            (None, Some(place)) => Source::Disk(place.clone(), slot.length),
            (None, None) => return Err(io::Error::other("an entry is neither in memory nor on disk")),
        };
        sources.push((index, source));
    }
    Ok(sources)
}

fn load((index, source): (u64, Source)) -> io::Result<(u64, Bytes)> {
    match source {
        Source::Memory(payload) => Ok((index, payload)),
        Source::Disk(place, length) => Ok((index, load_from_disk(&place, index, length)?)),
    }
}

fn load_from_disk(place: &Place, index: u64, length: u32) -> io::Result<Bytes> {
    let segment = &place.segment;
    let start = HEADER_BYTES as usize;
    let mut bytes = vec![0; (start + length as usize).next_multiple_of(super::record::ALIGN as usize)];
    segment.file.read_exact_at(&mut bytes, place.offset)?;
    let header = Header::decode(&bytes, segment.header.nonce).filter(|header| {
        header.kind == Kind::Entry
            && header.index == index
            && header.position == segment.header.base + place.offset
            && header.length == length
            && header.matches(&bytes[start..], segment.header.nonce)
    });
    if header.is_none() {
        let what = format!("{}: entry {index} at byte {} is damaged", segment.name(), place.offset);
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(Bytes::from(bytes).slice(start..start + length as usize))
}
