//! The space kept back for log, catalogue and deletes.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::{ChunkError, Chunks, Purpose, locked};

/// How long a look at the file system is good for; what we write in between is accounted for.
const FRESH: Duration = Duration::from_millis(100);

/// What the file system said last, less what was written since.
#[derive(Default)]
pub(super) struct Account(Mutex<Option<(Instant, u64)>>);

impl Chunks {
    /// Refuses what an upload of so many bytes would be refused.
    pub(crate) fn has_room(&self, bytes: u64) -> Result<(), ChunkError> {
        self.claim(bytes, Purpose::Upload)
    }

    /// Refuses `bytes` more if the purpose may not use the reserve and they would.
    pub(super) fn claim(&self, bytes: u64, purpose: Purpose) -> Result<(), ChunkError> {
        let mut account = locked(&self.space.0);
        let now = Instant::now();
        let free = match *account {
            Some((at, free)) if now.duration_since(at) < FRESH => free,
            _ => self.files.space(&self.dir)?.free,
        };
        let refused = purpose != Purpose::Apply && free < self.config.reserve_bytes.saturating_add(bytes);
        let left = if refused { free } else { free.saturating_sub(bytes) };
        let at = account.map(|(at, _)| at).filter(|at| now.duration_since(*at) < FRESH).unwrap_or(now);
        *account = Some((at, left));
        if refused { Err(ChunkError::NoSpace { free, reserve: self.config.reserve_bytes }) } else { Ok(()) }
    }

    /// The error for a failed write: a full disk is one of its own.
    /// Of a write to an open file. Unless it was for want of room the disk has failed, and the node stops: what it cannot store
    /// others may.
    pub(super) fn failed_write(&self, error: io::Error) -> ChunkError {
        let error = self.write_error(error);
        if let ChunkError::Io(error) = &error {
            self.fail(error);
        }
        error
    }

    pub(super) fn write_error(&self, error: io::Error) -> ChunkError {
        if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return error.into();
        }
        let free = self.files.space(&self.dir).map_or(0, |space| space.free);
        ChunkError::NoSpace { free, reserve: self.config.reserve_bytes }
    }
}
