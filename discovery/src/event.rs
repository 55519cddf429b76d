//! What happens, for people who want to know why something is not found.

use std::fmt;
use std::net::SocketAddrV4;

use crate::found::Heard;
use crate::lan::{Interface, Purpose};

/// Something that happened on one interface. `Display` is a line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where.
    pub interface: Interface,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A socket was opened.
    Opened {
        /// What for.
        purpose: Purpose,
        /// Where broadcasts go.
        broadcast: SocketAddrV4,
        /// Why it is bound to the address only, and not to the device.
        not_device: Option<String>,
    },
    /// A socket cannot be opened; this is tried again and again.
    NotOpened {
        /// What for.
        purpose: Purpose,
        /// Why.
        why: String,
    },
    /// The interface, or this address of it, is no longer there.
    Gone,
    /// A request for queue servers of the token's cluster was broadcast.
    AskedCluster(SocketAddrV4),
    /// A census was broadcast: who is there?
    AskedAnybody(SocketAddrV4),
    /// The kernel did not take a datagram.
    NotSent {
        /// Where to.
        to: SocketAddrV4,
        /// Why.
        why: String,
    },
    /// Receiving failed; it goes on.
    NotReceived {
        /// Why.
        why: String,
    },
    /// A datagram came.
    Received {
        /// Where from.
        from: SocketAddrV4,
        /// What it was.
        received: Received,
    },
}

/// What a datagram was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A machine of the cluster asks.
    Request {
        /// Whether it was answered: only who has a queue server does.
        answered: bool,
        /// Whether it has a queue server itself.
        serves: bool,
    },
    /// A queue server of the cluster answered.
    Answer {
        /// Where it is.
        queue_server: SocketAddrV4,
    },
    /// Who asked before has a queue server.
    Confirm {
        /// Where it is.
        queue_server: SocketAddrV4,
    },
    /// Somebody asks for clusters.
    Census {
        /// Whether it was answered: only who has a queue server does.
        answered: bool,
    },
    /// A queue server of a cluster that the token does not fit.
    Foreign(Heard),
    /// Nothing was done.
    Ignored(Ignored),
}

/// Why nothing was done about a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// This process sent it.
    Own,
    /// The proof is of another token, or it was changed on the way.
    BadMac,
    /// None of the layouts.
    Malformed,
    /// Its nonce was seen before.
    Replayed,
    /// From outside the subnet of the interface.
    OffLink,
    /// Its source was answered within the last second, or too many were.
    Limited,
    /// Nothing was asked lately that it could answer.
    Late,
    /// A census answered by the token's own cluster; the answers to requests count.
    OwnCluster,
    /// More queue servers than are remembered.
    Full,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.interface)?;
        match &self.what {
            What::Opened { purpose, broadcast, not_device } => {
                match purpose {
                    Purpose::Listen(port) => write!(f, "listening on port {port}")?,
                    Purpose::Talk => write!(f, "asking at {broadcast}")?,
                }
                match not_device {
                    Some(why) => write!(f, ", bound to the address only ({why})"),
                    None => Ok(()),
                }
            }
            What::NotOpened { purpose: Purpose::Listen(port), why } => {
                write!(f, "cannot listen on port {port}: {why}")
            }
            What::NotOpened { purpose: Purpose::Talk, why } => write!(f, "cannot ask: {why}"),
            What::Gone => f.write_str("gone"),
            What::AskedCluster(to) => write!(f, "asked {to} for queue servers of this cluster"),
            What::AskedAnybody(to) => write!(f, "asked {to} which clusters are here"),
            What::NotSent { to, why } => write!(f, "could not send to {to}: {why}"),
            What::NotReceived { why } => write!(f, "could not receive: {why}"),
            What::Received { from, received } => write!(f, "heard {from}: {received}"),
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let silently =
            |answered: &bool| if *answered { "answered" } else { "no queue server here to tell of" };
        match self {
            Received::Request { answered, .. } => {
                write!(f, "a machine of this cluster asks; {}", silently(answered))
            }
            Received::Answer { queue_server } => write!(f, "answer: queue server at {queue_server}"),
            Received::Confirm { queue_server } => {
                write!(f, "who asked has a queue server too, at {queue_server}")
            }
            Received::Census { answered } => {
                write!(f, "asks which clusters are here; {}", silently(answered))
            }
            Received::Foreign(heard) => write!(f, "{heard}, which the token does not fit"),
            Received::Ignored(why) => write!(f, "ignored: {why}"),
        }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ignored::Own => "sent by this process",
            Ignored::BadMac => "its proof does not fit the token",
            Ignored::Malformed => "not a datagram of this protocol",
            Ignored::Replayed => "seen before",
            Ignored::OffLink => "its source is not in the subnet of this interface",
            Ignored::Limited => "its source was answered within the last second",
            Ignored::Late => "it answers nothing that was asked lately",
            Ignored::OwnCluster => "this cluster without a proof; its answers to requests count",
            Ignored::Full => "more queue servers than are remembered",
        })
    }
}
