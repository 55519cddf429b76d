//! What others may know of scrubbing.

use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::watch;

use super::mark::Mark;
use super::mend::Damage;

/// Where scrubbing is. Shared between it and whoever reports.
pub struct Progress {
    state: Mutex<State>,
    failed: watch::Sender<Option<String>>,
    damage: watch::Sender<Option<Damage>>,
}

#[derive(Default)]
struct State {
    standing: Standing,
    /// Segments that were found damaged and are still there.
    bad_segments: u64,
    /// The same of the snapshot.
    bad_snapshot: bool,
}

/// Numbers of a moment; times are Unix times in milliseconds, 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Bytes of the extents that the pass under way has behind it...
    pub done_bytes: u64,
    /// ...and of all of them; 0 if none is under way.
    pub total_bytes: u64,
    /// When the last pass began.
    pub begun_ms: u64,
    /// When the last complete pass ended.
    pub finished_ms: u64,
    /// Snapshots and log segments that were found damaged since the start.
    pub bad: u64,
    /// Those of them that are not needed any more.
    pub healed: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Progress { state: Mutex::default(), failed: watch::channel(None).0, damage: watch::channel(None).0 }
    }
}

impl Progress {
    /// Where it is now.
    pub fn standing(&self) -> Standing {
        // Numbers only: whole whatever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner).standing
    }

    /// Resolves with the reason when the catalogue turned out to be damaged: the node must stop, and its next start builds it
    /// anew.
    pub async fn failed(&self) -> String {
        let mut failed = self.failed.subscribe();
        match failed.wait_for(Option::is_some).await.map(|why| why.clone()) {
            Ok(Some(why)) => why,
            // The sender lives as long as `self`, which is borrowed here.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    pub(super) fn fail(&self, why: String) {
        self.failed.send_replace(Some(why));
    }

    pub(super) fn note(&self, mark: &Mark) {
        self.change(|State { standing, .. }| {
            (standing.begun_ms, standing.finished_ms) = (mark.begun_ms, mark.finished_ms);
            if mark.at.is_none() {
                (standing.done_bytes, standing.total_bytes) = (0, 0);
            }
        });
    }

    /// A log segment is damaged, and perhaps was when it was last looked at.
    pub(super) fn segment_is_bad(&self, damage: Damage) {
        if self.damage.send_replace(Some(damage)).is_none_or(|known| known.sequence != damage.sequence) {
            self.change(|state| {
                state.standing.bad += 1;
                state.bad_segments += 1;
            });
        }
    }

    pub(super) fn damaged(&self) -> watch::Receiver<Option<Damage>> {
        self.damage.subscribe()
    }

    /// The damaged log segment is gone, and all before it. Of no effect if a later one is known to be damaged by now.
    pub(super) fn segment_is_gone(&self, sequence: u64) {
        let gone = |damage: &mut Option<Damage>| damage.take_if(|it| it.sequence == sequence).is_some();
        if self.damage.send_if_modified(gone) {
            self.change(|state| state.standing.healed += std::mem::take(&mut state.bad_segments));
        }
    }

    /// The snapshot is damaged, and perhaps was when it was last looked at.
    pub(super) fn snapshot_is_bad(&self) {
        self.change(|state| {
            state.standing.bad += u64::from(!state.bad_snapshot);
            state.bad_snapshot = true;
        });
    }

    /// The snapshot is what was written.
    pub(super) fn snapshot_is_well(&self) {
        self.change(|state| state.standing.healed += u64::from(std::mem::take(&mut state.bad_snapshot)));
    }

    pub(super) fn is_at(&self, done_bytes: u64, total_bytes: u64) {
        self.change(|state| {
            (state.standing.done_bytes, state.standing.total_bytes) = (done_bytes, total_bytes);
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
