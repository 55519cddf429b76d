//! How many reads a node takes at once: fewer as its answers get slow.
//!
//! Additive increase, multiplicative decrease (Chiu & Jain 1989) on the median time of a round of answers, compared with
//! the best median of late. The best drifts upwards, so that a machine that has become slower for good gets its credits
//! back: the comparison is with itself, not with others.

use std::time::Duration;

use gossamer_proto::limits::READ_CREDITS;

/// Answers in a round: enough for a median that one outlier does not move.
const ROUND: usize = 16;
/// Medians below this are never slow: a barrier on a LAN takes a few milliseconds, and its jitter is no load.
const QUICK: Duration = Duration::from_millis(20);
/// What is always offered, so that the node can find out that it has become faster.
const LEAST: u32 = 4;
/// Credits regained after a round that was not slow.
const STEP: u32 = 4;

/// The window of one session.
pub(super) struct Pace {
    window: u32,
    round: Vec<Duration>,
    best: Option<Duration>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Pace { window: READ_CREDITS, round: Vec::with_capacity(ROUND), best: None }
    }

    /// Reads to be worked on at once.
    pub(super) fn window(&self) -> u32 {
        self.window
    }

    /// An answer took this long from assignment to answer.
    pub(super) fn note(&mut self, took: Duration) {
        self.round.push(took);
        if self.round.len() < ROUND {
            return;
        }
        self.round.sort_unstable();
        let median = self.round[ROUND / 2];
        self.round.clear();
        let best = self.best.map_or(median, |best| median.min(best + best / 16));
        self.best = Some(best);
        self.window = if median > QUICK.max(best * 2) {
            (self.window / 2).max(LEAST)
        } else {
            (self.window + STEP).min(READ_CREDITS)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(pace: &mut Pace, count: usize, ms: u64) {
        (0..count * ROUND).for_each(|_| pace.note(Duration::from_millis(ms)));
    }

    /// Slow answers halve the window down to the least; quick ones bring it back; a lasting slowness is got used to.
    #[test]
    fn shrinks_and_recovers() {
        let mut pace = Pace::new();
        rounds(&mut pace, 3, 5);
        assert_eq!(pace.window(), READ_CREDITS);
        rounds(&mut pace, 1, 100);
        assert_eq!(pace.window(), READ_CREDITS / 2);
        rounds(&mut pace, 5, 100);
        assert_eq!(pace.window(), LEAST);
        rounds(&mut pace, 1, 5);
        assert_eq!(pace.window(), LEAST + STEP);
        rounds(&mut pace, 100, 100);
        assert_eq!(pace.window(), READ_CREDITS);
    }
}
