//! The sockets: two for each interface, made as interfaces come and dropped as they go.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::limits::DISCOVERY_INTERFACES;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::config::Config;
use crate::counters::Count;
use crate::event::What;
use crate::lan::{Datagrams, Interface, Lan, Opened, Purpose};
use crate::packet::BROADCAST_BYTES;
use crate::shared::Shared;

/// A datagram that the kernel has not taken by then is lost, as others are.
const SEND: Duration = Duration::from_millis(100);
/// Pause after a failed receive; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// All of them.
pub(crate) struct Links {
    lan: Arc<dyn Lan>,
    shared: Arc<Shared>,
    /// The port listened on, if at all.
    listen: Option<u16>,
    port: u16,
    links: Vec<Link>,
}

struct Link {
    interface: Interface,
    talk: Option<Talk>,
    listener: Option<AbortOnDropHandle<()>>,
    /// What kept a socket from being opened, as it was last told.
    failure: Option<What>,
}

struct Talk {
    socket: Arc<dyn Datagrams>,
    broadcast: SocketAddrV4,
    reader: AbortOnDropHandle<()>,
}

impl Links {
    pub(crate) fn new(config: &Config, shared: Arc<Shared>) -> Self {
        let listen = config.listen.then_some(config.port);
        Links { lan: config.lan.clone(), shared, listen, port: config.port, links: Vec::new() }
    }

    /// Looks which interfaces there are, opens what is missing. Whether any is new.
    pub(crate) fn refresh(&mut self) -> bool {
        let interfaces = match self.lan.interfaces() {
            Ok(mut interfaces) => {
                interfaces.sort();
                interfaces.dedup();
                interfaces.truncate(DISCOVERY_INTERFACES);
                interfaces
            }
            Err(error) => {
                tracing::debug!(%error, "the interfaces cannot be enumerated; going on with those known");
                self.links.iter().map(|link| link.interface.clone()).collect()
            }
        };
        for gone in self.links.extract_if(.., |link| !interfaces.contains(&link.interface)) {
            self.shared.tell(&gone.interface, || What::Gone);
        }
        let mut news = false;
        for interface in &interfaces {
            if !self.links.iter().any(|link| link.interface == *interface) {
                news = true;
                let interface = interface.clone();
                self.links.push(Link { interface, talk: None, listener: None, failure: None });
            }
        }
        for link in &mut self.links {
            link.open(&*self.lan, &self.shared, self.listen, self.port);
        }
        self.shared.forget(&interfaces);
        news
    }

    /// A round of asking on every interface.
    pub(crate) async fn ask(&self) {
        let (request, census) = self.shared.with(|exchange| exchange.round());
        for link in &self.links {
            let Some(talk) = &link.talk else { continue };
            // Requests go first: who answers one does not answer the census too.
            if request {
                self.broadcast(link, talk, false).await;
            }
            if census {
                self.broadcast(link, talk, true).await;
            }
        }
    }

    async fn broadcast(&self, link: &Link, talk: &Talk, census: bool) {
        let (interface, to, now) = (&link.interface, talk.broadcast, Instant::now());
        let datagram = self.shared.with(|exchange| {
            if census { exchange.census(interface, now) } else { exchange.request(interface, now) }
        });
        let Some(datagram) = datagram else { return };
        if send(&self.shared, interface, &*talk.socket, &datagram, to).await {
            self.shared.counters.add(Count::Sent);
            self.shared
                .tell(interface, || if census { What::AskedAnybody(to) } else { What::AskedCluster(to) });
        }
    }
}

impl Link {
    /// Opens what is not open: at first, and again if it could not be opened or its reader ended.
    fn open(&mut self, lan: &dyn Lan, shared: &Arc<Shared>, listen: Option<u16>, port: u16) {
        if self.talk.as_ref().is_none_or(|talk| talk.reader.is_finished()) {
            self.listener = None;
            self.talk = self.try_open(lan, shared, Purpose::Talk, port).map(|(opened, broadcast)| {
                let socket: Arc<dyn Datagrams> = Arc::from(opened.socket);
                let reader = self.read(shared, socket.clone(), socket.clone());
                Talk { socket, broadcast, reader }
            });
        }
        // What is heard is answered by the other socket.
        let Some(answers) = self.talk.as_ref().map(|talk| talk.socket.clone()) else { return };
        if let Some(listen) = listen
            && self.listener.as_ref().is_none_or(AbortOnDropHandle::is_finished)
        {
            self.listener = self
                .try_open(lan, shared, Purpose::Listen(listen), port)
                .map(|(opened, _)| self.read(shared, Arc::from(opened.socket), answers));
        }
    }

    fn try_open(
        &mut self,
        lan: &dyn Lan,
        shared: &Shared,
        purpose: Purpose,
        port: u16,
    ) -> Option<(Opened, SocketAddrV4)> {
        match lan.open(&self.interface, purpose) {
            Ok(opened) => {
                let broadcast = SocketAddrV4::new(opened.broadcast, port);
                let not_device = opened.not_device.as_ref().map(io::Error::to_string);
                shared.tell(&self.interface, || What::Opened { purpose, broadcast, not_device });
                self.failure = None;
                Some((opened, broadcast))
            }
            Err(error) => {
                let failure = What::NotOpened { purpose, why: error.to_string() };
                // Tried every second, told once.
                if self.failure.as_ref() != Some(&failure) {
                    tracing::warn!(interface = %self.interface, ?purpose, %error, "cannot open a socket for discovery");
                    shared.tell(&self.interface, || failure.clone());
                    self.failure = Some(failure);
                }
                None
            }
        }
    }

    fn read(
        &self,
        shared: &Arc<Shared>,
        socket: Arc<dyn Datagrams>,
        answers: Arc<dyn Datagrams>,
    ) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(read(shared.clone(), self.interface.clone(), socket, answers)))
    }
}

/// Hears and answers, for ever: neither an error nor a datagram ends it.
async fn read(
    shared: Arc<Shared>,
    interface: Interface,
    socket: Arc<dyn Datagrams>,
    answers: Arc<dyn Datagrams>,
) {
    // One byte more than the longest: what is too long is seen to be.
    let mut buffer = [0; BROADCAST_BYTES + 1];
    let mut pause = PAUSE;
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                pause = PAUSE;
                if let Some(reply) = shared.hear(&interface, from, &buffer[..length]) {
                    send(&shared, &interface, &*answers, &reply, from).await;
                }
            }
            Err(error) => {
                shared.counters.add(Count::ReceiveFailed);
                shared.tell(&interface, || What::NotReceived { why: error.to_string() });
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

async fn send(
    shared: &Shared,
    interface: &Interface,
    socket: &dyn Datagrams,
    datagram: &[u8],
    to: SocketAddrV4,
) -> bool {
    let sent = timeout(SEND, socket.send_to(datagram, to)).await;
    let Err(error) = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) else { return true };
    shared.counters.add(Count::SendFailed);
    shared.tell(interface, || What::NotSent { to, why: error.to_string() });
    false
}
