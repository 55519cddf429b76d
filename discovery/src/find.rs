//! For commands: ask, wait for somebody, go on.

use std::net::SocketAddrV4;
use std::time::Duration;

use gossamer_proto::limits::DISCOVERY_LAST_OF_COMMAND;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::found::{Found, Heard};
use crate::running::prepare;

/// After the first answer, others on the same LAN come within this time.
const GRACE: Duration = Duration::from_millis(20);
/// Clusters that the token does not fit count only when its own has been silent for this long.
const SILENCE: Duration = Duration::from_secs(2);

/// Why no queue server was found.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FindError {
    /// Other clusters answer, but none that the token fits.
    #[error("heard {}, but the token fits none of them", list(.0))]
    Foreign(Vec<Heard>),
    /// Nobody answers.
    #[error("no queue server answers on any interface of this machine")]
    Nobody,
}

/// The queue servers of the token's cluster: of the LAN first, then of this machine. Asks until one answers, or until
/// `patience` is over; if others answer, for two seconds. Without a token none can be found.
pub async fn find(config: Config, patience: Duration) -> Result<Vec<SocketAddrV4>, FindError> {
    let config = Config { announce: None, listen: false, last: DISCOVERY_LAST_OF_COMMAND, ..config };
    let start = Instant::now();
    let (handle, running) = prepare(config);
    let mut found = handle.found();
    let wait = async {
        let silent = start + SILENCE.min(patience);
        let heard = |found: &Found| !found.queue_servers.is_empty();
        let mut answered = timeout_at(silent, found.wait_for(heard)).await.is_ok();
        if !answered {
            let heard = |found: &Found| *found != Found::default();
            answered = timeout_at(start + patience, found.wait_for(heard)).await.is_ok();
        }
        if answered {
            sleep(GRACE).await;
        }
        let Found { queue_servers, foreign } = found.borrow().clone();
        match (queue_servers.is_empty(), foreign.is_empty()) {
            (false, _) => Ok(queue_servers),
            (true, false) => Err(FindError::Foreign(foreign)),
            (true, true) => Err(FindError::Nobody),
        }
    };
    tokio::select! {
        result = wait => result,
        () = running.run(CancellationToken::new()) => Err(FindError::Nobody),
    }
}

/// The clusters that say within `time` that they are there: hearsay, without proof. Needs no token.
/// Who was answered within the last second, for whatever command, is not answered again: give it more than a second.
pub async fn census(config: Config, time: Duration) -> Vec<Heard> {
    let last = DISCOVERY_LAST_OF_COMMAND.max(time);
    let config = Config { token: None, announce: None, listen: false, last, ..config };
    let (handle, running) = prepare(config);
    tokio::select! {
        () = running.run(CancellationToken::new()) => {}
        () = sleep_until(Instant::now() + time) => {}
    }
    let found = handle.found();
    found.borrow().foreign.clone()
}

fn list(heard: &[Heard]) -> String {
    heard.iter().map(Heard::to_string).collect::<Vec<_>>().join(", ")
}
