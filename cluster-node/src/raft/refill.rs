//! Small files that only the log has, because there was no room for them when they were applied: the log is not cut before
//! they are stored.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Handle;

/// How often there is a look whether there is room by now.
const LOOK: Duration = Duration::from_secs(1);

impl Handle {
    /// Stores them as soon as there is room, and cuts the log where that had to wait. Until shutdown; nothing is written after
    /// return.
    pub async fn refill(self, shutdown: CancellationToken) {
        let (refill, store) = (&self.shared.refill, &self.shared.store);
        let mut waits = false;
        loop {
            let passed = refill.pass(&shutdown).await;
            if let Err(error) = &passed
                && !waits
            {
                // Once, not every second for as long as the disk is full.
                tracing::warn!(%error, "small files that only the log has wait for room");
            }
            waits = passed.is_err();
            if let Err(error) = store.cut().await {
                tracing::debug!(%error, "the log is not cut");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}
