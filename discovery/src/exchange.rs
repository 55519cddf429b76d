//! The protocol as a pure state machine: interface, source, bytes and time in; what it was and a reply out.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::limits::{
    DISCOVERY_ANSWER, DISCOVERY_ASKED, DISCOVERY_CENSUS_ANSWERS, DISCOVERY_CHALLENGES, DISCOVERY_NONCES,
    DISCOVERY_SECOND, DISCOVERY_SOURCES,
};
use gossamer_proto::token::{ID_BYTES, Token};
use gossamer_world::Random;
use tokio::time::Instant;

use crate::counters::{Count, Counters};
use crate::event::{Ignored, Received};
use crate::found::{Finds, Found, Heard};
use crate::lan::Interface;
use crate::packet::{Key, Nonce, Packet, Refused};
use crate::recent::Recent;

/// Rounds without a good answer after which anybody is asked who is there.
const PATIENT_ROUNDS: u32 = 3;

/// Both sides of the protocol: asks and answers.
pub struct Exchange {
    random: Arc<dyn Random>,
    counters: Arc<Counters>,
    token: Option<(Token, Key)>,
    announce: Option<u16>,
    /// Own requests and censuses, and by which interface they left.
    asked: Recent<Nonce, Asked>,
    /// Nonces of others, so that nothing works twice.
    seen: Recent<Nonce, ()>,
    /// Own answers: what a confirmation may repeat, and who may.
    challenges: Recent<Nonce, SocketAddrV4>,
    /// Sources answered in the last second. Only who holds the token gets in.
    answered: Recent<SocketAddrV4, ()>,
    /// Sources whose census was answered in the last second.
    censused: Recent<SocketAddrV4, ()>,
    second: Second,
    finds: Finds,
    unanswered_rounds: u32,
}

#[derive(PartialEq, Eq)]
struct Asked {
    interface: Interface,
    census: bool,
}

/// Answers to censuses in the second that runs.
#[derive(Default)]
struct Second {
    began: Option<Instant>,
    answers: u32,
}

/// What to do about a datagram.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it was.
    pub received: Received,
    /// What to send back to its source. Never longer than it was.
    pub reply: Option<Vec<u8>>,
}

impl Exchange {
    /// One that answers with `announce`, the port of a queue server, and keeps what it hears for `keep`.
    pub fn new(
        random: Arc<dyn Random>,
        counters: Arc<Counters>,
        token: Option<Token>,
        announce: Option<u16>,
        keep: Duration,
    ) -> Self {
        let proven = token.map(|token| {
            let key = Key::new(&token);
            (token, key)
        });
        Exchange {
            random,
            counters,
            token: proven,
            announce: announce.filter(|port| *port != 0),
            asked: Recent::new(DISCOVERY_ASKED, DISCOVERY_ANSWER),
            seen: Recent::new(DISCOVERY_NONCES, Duration::MAX),
            challenges: Recent::new(DISCOVERY_CHALLENGES, DISCOVERY_ANSWER),
            answered: Recent::new(DISCOVERY_SOURCES, DISCOVERY_SECOND),
            censused: Recent::new(DISCOVERY_SOURCES, DISCOVERY_SECOND),
            second: Second::default(),
            finds: Finds::new(keep),
            unanswered_rounds: 0,
        }
    }

    /// A round of asking begins: whether a request, and whether a census is to be broadcast.
    pub fn round(&mut self) -> (bool, bool) {
        let patient = self.unanswered_rounds < PATIENT_ROUNDS;
        self.unanswered_rounds = self.unanswered_rounds.saturating_add(1);
        let request = self.token.is_some();
        (request, !request || (self.finds.is_lonely() && !patient))
    }

    /// A request to broadcast on one interface; `None` without a token. Its nonce is its own: another interface may
    /// lead to the same machines, for whom a second one would be a replay.
    pub fn request(&mut self, interface: &Interface, now: Instant) -> Option<Vec<u8>> {
        let nonce = self.ask(interface, false, now);
        Packet::Request { nonce, serves: self.announce.is_some() }.seal(self.key())
    }

