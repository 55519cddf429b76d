//! Putting, getting and protecting chunks: where extents and index meet.

use std::io;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use gossamer_proto::hash::Hash;
use gossamer_world::files::is_bad_sector;

use super::record::{self, Location, RECORD_HEADER};
use super::rows::Missing;
use super::{ChunkError, Chunks, Purpose, locked, rows};
use crate::storage::catalogue::backend::{BackendError, Batch};

impl Chunks {
    /// Stores a chunk whose hash the caller has checked. Readable at return, durable after `sync`. Already held: no write, but
    /// protected as by [`Chunks::hold`].
    /// `Purpose::Upload` and `Purpose::Repair` respect the reserve; `Purpose::Apply` may use it.
    pub fn put(&self, hash: Hash, data: &Bytes, purpose: Purpose) -> Result<(), ChunkError> {
        if self.hold(&[hash])?.is_empty() {
            return Ok(());
        }
        let appended = self.append(&hash, data, purpose)?;
        let at = appended.0;
        let _guard = self.lock();
        self.indexed(&[appended]);
        if self.locate(&hash)?.is_some() {
            // Somebody else was faster: our record is dead space.
            return Ok(());
        }
        let mut batch: Batch = vec![(rows::of(b'L', &hash), Some(rows::location(&at)))];
        if self.is_referenced(&hash)? {
            // The M row stays until a sync has made the chunk durable: `settle`.
            self.index.repair_due.store(true, Ordering::Relaxed);
        } else {
            batch.push((rows::of(b'U', &hash), Some(rows::number(self.collect_number()))));
        }
        {
            let mut layout = locked(&self.layout);
            layout.gain(&at);
            batch.push((rows::WATERMARK, Some(rows::watermark(layout.watermark()))));
        }
        Ok(self.backend.write(batch)?)
    }

    /// The chunk's bytes, or `None` if it is not held. Checks that the record is the chunk's, not its bytes: who receives them
    /// checks the hash.
    pub fn get(&self, hash: &Hash) -> Result<Option<Bytes>, ChunkError> {
        self.read(hash, false)
    }

    /// Like get, and checks the hash; a mismatch forgets the chunk (and marks it missing if referenced).
    pub fn get_checked(&self, hash: &Hash) -> Result<Option<Bytes>, ChunkError> {
        self.read(hash, true)
    }

