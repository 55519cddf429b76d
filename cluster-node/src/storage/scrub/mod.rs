//! Scrub: a node re-reads everything it holds, slowly, and mends what is not what it wrote.
//!
//! # Layout
//! - [`pass`]: one pass over everything; [`pace`]: how fast; [`mark`]: how far it is, across restarts
//! - [`mend`]: a log segment that is damaged; what else is damaged is mended where it is found
//! - [`progress`]: what others may know of it
//!
//! # Invariants
//! - One small step at a time, each followed by a pause that keeps the rate: who reads and writes never waits for more than
//!   one chunk to be read.
//! - What is mended is first known to be good elsewhere: chunks come from other nodes by their hash, a snapshot from rows that
//!   match their digest, and a log segment goes only once a snapshot covers it.
//!
//! # What it does not guarantee
//! - The segment that the log is being written to, the vote and the identity are looked at by the next start only.

mod mark;
mod mend;
mod pace;
mod pass;
mod progress;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::setting::Setting;
use gossamer_world::World;
use gossamer_world::network::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::catalogue::Catalogue;
use super::extents::Chunks;
use super::log::Log;
use super::snapshot::Snapshots;
use mark::Mark;
use pass::Stop;
pub use progress::{Progress, Standing};

/// How often it is looked whether a pass is due.
const LOOK: Duration = Duration::from_secs(1);
/// Before a pass that could not go on is tried again.
const AGAIN: Duration = Duration::from_secs(60);
/// How often the place is kept.
const KEEP: Duration = Duration::from_secs(60);

/// Makes the log shorter.
pub trait Cut: Send + Sync + 'static {
    /// Begins what is next to be done so that entries up to `index` are not needed any more: a snapshot, or the purge. Called
    /// until they are gone.
    fn towards(&self, index: u64) -> BoxFuture<'_, ()>;
}

/// What is scrubbed, and with what. Cheap to clone.
#[derive(Clone)]
pub struct Scrub {
    /// Files, time, threads.
    pub world: World,
    /// The data folder.
    pub dir: PathBuf,
    /// Compared with its digest; says how often and how fast.
    pub catalogue: Arc<Catalogue>,
    /// Compared with their hashes.
    pub chunks: Arc<Chunks>,
    /// Compared with their checksum.
    pub snapshots: Arc<Snapshots>,
    /// Likewise.
    pub log: Log,
    /// What makes a damaged log segment superfluous.
    pub cut: Arc<dyn Cut>,
    /// Kept fresh.
    pub progress: Arc<Progress>,
    /// Held by the step under way: the last one ends before [`run`] does, and so before the files are closed.
    pub stepping: Arc<Mutex<()>>,
}

/// Scrubs until shutdown. A catalogue that is not what it should be ends it: see [`Progress::failed`].
pub async fn run(scrub: Scrub, shutdown: CancellationToken) {
    let mut mark = scrub.blocking(|scrub| Mark::read(&scrub.world, &scrub.dir)).await;
    scrub.progress.note(&mark);
    let why = tokio::select! {
        () = shutdown.cancelled() => None,
        why = scrub.keep_on(&mut mark) => Some(why),
        () = mend::log(&scrub) => None,
        why = mend::snapshot(&scrub) => Some(why),
    };
    match why {
        Some(why) => scrub.progress.fail(why),
        // Where it was, the next start goes on.
        None => scrub.keep(&mark).await,
    }
}

impl Scrub {
    async fn blocking<T: Send + 'static>(&self, call: impl FnOnce(Scrub) -> T + Send + 'static) -> T {
        let (scrub, step) = (self.clone(), self.stepping.clone().lock_owned().await);
        let call = move || {
            let done = call(scrub);
            drop(step);
            done
        };
        self.world.blocking.run(call).await
    }

    fn every_ms(&self) -> u64 {
        self.catalogue.setting(Setting::ScrubEvery)
    }

    /// One pass after the other; returns why the node must stop.
    async fn keep_on(&self, mark: &mut Mark) -> String {
        loop {
            while mark.at.is_none() && !mark.is_due(self.world.clock.unix_ms(), self.every_ms()) {
                sleep(LOOK).await;
            }
            if mark.at.is_none() {
                mark.begin(self.world.clock.unix_ms());
                self.keep(mark).await;
            }
            match pass::pass(self, mark).await {
                Ok(()) => {
                    mark.finish(self.world.clock.unix_ms());
                    self.keep(mark).await;
                    let took = Duration::from_millis(mark.finished_ms.saturating_sub(mark.begun_ms));
                    tracing::debug!(?took, "everything was read again");
                }
                Err(Stop::Damaged(why)) => return why,
                Err(Stop::Later(why)) => {
                    tracing::warn!(why, "scrubbing pauses");
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// Keeps the place. If that fails the next start begins anew, and loses nothing but time.
    async fn keep(&self, mark: &Mark) {
        self.progress.note(mark);
        let mark = *mark;
        let kept = self.blocking(move |scrub| mark.write(&scrub.world, &scrub.dir)).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "how far the scrub is could not be kept");
        }
    }

    /// Keeps the place if that was not done lately.
    async fn keep_sometimes(&self, mark: &Mark, kept: &mut Instant) {
        if kept.elapsed() >= KEEP {
            *kept = Instant::now();
            self.keep(mark).await;
        }
    }
}
