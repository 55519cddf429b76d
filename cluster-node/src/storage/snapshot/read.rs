//! Reading and checking a snapshot file.

use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use bytes::{Buf, Bytes};
use gossamer_world::files::{Files, Mode};

use super::format::{BLOCK_MAX_BYTES, FIXED_BYTES, FORMAT, MAGIC, META_BYTES, Meta, TRAILER_BYTES, corrupt};
use super::{Snapshot, SnapshotError};

/// Bytes read at once when a whole file is checked.
const PIECE_BYTES: usize = 1 << 20;

/// Opens a file and checks its beginning and end.
pub(super) fn open(files: &dyn Files, path: PathBuf) -> Result<Snapshot, SnapshotError> {
    let file = files.open(&path, Mode::Read)?;
    let bytes = file.len()?;
    let snapshot = Snapshot {
        meta: Meta { at: None, membership_at: None, membership: None, digest: [0; 32] },
        path,
        bytes,
        file,
    };
    let (meta, _) = header(&snapshot)?;
    trailer(&snapshot)?;
    Ok(Snapshot { meta, ..snapshot })
}

/// Checks all of a file against its BLAKE3.
pub(super) fn check(snapshot: &Snapshot) -> Result<(), SnapshotError> {
    let mut checking = Checking::new(snapshot.clone());
    while checking.step()?.is_some() {}
    Ok(())
}

/// A file being checked, piece by piece.
pub struct Checking {
    snapshot: Snapshot,
    offset: u64,
    hasher: blake3::Hasher,
}

impl Checking {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Checking { snapshot, offset: 0, hasher: blake3::Hasher::new() }
    }

    /// Reads the next piece; its bytes, or None once the whole file was found to be sound.
    pub fn step(&mut self) -> Result<Option<u64>, SnapshotError> {
        let (_, hash) = trailer(&self.snapshot)?;
        let end = self.snapshot.bytes - (TRAILER_BYTES - 12) as u64;
        if self.offset < end {
            let length = (end - self.offset).min(PIECE_BYTES as u64);
            self.snapshot.file.drop_cached(self.offset, length);
            self.hasher.update(&exactly(&self.snapshot, self.offset, length as usize)?);
            self.offset += length;
            return Ok(Some(length));
        }
        let sound = self.hasher.finalize() == hash;
        if sound { Ok(None) } else { Err(corrupt(&self.snapshot.path, "its BLAKE3 does not match")) }
    }
}

/// Meta, and the offset of the first block.
fn header(snapshot: &Snapshot) -> Result<(Meta, u64), SnapshotError> {
    let path = &snapshot.path;
    let fixed = exactly(snapshot, 0, FIXED_BYTES)?;
    if !fixed.starts_with(MAGIC) {
        return Err(corrupt(path, "it does not begin as a snapshot does"));
    }
    let (mut format, mut length) = (&fixed[8..12], &fixed[12..16]);
    let (format, length) = (format.get_u32_le(), length.get_u32_le() as usize);
    if length > META_BYTES {
        return Err(corrupt(path, "its header cannot be that long"));
    }
    let header = checked(snapshot, 0, FIXED_BYTES + length, "header")?;
    // After the checksum: a flipped bit does not make a file newer.
    if format > FORMAT {
        return Err(SnapshotError::Newer { file: path.display().to_string(), found: format, known: FORMAT });
    }
    let meta =
        Meta::decode(&header[FIXED_BYTES..]).ok_or_else(|| corrupt(path, "its header makes no sense"))?;
    Ok((meta, (FIXED_BYTES + length + 4) as u64))
}

/// The number of rows, and the BLAKE3 of everything before it.
fn trailer(snapshot: &Snapshot) -> Result<(u64, blake3::Hash), SnapshotError> {
    let start = snapshot.bytes.checked_sub(TRAILER_BYTES as u64);
    let start = start.ok_or_else(|| corrupt(&snapshot.path, "it is too short"))?;
    let mut trailer = checked(snapshot, start, TRAILER_BYTES - 4, "trailer")?;
    if trailer.get_u32_le() != 0 {
        return Err(corrupt(&snapshot.path, "it does not end as a snapshot does"));
    }
    let rows = trailer.get_u64_le();
    let hash = trailer[..].try_into().map_err(|_| corrupt(&snapshot.path, "its trailer makes no sense"))?;
    Ok((rows, blake3::Hash::from_bytes(hash)))
}

/// `length` bytes at `offset`, which are followed by their CRC-32.
fn checked(snapshot: &Snapshot, offset: u64, length: usize, what: &str) -> Result<Bytes, SnapshotError> {
    let mut bytes = exactly(snapshot, offset, length + 4)?;
    let mut crc = bytes.split_off(length);
    if crc32fast::hash(&bytes) == crc.get_u32_le() {
        Ok(bytes)
    } else {
        Err(corrupt(&snapshot.path, format!("the checksum of its {what} at byte {offset} does not match")))
    }
}

fn exactly(snapshot: &Snapshot, offset: u64, length: usize) -> Result<Bytes, SnapshotError> {
    let mut bytes = vec![0; length];
    match snapshot.file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(bytes.into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(corrupt(&snapshot.path, format!("it ends before byte {}", offset + length as u64)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The rows, in order; an error if a block does not match its checksum or rows are missing at the end.
pub(super) struct Rows<'a> {
    snapshot: &'a Snapshot,
    offset: u64,
    block: vec::IntoIter<(Bytes, Bytes)>,
    left: u64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Result<Self, SnapshotError> {
        let (_, offset) = header(snapshot)?;
        let (left, _) = trailer(snapshot)?;
        Ok(Rows { snapshot, offset, block: Vec::new().into_iter(), left })
    }

    fn next_block(&mut self) -> Result<(), SnapshotError> {
        let path = &self.snapshot.path;
        let length = exactly(self.snapshot, self.offset, 4)?.get_u32_le() as usize;
        if length == 0 || length > BLOCK_MAX_BYTES {
            return Err(corrupt(path, format!("no block can begin at byte {}", self.offset)));
        }
        let block = checked(self.snapshot, self.offset, 4 + length, "block")?;
        self.block = rows(block.slice(4..), path)?.into_iter();
        self.offset += 4 + length as u64 + 4;
        Ok(())
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<(Bytes, Bytes), SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if self.block.len() == 0
            && let Err(error) = self.next_block()
        {
            self.left = 0;
            return Some(Err(error));
        }
        self.left -= 1;
        self.block.next().map(Ok)
    }
}

/// The rows of one block. Copies: a key or a value must not keep the whole block alive.
fn rows(mut block: Bytes, path: &Path) -> Result<Vec<(Bytes, Bytes)>, SnapshotError> {
    let short = || corrupt(path, "a row is longer than its block");
    let mut rows = Vec::new();
    while !block.is_empty() {
        let key = block.try_get_u32_le().map_err(|_| short())? as usize;
        let value = block.try_get_u32_le().map_err(|_| short())? as usize;
        let row = block.get(..key + value).ok_or_else(short)?;
        rows.push((Bytes::copy_from_slice(&row[..key]), Bytes::copy_from_slice(&row[key..])));
        block.advance(key + value);
    }
    Ok(rows)
}