    /// A census to broadcast on one interface.
    pub fn census(&mut self, interface: &Interface, now: Instant) -> Option<Vec<u8>> {
        let nonce = self.ask(interface, true, now);
        Packet::Census { nonce }.seal(None)
    }

    fn ask(&mut self, interface: &Interface, census: bool, now: Instant) -> Nonce {
        let nonce = self.random.id();
        self.asked.insert(nonce, Asked { interface: interface.clone(), census }, now);
        // A late replay of it is not answered either.
        self.seen.insert(nonce, (), now);
        nonce
    }

    /// A datagram arrived on an interface.
    pub fn hear(&mut self, interface: &Interface, from: SocketAddrV4, bytes: &[u8], now: Instant) -> Outcome {
        let mut reply = None;
        let received = self.judge(interface, from, bytes, now, &mut reply).unwrap_or_else(Received::Ignored);
        if let Some(count) = count(&received) {
            self.counters.add(count);
        }
        Outcome { received, reply }
    }

    fn judge(
        &mut self,
        interface: &Interface,
        from: SocketAddrV4,
        bytes: &[u8],
        now: Instant,
        reply: &mut Option<Vec<u8>>,
    ) -> Result<Received, Ignored> {
        self.counters.add(Count::Received);
        if !interface.is_on_link(*from.ip()) || from.port() == 0 {
            return Err(Ignored::OffLink);
        }
        let packet = Packet::open(bytes, self.key()).map_err(|refused| match refused {
            Refused::Malformed => Ignored::Malformed,
            Refused::Proof => Ignored::BadMac,
        })?;
        match packet {
            Packet::Request { nonce, serves } => {
                let answered = self.requested(nonce, from, now, reply)?;
                Ok(Received::Request { answered, serves })
            }
            Packet::Answer { nonce, challenge, port } => {
                self.asked_for(&nonce, interface, false, now)?;
                self.see(challenge, now)?;
                let queue_server = self.learn(from, port, now)?;
                self.unanswered_rounds = 0;
                *reply = self.announce.and_then(|port| Packet::Confirm { challenge, port }.seal(self.key()));
                Ok(Received::Answer { queue_server })
            }
            Packet::Confirm { challenge, port } => {
                if self.challenges.get(&challenge, now) != Some(&from) {
                    return Err(Ignored::Late);
                }
                self.challenges.take(&challenge, now);
                Ok(Received::Confirm { queue_server: self.learn(from, port, now)? })
            }
            Packet::Census { nonce } => self.counted(nonce, from, now, reply),
            Packet::CensusAnswer { nonce, cluster, port, name } => {
                self.asked_for(&nonce, interface, true, now)?;
                self.foreign(cluster, name, SocketAddrV4::new(*from.ip(), port), now)
            }
        }
    }

    /// A machine of the cluster asks: whether it is answered.
    fn requested(
        &mut self,
        nonce: Nonce,
        from: SocketAddrV4,
        now: Instant,
        reply: &mut Option<Vec<u8>>,
    ) -> Result<bool, Ignored> {
        self.not_own(&nonce, now)?;
        self.see(nonce, now)?;
        let Some(port) = self.announce else { return Ok(false) };
        if !self.answered.insert_new(source(from), (), now) {
            return Err(Ignored::Limited);
        }
        let challenge = self.random.id();
        self.challenges.insert(challenge, from, now);
        *reply = Packet::Answer { nonce, challenge, port }.seal(self.key());
        Ok(true)
    }

    /// Anybody asks. Who was just answered as a machine of the cluster needs no second reply; the other way round
    /// a census, which anybody can send in any name, must not keep a machine from being answered.
    fn counted(
        &mut self,
        nonce: Nonce,
        from: SocketAddrV4,
        now: Instant,
        reply: &mut Option<Vec<u8>>,
    ) -> Result<Received, Ignored> {
        self.not_own(&nonce, now)?;
        let (Some((token, _)), Some(port)) = (&self.token, self.announce) else {
            return Ok(Received::Census { answered: false });
        };
        let just_answered = self.answered.get(&source(from), now).is_some();
        if just_answered || !self.second.admits(now) || !self.censused.insert_new(source(from), (), now) {
            return Err(Ignored::Limited);
        }
        self.second.answers += 1;
        let answer =
            Packet::CensusAnswer { nonce, cluster: *token.cluster(), port, name: token.name().to_owned() };
        *reply = answer.seal(None);
        Ok(Received::Census { answered: true })
    }

