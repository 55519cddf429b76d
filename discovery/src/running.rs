//! Asks and answers until the end, and tells its owner what is found.

use std::sync::Arc;

use gossamer_proto::limits::DISCOVERY_REFRESH;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::counters::{Count, Counters};
use crate::found::Found;
use crate::links::Links;
use crate::schedule::Schedule;
use crate::shared::Shared;

/// For the owner. Cheap to clone; harmless when discovery has ended.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// Discovery, to be run.
pub struct Running {
    config: Config,
    shared: Arc<Shared>,
}

/// Discovery with its handle. Nothing happens before [`Running::run`].
pub fn prepare(config: Config) -> (Handle, Running) {
    let shared = Arc::new(Shared::new(&config));
    (Handle { shared: shared.clone() }, Running { config, shared })
}

impl Handle {
    /// What is found, as it changes.
    pub fn found(&self) -> watch::Receiver<Found> {
        self.shared.found.subscribe()
    }

    /// Asks at once and then often again, because something is missing. More than once a second makes no difference.
    pub fn hurry(&self) {
        self.shared.hurry.notify_one();
    }

    /// How often something happened.
    pub fn count(&self, count: Count) -> u64 {
        self.shared.counters.get(count)
    }

    /// All counts.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }
}

impl Running {
    /// Runs until `shutdown`. Nothing else ends it; dropping it closes every socket.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut links = Links::new(&self.config, self.shared.clone());
        let mut schedule = Schedule::new(self.config.first, self.config.last, Instant::now());
        let mut refresh = interval(DISCOVERY_REFRESH);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // The first look at the interfaces comes before the first round.
                biased;
                () = shutdown.cancelled() => return,
                _ = refresh.tick() => {
                    if links.refresh() {
                        schedule.restart(Instant::now());
                    }
                }
                () = self.shared.hurry.notified() => schedule.restart(Instant::now()),
                () = sleep_until(schedule.next()) => {
                    links.ask().await;
                    schedule.asked(Instant::now(), &*self.config.world.random);
                }
            }
        }
    }
}