    /// Somebody received bytes of this chunk that do not match: reads it again from disk, and forgets it if it is damaged.
    pub fn suspect(&self, hash: &Hash) -> Result<(), ChunkError> {
        match self.get_checked(hash) {
            Ok(_) | Err(ChunkError::Corrupt(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Those of `hashes` it does not hold. Those it holds are protected until the second Collect from now.
    pub fn hold(&self, hashes: &[Hash]) -> Result<Vec<Hash>, ChunkError> {
        self.check()?;
        let _guard = self.lock();
        let now = rows::number(self.collect_number());
        let mut absent = Vec::new();
        let mut batch = Batch::new();
        for hash in hashes {
            if self.locate(hash)?.is_none() {
                absent.push(*hash);
            } else if self.backend.get(&rows::of(b'U', hash))?.is_some_and(|tag| tag != now) {
                batch.push((rows::of(b'U', hash), Some(now.clone())));
            }
        }
        if !batch.is_empty() {
            self.backend.write(batch)?;
        }
        Ok(absent)
    }

    /// Whether it is here. Promises nothing for later: see [`Chunks::hold`].
    pub fn has(&self, hash: &Hash) -> Result<bool, ChunkError> {
        self.check()?;
        Ok(self.locate(hash)?.is_some())
    }

    /// Length of a chunk in bytes, if it is here; reads nothing of it.
    pub fn length(&self, hash: &Hash) -> Result<Option<u64>, ChunkError> {
        self.check()?;
        Ok(self.locate(hash)?.map(|at| u64::from(at.length)))
    }

    /// Up to `limit` chunks, after `after` in the order of hashes, that some record names and that are not here, or not yet
    /// known to be durable.
    pub fn missing(&self, after: Option<Hash>, limit: usize) -> Result<Vec<Hash>, ChunkError> {
        Ok(self.page(b'M', after.as_ref(), limit)?.into_iter().map(|(hash, _)| hash).collect())
    }

    /// Those of `hashes` that are here count as missing no more. Only after a `sync` that began after they were seen here.
    pub(in crate::storage) fn settle(&self, hashes: &[Hash]) -> Result<(), ChunkError> {
        let _guard = self.lock();
        let (mut batch, mut settled) = (Batch::new(), Vec::new());
        for hash in hashes {
            let row = rows::of(b'M', hash);
            if self.locate(hash)?.is_some()
                && let Some(value) = self.backend.get(&row)?
            {
                settled.push(rows::read_missing(&value)?);
                batch.push((row, None));
            }
        }
        self.backend.write(batch)?;
        settled.into_iter().for_each(|chunk| self.counts.health.regain(chunk));
        Ok(())
    }

    /// Up to about `limit` chunks that some record names, after `after`, each once; empty at the end.
    pub(in crate::storage) fn referenced(
        &self,
        after: Option<Hash>,
        limit: usize,
    ) -> Result<Vec<Hash>, BackendError> {
        let mut hashes: Vec<Hash> =
            self.page(b'R', after.as_ref(), limit)?.into_iter().map(|(hash, _)| hash).collect();
        hashes.dedup();
        Ok(hashes)
    }

    /// Whether a record names this chunk, and it is not here.
    pub(in crate::storage) fn is_missing(&self, hash: &Hash) -> Result<bool, BackendError> {
        let _guard = self.lock();
        Ok(self.locate(hash)?.is_none() && self.is_referenced(hash)?)
    }

    fn read(&self, hash: &Hash, check: bool) -> Result<Option<Bytes>, ChunkError> {
        self.check()?;
        let mut stale = None;
        loop {
            let Some(at) = self.locate(hash)? else { return Ok(None) };
            let unreadable = match self.read_record(hash, &at) {
                Ok(Some(data)) if !check || Hash::of(&data) == *hash => return Ok(Some(data)),
                Ok(_) => None,
                // Moved by compaction between our two looks: the index knows where to.
                Err(error) if error.kind() == io::ErrorKind::NotFound && stale != Some(at) => {
                    stale = Some(at);
                    continue;
                }
                Err(error) if is_damage(&error) => Some(error),
                Err(error) => return Err(error.into()),
            };
            tracing::warn!(%hash, extent = at.extent, offset = at.offset, error = ?unreadable, "chunk is damaged on disk");
            if self.forget(hash, &at)? {
                return Err(ChunkError::Corrupt(*hash));
            }
        }
    }

    /// The payload, or `None` if another record stands there, or none.
    pub(super) fn read_record(&self, hash: &Hash, at: &Location) -> io::Result<Option<Bytes>> {
        let file = self.file(at.extent)?;
        let mut record = BytesMut::zeroed(RECORD_HEADER + at.length as usize);
        file.read_exact_at(&mut record, at.offset)?;
        let payload = record.split_off(RECORD_HEADER);
        Ok(record::is_record_of(&record, hash, at.length).then(|| payload.freeze()))
    }

    /// Takes a damaged record out of the index, if the chunk is still there and not elsewhere by now.
    pub(super) fn forget(&self, hash: &Hash, at: &Location) -> Result<bool, ChunkError> {
        let _guard = self.lock();
        if self.locate(hash)? != Some(*at) {
            return Ok(false);
        }
        let mut batch: Batch = vec![(rows::of(b'L', hash), None), (rows::of(b'U', hash), None)];
        let (row, wanted) = (rows::of(b'M', hash), self.is_referenced(hash)?);
        if wanted {
            let bad = Missing { length: at.length, bad: true };
            if let Some(value) = self.backend.get(&row)? {
                // It was here, and not yet durable.
                self.counts.health.drop_wish(rows::read_missing(&value)?);
            }
            batch.push((row, Some(rows::missing(bad))));
            self.counts.health.lose(bad);
        }
        self.backend.write(batch)?;
        self.counts.health.found_bad(wanted);
        locked(&self.layout).lose(at);
        self.index.repair_due.store(true, Ordering::Relaxed);
        Ok(true)
    }

    /// The number of the last Collect that was applied; 0: none was.
    pub(in crate::storage) fn collect_number(&self) -> u64 {
        self.counts.collect.load(Ordering::Relaxed)
    }
}

/// Errors that a second try will not heal, as opposed to too many open files.
pub(super) fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound) || is_bad_sector(error)
}
