//! Keeping the log bounded in bytes: openraft counts entries only, and they have between 20 bytes and 2 MiB.

use std::time::Duration;

use openraft::async_runtime::WatchReceiver;

use super::start::Compaction;
use super::types::Raft;
use crate::storage::log::Log;

/// How often the size is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Does what is next to be done so that the log begins behind `index`: a snapshot that covers it, then the purge. Who needs it
/// gone calls until it is.
pub(super) async fn towards(raft: &Raft, index: u64) {
    let (applied, snapshot) = {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        (metrics.last_applied.map(|id| id.index), metrics.snapshot.map(|id| id.index))
    };
    let done = if snapshot >= Some(index) {
        raft.trigger().purge_log(index).await
    } else if applied >= Some(index) {
        raft.trigger().snapshot().await
    } else {
        Ok(())
    };
    if let Err(error) = done {
        tracing::debug!(%error, "the log is not cut: raft has ended");
    }
}

/// While the log is larger than it should be: takes a snapshot and cuts what it covers, but for half of the bound, so
/// that a follower that is a little late still finds its entries. Ends with openraft.
pub(super) async fn run(raft: Raft, log: Log, compaction: Compaction) {
    let metrics = raft.metrics();
    loop {
        tokio::time::sleep(LOOK).await;
        let held = log.indexes();
        let (bytes, entries) = (log.bytes(), held.end - held.start);
        if bytes <= compaction.bytes || entries == 0 {
            continue;
        }
        let (applied, snapshot, purged) = {
            let metrics = metrics.borrow_watched();
            let next = |id: Option<u64>| id.map_or(0, |index| index + 1);
            (
                next(metrics.last_applied.map(|id| id.index)),
                next(metrics.snapshot.map(|id| id.index)),
                next(metrics.purged.map(|id| id.index)),
            )
        };
        let entry_bytes = (bytes / entries).max(1);
        let keep = (compaction.bytes / 2 / entry_bytes).min(compaction.keep);
        let cut = snapshot.min(held.end.saturating_sub(keep));
        let done = if cut > purged {
            raft.trigger().purge_log(cut - 1).await
        } else if applied.saturating_sub(snapshot) > keep / 2 {
            raft.trigger().snapshot().await
        } else {
            Ok(())
        };
        if done.is_err() {
            return;
        }
    }
}
