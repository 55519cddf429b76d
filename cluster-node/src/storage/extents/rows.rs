//! Keys and values of the rows that belong to chunks. All are local to the node: neither in digest nor snapshot.
//!
//! | key | value | |
//! | --- | --- | --- |
//! | `L` hash | extent, offset, length | where a chunk is |
//! | `R` hash version ordinal | | a record names this chunk |
//! | `U` hash | collect number | held, and no record names it |
//! | `M` hash | length, 1 if it was here and bad | named, and not here or not yet durable |
//! | `X` version ordinal hash | kind, position | a hash list to be expanded into references, or to be taken back |
//! | `W` | extent, offset | every record before this place is in the index |
//! | `C` | number | the highest Collect applied |

use bytes::{BufMut, Bytes, BytesMut};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;

use super::Owner;
use super::record::Location;
use crate::storage::catalogue::backend::BackendError;

pub(super) const WATERMARK: Bytes = Bytes::from_static(b"W");
pub(super) const COLLECT: Bytes = Bytes::from_static(b"C");

/// What is to be done with a hash list, and how many of its hashes are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    Reference(u32),
    Dereference(u32),
}

/// A chunk that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// Bytes, at most.
    pub(super) length: u32,
    /// It was here, and not what was written.
    pub(super) bad: bool,
}

impl Missing {
    /// One that was never here. A chunk is at most [`CHUNK_BYTES`] long.
    pub(super) fn new(length: usize) -> Self {
        Missing { length: length.min(CHUNK_BYTES) as u32, bad: false }
    }
}

/// The key of a row that has one hash: kinds L, U, M.
pub(super) fn of(kind: u8, hash: &Hash) -> Bytes {
    let mut key = BytesMut::with_capacity(33);
    key.put_u8(kind);
    key.put_slice(hash.as_bytes());
    key.freeze()
}

/// Where to go on after the rows of `after`: at the kind's first row if `None`.
pub(super) fn beyond(kind: u8, after: Option<&Hash>) -> Bytes {
    let mut key = BytesMut::with_capacity(34);
    key.put_u8(kind);
    if let Some(hash) = after {
        // Longer than any hash-only key; for R rows, whose keys go on after the hash, beyond the highest version.
        key.put_slice(hash.as_bytes());
        key.put_bytes(0xff, 13);
    }
    key.freeze()
}

/// The first key after all rows of a kind.
pub(super) fn end(kind: u8) -> [u8; 1] {
    [kind + 1]
}

pub(super) fn reference(hash: &Hash, owner: Owner) -> Bytes {
    let mut key = BytesMut::with_capacity(45);
    key.put_u8(b'R');
    key.put_slice(hash.as_bytes());
    key.put_u64(owner.version);
    key.put_u32(owner.ordinal);
    key.freeze()
}

pub(super) fn list(owner: Owner, hash: &Hash) -> Bytes {
    let mut key = BytesMut::with_capacity(45);
    key.put_u8(b'X');
    key.put_u64(owner.version);
    key.put_u32(owner.ordinal);
    key.put_slice(hash.as_bytes());
    key.freeze()
}

/// The hash in the key of an L, R, U or M row.
pub(super) fn hash_of(key: &[u8]) -> Result<Hash, BackendError> {
    key.get(1..33).and_then(|hash| Hash::try_from(hash).ok()).ok_or_else(|| broken("a key without a hash"))
}

/// The owner in the key of an R row.
pub(super) fn owner_of(key: &[u8]) -> Result<Owner, BackendError> {
    owner_at(key, 33)
}

/// Owner and hash in the key of an X row.
pub(super) fn owner_and_list(key: &[u8]) -> Result<(Owner, Hash), BackendError> {
    let hash = key.get(13..45).and_then(|hash| Hash::try_from(hash).ok());
    Ok((owner_at(key, 1)?, hash.ok_or_else(|| broken("a list without its hash"))?))
}

pub(super) fn number(value: u64) -> Bytes {
    Bytes::copy_from_slice(&value.to_be_bytes())
}

pub(super) fn read_number(value: &[u8]) -> Result<u64, BackendError> {
    value.try_into().map(u64::from_be_bytes).map_err(|_| broken("a number"))
}

pub(super) fn location(at: &Location) -> Bytes {
    let mut value = BytesMut::with_capacity(20);
    value.put_u64(at.extent);
    value.put_u64(at.offset);
    value.put_u32(at.length);
    value.freeze()
}

pub(super) fn read_location(value: &[u8]) -> Result<Location, BackendError> {
    if value.len() != 20 {
        return Err(broken("a location"));
    }
    let length = value[16..].try_into().map(u32::from_be_bytes).map_err(|_| broken("a location"))?;
    Ok(Location { extent: read_number(&value[..8])?, offset: read_number(&value[8..16])?, length })
}

pub(super) fn missing(chunk: Missing) -> Bytes {
    let mut value = BytesMut::with_capacity(5);
    value.put_u32(chunk.length);
    value.put_u8(u8::from(chunk.bad));
    value.freeze()
}

pub(super) fn read_missing(value: &[u8]) -> Result<Missing, BackendError> {
    if value.is_empty() {
        // Of a version that did not note more.
        return Ok(Missing::new(CHUNK_BYTES));
    }
    let (bad, length) = value.split_last().ok_or_else(|| broken("a missing chunk"))?;
    let length = length.try_into().map(u32::from_be_bytes).map_err(|_| broken("a missing chunk"))?;
    Ok(Missing { length, bad: *bad != 0 })
}

pub(super) fn watermark(at: (u64, u64)) -> Bytes {
    let mut value = BytesMut::with_capacity(16);
    value.put_u64(at.0);
    value.put_u64(at.1);
    value.freeze()
}

pub(super) fn read_watermark(value: &[u8]) -> Result<(u64, u64), BackendError> {
    if value.len() != 16 {
        return Err(broken("the watermark"));
    }
    Ok((read_number(&value[..8])?, read_number(&value[8..])?))
}

pub(super) fn listed(state: Listed) -> Bytes {
    let (kind, done) = match state {
        Listed::Reference(done) => (b'+', done),
        Listed::Dereference(done) => (b'-', done),
    };
    let mut value = BytesMut::with_capacity(5);
    value.put_u8(kind);
    value.put_u32(done);
    value.freeze()
}

pub(super) fn read_listed(value: &[u8]) -> Result<Listed, BackendError> {
    let done = value.get(1..5).and_then(|done| done.try_into().ok()).map(u32::from_be_bytes);
    match (value.first(), done) {
        (Some(b'+'), Some(done)) => Ok(Listed::Reference(done)),
        (Some(b'-'), Some(done)) => Ok(Listed::Dereference(done)),
        _ => Err(broken("the state of a hash list")),
    }
}

fn owner_at(key: &[u8], at: usize) -> Result<Owner, BackendError> {
    let bytes = key.get(at..at + 12).ok_or_else(|| broken("a key without an owner"))?;
    let ordinal =
        bytes[8..].try_into().map(u32::from_be_bytes).map_err(|_| broken("a key without an owner"))?;
    Ok(Owner { version: read_number(&bytes[..8])?, ordinal })
}

fn broken(what: &str) -> BackendError {
    BackendError::Row(what.to_owned())
}
