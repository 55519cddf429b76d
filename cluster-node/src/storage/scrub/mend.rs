//! What does not wait for the next pass. A damaged log segment is got rid of: once a snapshot covers its entries, they are
//! purged, and the segment goes with them. A snapshot that another node could not use is looked at.

use tokio::time::sleep;

use super::pace::Pace;
use super::pass::{self, Stop};
use super::{LOOK, Scrub};

/// A closed segment of the log that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) sequence: u64,
    /// The highest index in it and all before it; None: there is no entry to purge, and only later ones will take it along.
    pub(super) upto: Option<u64>,
}

/// Waits for damage, and sees to it that it goes. Never ends.
pub(super) async fn log(scrub: &Scrub) {
    let mut damage = scrub.progress.damaged();
    loop {
        // The sender lives as long as `scrub`, which is borrowed here.
        let Ok(found) = damage.wait_for(Option::is_some).await.map(|found| *found) else {
            return std::future::pending().await;
        };
        let Some(Damage { sequence, upto }) = found else { continue };
        while scrub.log.closed().iter().any(|closed| closed.sequence() == sequence) {
            if let Some(index) = upto {
                scrub.cut.towards(index).await;
            }
            sleep(LOOK).await;
        }
        tracing::info!(sequence, "the log no longer needs its damaged segment");
        scrub.progress.segment_is_gone(sequence);
    }
}

/// Waits for a suspicion, and reads the snapshot as fast as a pass would. Ends only with why the node must stop.
pub(super) async fn snapshot(scrub: &Scrub) -> String {
    loop {
        scrub.snapshots.suspected().await;
        match pass::snapshot(scrub, &mut Pace::new()).await {
            Ok(()) => {}
            Err(Stop::Damaged(why)) => return why,
            // Whoever needs it comes again, and suspects it again.
            Err(Stop::Later(why)) => tracing::warn!(why, "the snapshot could not be looked at"),
        }
    }
}