    fn foreign(
        &mut self,
        cluster: [u8; ID_BYTES],
        name: String,
        queue_server: SocketAddrV4,
        now: Instant,
    ) -> Result<Received, Ignored> {
        if self.token.as_ref().is_some_and(|(token, _)| *token.cluster() == cluster) {
            return Err(Ignored::OwnCluster);
        }
        let heard = Heard { name, cluster, queue_server };
        if self.finds.foreign(heard.clone(), now) { Ok(Received::Foreign(heard)) } else { Err(Ignored::Full) }
    }

    /// Time passed, or the interfaces are others than before.
    pub fn forget(&mut self, interfaces: &[Interface], now: Instant) {
        self.finds.forget(interfaces, now);
    }

    /// What is known.
    pub fn found(&self) -> Found {
        self.finds.found()
    }

    fn key(&self) -> Option<&Key> {
        self.token.as_ref().map(|(_, key)| key)
    }

    fn not_own(&self, nonce: &Nonce, now: Instant) -> Result<(), Ignored> {
        if self.asked.get(nonce, now).is_some() { Err(Ignored::Own) } else { Ok(()) }
    }

    fn asked_for(
        &self,
        nonce: &Nonce,
        interface: &Interface,
        census: bool,
        now: Instant,
    ) -> Result<(), Ignored> {
        let asked = self.asked.get(nonce, now).ok_or(Ignored::Late)?;
        if asked.interface == *interface && asked.census == census { Ok(()) } else { Err(Ignored::Late) }
    }

    fn see(&mut self, nonce: Nonce, now: Instant) -> Result<(), Ignored> {
        if self.seen.get(&nonce, now).is_some() {
            return Err(Ignored::Replayed);
        }
        self.seen.insert(nonce, (), now);
        Ok(())
    }

    /// A queue server is where the datagram came from: nothing in it can point elsewhere.
    fn learn(&mut self, from: SocketAddrV4, port: u16, now: Instant) -> Result<SocketAddrV4, Ignored> {
        let addr = SocketAddrV4::new(*from.ip(), port);
        if self.finds.queue_server(addr, now) { Ok(addr) } else { Err(Ignored::Full) }
    }
}

impl Second {
    fn admits(&mut self, now: Instant) -> bool {
        if self.began.is_none_or(|began| now - began >= DISCOVERY_SECOND) {
            *self = Second { began: Some(now), answers: 0 };
        }
        self.answers < DISCOVERY_CENSUS_ANSWERS
    }
}

/// Whose answers are counted together: a machine's, whatever port it claims. On loopback, where no other machine can
/// be flooded, each process's.
fn source(from: SocketAddrV4) -> SocketAddrV4 {
    if from.ip().is_loopback() { from } else { SocketAddrV4::new(*from.ip(), 0) }
}

fn count(received: &Received) -> Option<Count> {
    Some(match received {
        Received::Request { answered: true, .. } => Count::Answered,
        Received::Request { answered: false, .. } => Count::Heard,
        Received::Answer { .. } => Count::Answers,
        Received::Confirm { .. } => Count::Confirmed,
        Received::Census { answered: true } => Count::Census,
        Received::Census { answered: false } | Received::Ignored(Ignored::OwnCluster) => return None,
        Received::Foreign(_) => Count::Foreign,
        Received::Ignored(Ignored::Own) => Count::Own,
        Received::Ignored(Ignored::BadMac) => Count::BadMac,
        Received::Ignored(Ignored::Malformed) => Count::Malformed,
        Received::Ignored(Ignored::Replayed) => Count::Replayed,
        Received::Ignored(Ignored::OffLink) => Count::OffLink,
        Received::Ignored(Ignored::Limited) => Count::Limited,
        Received::Ignored(Ignored::Late) => Count::Late,
        Received::Ignored(Ignored::Full) => Count::Full,
    })
}

#[cfg(test)]
mod tests;
