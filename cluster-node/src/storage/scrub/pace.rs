//! How fast is read.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Spreads reading over time: never faster than the rate, and nothing is saved up for later.
pub(super) struct Pace {
    next: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Pace { next: Instant::now() }
    }

    /// So many bytes were read: returns when the next may be.
    pub(super) async fn spend(&mut self, bytes: u64, bytes_per_second: u64) {
        let micros = u128::from(bytes) * 1_000_000 / u128::from(bytes_per_second.max(1));
        let pause = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.next = self.next.max(Instant::now()) + pause;
        sleep_until(self.next).await;
    }
}
