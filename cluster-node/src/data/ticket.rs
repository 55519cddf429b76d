//! Tickets: permission to move the bytes of one upload or read at this node's data port for a while.
//!
//! A ticket is `kind | subject | expiry | MAC`, opaque to whoever carries it. The MAC is keyed BLAKE3 with a key
//! drawn at the start of the process: only the node that issued a ticket can check it, and a restart voids all.

use bytes::{BufMut, Bytes, BytesMut};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::TICKET;
use gossamer_world::World;
use tokio::time::{Duration, Instant};

/// What a ticket permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Bring the chunks of this upload; the node forwards them to all others.
    Upload {
        /// Drawn by the client.
        upload_id: [u8; 16],
    },
    /// Bring forwarded chunks of this upload.
    Receive {
        /// Drawn by the client.
        upload_id: [u8; 16],
    },
    /// Fetch exactly this list of chunks.
    Read {
        /// BLAKE3 of the hashes written one after the other.
        list: Hash,
    },
}

/// Why a ticket is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TicketError {
    /// The MAC does not fit.
    #[error("the ticket is forged, damaged, or of another node or an earlier run of this one")]
    Forged,
    /// Older than [`TICKET`].
    #[error("the ticket has expired")]
    Expired,
    /// It permits another upload or read.
    #[error("the ticket is for something else")]
    Other,
}

/// Issues and checks this node's tickets; stateless but for a random key drawn at the start.
pub struct Tickets {
    key: [u8; 32],
    start: Instant,
}

const UPLOAD: u8 = 1;
const RECEIVE: u8 = 2;
const READ: u8 = 3;
/// Kind, subject (padded with zeros), expiry.
const SIGNED_BYTES: usize = 1 + 32 + 8;
const MAC_BYTES: usize = 32;

impl Tickets {
    /// Draws the key.
    pub fn new(world: &World) -> Self {
        let mut key = [0; 32];
        world.random.fill(&mut key);
        Tickets { key, start: Instant::now() }
    }

    /// A ticket good for [`TICKET`] from now.
    pub fn issue(&self, grant: &Grant) -> Bytes {
        let mut subject = [0; 32];
        let kind = match grant {
            Grant::Upload { upload_id } => {
                subject[..16].copy_from_slice(upload_id);
                UPLOAD
            }
            Grant::Receive { upload_id } => {
                subject[..16].copy_from_slice(upload_id);
                RECEIVE
            }
            Grant::Read { list } => {
                subject = *list.as_bytes();
                READ
            }
        };
        let expiry = self.start.elapsed() + TICKET;
        let mut ticket = BytesMut::with_capacity(SIGNED_BYTES + MAC_BYTES);
        ticket.put_u8(kind);
        ticket.put_slice(&subject);
        ticket.put_u64(expiry.as_millis() as u64);
        let mac = blake3::keyed_hash(&self.key, &ticket);
        ticket.put_slice(mac.as_bytes());
        ticket.freeze()
    }

    /// What the ticket permits, if it is one of ours and still good.
    pub fn check(&self, ticket: &[u8]) -> Result<Grant, TicketError> {
        let (signed, mac) = ticket.split_first_chunk::<SIGNED_BYTES>().ok_or(TicketError::Forged)?;
        let mac: [u8; MAC_BYTES] = mac.try_into().map_err(|_| TicketError::Forged)?;
        // Comparing `blake3::Hash`es takes the same time wherever they differ.
        if blake3::keyed_hash(&self.key, signed) != blake3::Hash::from_bytes(mac) {
            return Err(TicketError::Forged);
        }
        let (kind, rest) = signed.split_first().ok_or(TicketError::Forged)?;
        let (subject, expiry) = rest.split_first_chunk::<32>().ok_or(TicketError::Forged)?;
        let expiry = u64::from_be_bytes(expiry.try_into().map_err(|_| TicketError::Forged)?);
        if self.start.elapsed() >= Duration::from_millis(expiry) {
            return Err(TicketError::Expired);
        }
        let upload_id = *subject.first_chunk().ok_or(TicketError::Forged)?;
        match *kind {
            UPLOAD => Ok(Grant::Upload { upload_id }),
            RECEIVE => Ok(Grant::Receive { upload_id }),
            READ => Ok(Grant::Read { list: Hash::from(*subject) }),
            _ => Err(TicketError::Forged),
        }
    }

    /// Checks a ticket as it comes in a header, in hexadecimal digits.
    pub(crate) fn check_hex(&self, text: &str) -> Result<Grant, TicketError> {
        let digits = text.as_bytes();
        if digits.len() != 2 * (SIGNED_BYTES + MAC_BYTES) {
            return Err(TicketError::Forged);
        }
        let nibble = |digit: u8| (digit as char).to_digit(16).ok_or(TicketError::Forged);
        let ticket: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| Ok((nibble(pair[0])? << 4 | nibble(pair[1])?) as u8))
            .collect::<Result<_, TicketError>>()?;
        self.check(&ticket)
    }
}

/// A ticket as it goes into a header.
pub fn to_hex(ticket: &[u8]) -> String {
    ticket.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ticket gives back what it was issued for, in bytes and in digits, and only at the node that issued it.
    #[test]
    fn only_ours() {
        let world = World::real();
        let (ours, others) = (Tickets::new(&world), Tickets::new(&world));
        for grant in [
            Grant::Upload { upload_id: [7; 16] },
            Grant::Receive { upload_id: [8; 16] },
            Grant::Read { list: Hash::of(b"list") },
        ] {
            let ticket = ours.issue(&grant);
            assert_eq!(ours.check(&ticket), Ok(grant.clone()));
            assert_eq!(ours.check_hex(&to_hex(&ticket)), Ok(grant));
            assert_eq!(others.check(&ticket), Err(TicketError::Forged));
            for place in 0..ticket.len() {
                let mut forged = ticket.to_vec();
                forged[place] ^= 1;
                assert_eq!(ours.check(&forged), Err(TicketError::Forged), "byte {place}");
            }
            assert_eq!(ours.check(&ticket[1..]), Err(TicketError::Forged));
            assert_eq!(ours.check_hex(&to_hex(&ticket)[2..]), Err(TicketError::Forged));
        }
        assert_eq!(ours.check(b""), Err(TicketError::Forged));
        assert_eq!(ours.check_hex(&"é".repeat(SIGNED_BYTES + MAC_BYTES)), Err(TicketError::Forged));
    }

    /// A ticket is good for its time and no longer.
    #[test]
    fn expires() {
        let tickets = Tickets::new(&World::real());
        let ticket = tickets.issue(&Grant::Upload { upload_id: [1; 16] });
        // The same node, so much later.
        let later = |by| Tickets { key: tickets.key, start: tickets.start - by };
        assert!(later(TICKET / 2).check(&ticket).is_ok());
        assert_eq!(later(TICKET + Duration::from_secs(1)).check(&ticket), Err(TicketError::Expired));
    }
}
