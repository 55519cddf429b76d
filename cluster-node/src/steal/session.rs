//! The session with one queue server: connects, and connects again for ever.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use gossamer_world::Random;
use gossamer_world::known_bug::{self, KnownBug};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::stream::{self, LEASES, OpenError};

/// First and longest pause between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(1000));

/// Keeps a stream to the queue server at `addr` until shutdown; one that broke is opened again while it is `wanted`.
pub(super) async fn run(
    config: Arc<Config>,
    addr: String,
    wanted: Arc<AtomicBool>,
    shutdown: CancellationToken,
) {
    let mut back_off = BackOff::new();
    let mut answers = mpsc::channel(LEASES);
    while wanted.load(Relaxed) && !shutdown.is_cancelled() {
        let opened = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            opened = stream::open(&config, &addr) => opened,
        };
        match opened {
            Ok(stream) => {
                tracing::info!(queue = %addr, "session with the queue server");
                back_off = BackOff::new();
                if !known_bug::is_back(KnownBug::LateResultAccepted) {
                    // What answers a lease of an earlier stream, which is over, ends nowhere.
                    answers = mpsc::channel(LEASES);
                }
                let why = stream.run(&config, &mut answers, &shutdown).await;
                tracing::info!(queue = %addr, %why, "the session with the queue server ended");
            }
            Err(OpenError::Connect(error)) => {
                // No later try could do better: the address itself is refused.
                tracing::error!(queue = %addr, %error, "this queue server cannot be used");
                return;
            }
            Err(error) => tracing::debug!(queue = %addr, %error, "no session with the queue server"),
        }
        let pause = back_off.next(&*config.world.random);
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Pauses that double, each drawn from its upper half, so that nodes do not return all at once.
struct BackOff {
    longest: Duration,
}

impl BackOff {
    fn new() -> Self {
        BackOff { longest: PAUSES.0 }
    }

    fn next(&mut self, random: &dyn Random) -> Duration {
        let half = self.longest / 2;
        let jitter = Duration::from_micros(random.number() % (half.as_micros() as u64 + 1));
        self.longest = (self.longest * 2).min(PAUSES.1);
        half + jitter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The n-th pause lies in the upper half of 50 ms doubled n times, and never beyond a second.
    #[test]
    fn pauses_double_up_to_a_second() {
        let world = gossamer_world::World::real();
        let mut back_off = BackOff::new();
        for longest in [50, 100, 200, 400, 800, 1000, 1000] {
            let pause = back_off.next(&*world.random);
            assert!(pause >= Duration::from_millis(longest / 2) && pause <= Duration::from_millis(longest));
        }
    }
}
