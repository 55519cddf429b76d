//! What the sockets' readers share: one lock around the exchange, and everybody who wants to know.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use crate::config::Config;
use crate::counters::Counters;
use crate::event::{Event, Received, What};
use crate::exchange::Exchange;
use crate::found::Found;
use crate::lan::Interface;

/// Longest pauses without a word after which something is forgotten: with the jitter, three rounds at least.
const PAUSES_KEPT: u32 = 4;

pub(crate) struct Shared {
    exchange: Mutex<Exchange>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) found: watch::Sender<Found>,
    pub(crate) hurry: Notify,
    events: Option<mpsc::Sender<Event>>,
}

impl Shared {
    pub(crate) fn new(config: &Config) -> Self {
        let counters = Arc::new(Counters::default());
        let exchange = Exchange::new(
            config.world.random.clone(),
            counters.clone(),
            config.token.clone(),
            config.announce,
            config.last * PAUSES_KEPT,
        );
        Shared {
            exchange: Mutex::new(exchange),
            counters,
            found: watch::Sender::new(Found::default()),
            hurry: Notify::new(),
            events: config.events.clone(),
        }
    }

    /// Does something with the exchange, and tells whoever waits what is found then.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Exchange) -> T) -> T {
        // Every step of the exchange leaves it whole.
        let mut exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut exchange)
    }

    /// A datagram came: what to send back.
    pub(crate) fn hear(&self, interface: &Interface, from: SocketAddrV4, bytes: &[u8]) -> Option<Vec<u8>> {
        let now = Instant::now();
        let outcome = self.with(|exchange| {
            let outcome = exchange.hear(interface, from, bytes, now);
            if let Received::Answer { .. } | Received::Confirm { .. } | Received::Foreign(_) =
                outcome.received
            {
                self.publish(exchange);
            }
            outcome
        });
        // A queue server that just came, or has moved, asks too: asking now finds it. Who answers learns of it anyway.
        if let Received::Request { answered: false, serves: true } = outcome.received
            && self.found.borrow().queue_servers.iter().all(|known| known.ip() != from.ip())
        {
            self.hurry.notify_one();
        }
        self.tell(interface, || What::Received { from, received: outcome.received });
        outcome.reply
    }

    /// Time passed, or the interfaces changed.
    pub(crate) fn forget(&self, interfaces: &[Interface]) {
        self.with(|exchange| {
            exchange.forget(interfaces, Instant::now());
            self.publish(exchange);
        });
    }

    /// Under the exchange's lock, so that what is older never overwrites what is newer.
    fn publish(&self, exchange: &Exchange) {
        let found = exchange.found();
        self.found.send_if_modified(|before| {
            let changed = *before != found;
            if changed {
                let foreign = found.foreign.len();
                tracing::info!(queue_servers = ?found.queue_servers, foreign, "discovered");
                *before = found;
            }
            changed
        });
    }

    /// Says what happened, if anybody listens and keeps up.
    pub(crate) fn tell(&self, interface: &Interface, what: impl FnOnce() -> What) {
        let events = self.events.as_ref().and_then(|events| events.try_reserve().ok());
        if let Some(place) = events {
            place.send(Event { interface: interface.clone(), what: what() });
        }
    }
}
