//! fdatasync, shared by all who ask at the same time, and what happens when it fails.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use gossamer_world::File;
use tokio::sync::watch;

use super::{ChunkError, Chunks, locked};

/// What is written and not yet durable.
pub(super) struct Syncing {
    state: Mutex<State>,
    round_over: Condvar,
    failed: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct State {
    dirty: BTreeMap<u64, Arc<dyn File>>,
    /// An extent was made since the directory was synced.
    new_names: bool,
    /// The lowest extent of the round that is running.
    running: Option<u64>,
    started: u64,
    finished: u64,
}

impl Default for Syncing {
    fn default() -> Self {
        let (failed, _) = watch::channel(None);
        Syncing { state: Mutex::default(), round_over: Condvar::new(), failed }
    }
}

impl Syncing {
    pub(super) fn wrote(&self, extent: u64, file: &Arc<dyn File>) {
        locked(&self.state).dirty.entry(extent).or_insert_with(|| Arc::clone(file));
    }

    pub(super) fn began(&self, extent: u64, file: &Arc<dyn File>) {
        self.wrote(extent, file);
        locked(&self.state).new_names = true;
    }

    /// An extent whose bytes nobody needs any more.
    pub(super) fn forget(&self, extent: u64) {
        locked(&self.state).dirty.remove(&extent);
    }

    /// The lowest extent that may hold bytes that are not durable.
    pub(super) fn first_unsynced(&self) -> Option<u64> {
        let state = locked(&self.state);
        let dirty = state.dirty.first_key_value().map(|(extent, _)| *extent);
        [dirty, state.running].into_iter().flatten().min()
    }
}

impl Chunks {
    /// fdatasync of everything put before the call. A failure is final: the node stops.
    ///
    /// Callers that come while a sync runs share the next one.
    pub fn sync(&self) -> Result<(), ChunkError> {
        self.check()?;
        let mut state = locked(&self.syncing.state);
        // A running round began after the writes whose files it took: what is not dirty any more is covered by it.
        let needed = if state.dirty.is_empty() { state.started } else { state.started + 1 };
        while state.finished < needed {
            if state.running.is_some() {
                state = self.syncing.round_over.wait(state).unwrap_or_else(PoisonError::into_inner);
                self.check()?;
            } else {
                state = self.round(state)?;
            }
        }
        self.check()
    }

    fn round<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>, ChunkError> {
        let dirty = std::mem::take(&mut state.dirty);
        let new_names = std::mem::take(&mut state.new_names);
        state.running = Some(dirty.first_key_value().map_or(u64::MAX, |(extent, _)| *extent));
        state.started += 1;
        let round = state.started;
        drop(state);
        let mut synced = dirty.values().try_for_each(|file| file.sync_data());
        if synced.is_ok() && new_names {
            synced = self.files.sync_dir(&self.dir);
        }
        if let Err(error) = &synced {
            self.fail(error);
        }
        let mut state = locked(&self.syncing.state);
        state.running = None;
        state.finished = round;
        self.syncing.round_over.notify_all();
        self.check()?;
        Ok(state)
    }

    /// Resolves when a write or a sync has failed: the node must stop, and never tries again.
    pub async fn failed(&self) -> io::Error {
        let mut failed = self.syncing.failed.subscribe();
        match failed.wait_for(Option::is_some).await {
            Ok(why) => io::Error::other(why.clone().unwrap_or_default()),
            // The sender lives as long as `self`, which is borrowed here.
            Err(closed) => io::Error::other(closed),
        }
    }

    pub(super) fn fail(&self, error: &io::Error) {
        tracing::error!(%error, dir = %self.dir.display(), "extents cannot be written or synced: storage stops");
        self.syncing.failed.send_if_modified(|failed| {
            let first = failed.is_none();
            failed.get_or_insert_with(|| error.to_string());
            first
        });
    }

    /// Fails if a write or a sync has failed before.
    pub(super) fn check(&self) -> Result<(), ChunkError> {
        match &*self.syncing.failed.borrow() {
            Some(why) => Err(ChunkError::Failed(why.clone())),
            None => Ok(()),
        }
    }
}
