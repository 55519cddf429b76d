//! When to ask: at once, then ever more rarely, for ever, and from the start again when something changed.

use std::time::Duration;

use gossamer_proto::limits::DISCOVERY_SECOND;
use gossamer_world::Random;
use tokio::time::Instant;

/// Back-off with jitter.
pub(crate) struct Schedule {
    first: Duration,
    last: Duration,
    pause: Duration,
    next: Instant,
    restarted: Instant,
}

impl Schedule {
    /// Due now.
    pub(crate) fn new(first: Duration, last: Duration, now: Instant) -> Self {
        Schedule { first, last, pause: first, next: now, restarted: now }
    }

    /// When the next round is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// A round was made.
    pub(crate) fn asked(&mut self, now: Instant, random: &dyn Random) {
        // Four fifths to six fifths: machines that boot together do not ask together for long.
        let pause = self.pause * 4 / 5;
        let jitter = self.pause.mul_f64(0.4 * (random.number() as f64 / u64::MAX as f64));
        self.next = now + pause + jitter;
        self.pause = (self.pause * 2).min(self.last);
    }

    /// Starts again, at most once a second: now, or when that second is over.
    pub(crate) fn restart(&mut self, now: Instant) {
        if now < self.restarted {
            return;
        }
        self.restarted = now.max(self.restarted + DISCOVERY_SECOND);
        self.next = self.next.min(self.restarted);
        self.pause = self.first;
    }
}

#[cfg(test)]
mod tests {
    use gossamer_world::random::Kernel;

    use super::*;

    /// Rounds get rarer up to the longest pause and never end; restarts bring them back, but not without bound.
    #[test]
    fn backs_off() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut schedule = Schedule::new(ms(100), ms(25_000), start);
        assert_eq!(schedule.next(), start);
        let mut pause = ms(100);
        for _ in 0..1000 {
            let now = schedule.next();
            schedule.asked(now, &Kernel);
            let waited = schedule.next() - now;
            assert!(pause * 4 / 5 <= waited && waited <= pause * 6 / 5, "{waited:?} of {pause:?}");
            pause = (pause * 2).min(ms(25_000));
        }
        let now = schedule.next() - ms(10_000);
        schedule.restart(now);
        assert_eq!(schedule.next(), now);
        let mut rounds = 0;
        while schedule.next() < now + ms(10_000) {
            let at = schedule.next();
            schedule.asked(at, &Kernel);
            schedule.restart(at);
            rounds += 1;
        }
        assert!((10..=80).contains(&rounds), "{rounds} rounds in ten seconds of hurry");
    }
}
