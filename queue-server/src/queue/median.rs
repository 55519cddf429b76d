//! How long reads took lately.

use std::time::Duration;

/// Answers that are remembered: enough to be steady, few enough to follow a change within moments.
const REMEMBERED: usize = 64;
/// Below this no read counts as slow: a hedge would cost more than the wait.
const SHORTEST: Duration = Duration::from_millis(50);

/// The service times of the last reads.
#[derive(Debug, Default)]
pub(super) struct ServiceTimes {
    recent: Vec<Duration>,
    next: usize,
    /// Twice the median, once computed.
    slow: Option<Duration>,
}

impl ServiceTimes {
    pub(super) fn add(&mut self, took: Duration) {
        if self.recent.len() < REMEMBERED {
            self.recent.push(took);
        } else {
            self.recent[self.next] = took;
        }
        self.next = (self.next + 1) % REMEMBERED;
        self.slow = None;
    }

    /// A read that takes longer than this is offered to a second node.
    pub(super) fn slow(&mut self) -> Duration {
        if let Some(slow) = self.slow {
            return slow;
        }
        let mut sorted = self.recent.clone();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let slow = (median * 2).max(SHORTEST);
        self.slow = Some(slow);
        slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slow is twice the median of the last 64, and never under 50 ms.
    #[test]
    fn follows_the_recent() {
        let mut times = ServiceTimes::default();
        assert_eq!(times.slow(), SHORTEST);
        for _ in 0..REMEMBERED {
            times.add(Duration::from_millis(100));
        }
        assert_eq!(times.slow(), Duration::from_millis(200));
        for _ in 0..REMEMBERED {
            times.add(Duration::from_millis(1));
        }
        assert_eq!(times.slow(), SHORTEST);
    }
}
