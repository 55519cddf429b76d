//! What servers know of the LAN: queue servers that were found on it, and under which address this machine is reached.

use std::sync::Arc;
use std::time::Duration;

use gossamer_discovery::lan::Lan;
use gossamer_discovery::{self as discovery, Found, own_address};
use gossamer_proto::trust::Trust;
use gossamer_world::World;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the machine's own addresses are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A machine without a network is reached by itself.
const ALONE: &str = "127.0.0.1";

/// What is asked of the LAN.
pub(crate) struct Ask {
    /// With a token it is searched.
    pub(crate) trust: Trust,
    /// Port of this process's own queue server.
    pub(crate) announce: Option<u16>,
    /// Queue servers that are there in any case.
    pub(crate) fixed: Vec<String>,
    /// The host to be reached at, if the user said it.
    pub(crate) advertise: Option<String>,
    /// Whether to search at all: not if the user said where to go.
    pub(crate) search: bool,
}

/// What is known, kept up to date.
pub(crate) struct Known {
    /// Queue servers, `host:port`.
    pub(crate) queues: watch::Receiver<Vec<String>>,
    /// The host under which others reach this machine.
    pub(crate) host: watch::Receiver<String>,
    /// Counts datagrams, if the LAN is searched.
    pub(crate) counters: Option<discovery::Handle>,
}

/// Begins to search the LAN, until shutdown, and to watch the machine's own addresses.
pub(crate) fn search(ask: Ask, shutdown: &CancellationToken) -> Known {
    let (queues, queues_known) = watch::channel(ask.fixed.clone());
    let (host, host_known) = watch::channel(ask.advertise.clone().unwrap_or_else(|| ALONE.to_owned()));
    let mut config = discovery::Config::new(World::real(), ask.trust.token().cloned());
    config.announce = ask.announce;
    let lan = config.lan.clone();
    let handle = (ask.search && ask.trust.token().is_some()).then(|| {
        let (handle, running) = discovery::prepare(config);
        tokio::spawn(running.run(shutdown.clone()));
        handle
    });
    // Before anything is said to others, this machine's address is known as well as it can be.
    watch_self(&ask, &*lan, &Found::default(), &queues, &host);
    let following = follow(ask, lan, handle.clone(), queues, host);
    tokio::spawn(shutdown.clone().run_until_cancelled_owned(following));
    Known { queues: queues_known, host: host_known, counters: handle }
}

async fn follow(
    ask: Ask,
    lan: Arc<dyn Lan>,
    handle: Option<discovery::Handle>,
    queues: watch::Sender<Vec<String>>,
    host: watch::Sender<String>,
) {
    let mut found = handle.as_ref().map(discovery::Handle::found);
    let mut strangers = String::new();
    let mut knew = false;
    loop {
        let now = found.as_mut().map(|found| found.borrow_and_update().clone()).unwrap_or_default();
        watch_self(&ask, &*lan, &now, &queues, &host);
        if now.queue_servers.is_empty() {
            tell_strangers(&now, &mut strangers);
        }
        if let Some(handle) = handle.as_ref().filter(|_| knew && now.queue_servers.is_empty()) {
            // All that were known are gone: the pauses of the search have grown long meanwhile.
            handle.hurry();
        }
        knew = !now.queue_servers.is_empty();
        let changed = async {
            let gone = match &mut found {
                Some(found) => found.changed().await.is_err(),
                None => true,
            };
            if gone {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn watch_self(
    ask: &Ask,
    lan: &dyn Lan,
    found: &Found,
    queues: &watch::Sender<Vec<String>>,
    host: &watch::Sender<String>,
) {
    let mut known = ask.fixed.clone();
    for addr in found.queue_servers.iter().map(ToString::to_string) {
        if !known.contains(&addr) {
            known.push(addr);
        }
    }
    queues.send_if_modified(|before| {
        let changed = *before != known;
        *before = known;
        changed
    });
    if ask.advertise.is_none()
        && let Ok(interfaces) = lan.interfaces()
    {
        let own = own_address(&interfaces, found).map_or_else(|| ALONE.to_owned(), |own| own.to_string());
        host.send_if_modified(|before| {
            let changed = *before != own;
            if changed {
                tracing::info!(%before, now = %own, "this machine's address");
            }
            *before = own;
            changed
        });
    }
}

/// A machine that hears only clusters that its token does not fit says so.
fn tell_strangers(found: &Found, said: &mut String) {
    let heard: Vec<String> = found.foreign.iter().map(ToString::to_string).collect();
    let heard = heard.join(", ");
    if !heard.is_empty() && heard != *said {
        tracing::warn!(
            "heard {heard}; not the cluster of this token, which nobody else on this network answers for yet"
        );
    }
    *said = heard;
}
