//! The datagrams: fixed layouts, so that a length and a kind are all there is to know before the proof is checked.
//!
//! ```text
//! every one      magic "GSM1", kind (1 byte), nonce (16)
//! 1 Request      1 if the asker has a queue server (1), zeros (18), proof (32)   72 bytes, broadcast
//! 2 Answer       nonce of the answer (16), queue server's port (2), proof    71
//! 3 Confirm      queue server's port (2), proof                              55
//! 4 Census       zeros (51)                                                  72, broadcast
//! 5 CensusAnswer cluster id (16), port (2), length of the name (1), name,
//!                zeros up to 32                                              72
//! ```
//!
//! Numbers are little-endian; a port is never 0. The proof is the keyed BLAKE3 of all
//! bytes before it, kind included: no kind passes as another.

use gossamer_proto::token::{ID_BYTES, NAME_BYTES, Token, check_name};

/// Chosen at random, used once.
pub type Nonce = [u8; 16];

const MAGIC: &[u8; 4] = b"GSM1";
const HEAD_BYTES: usize = MAGIC.len() + 1 + size_of::<Nonce>();
const PROOF_BYTES: usize = blake3::OUT_LEN;
const ANSWER_BYTES: usize = HEAD_BYTES + 16 + 2 + PROOF_BYTES;
const CONFIRM_BYTES: usize = HEAD_BYTES + 2 + PROOF_BYTES;
/// Length of what is broadcast, bytes: nothing sent back is longer.
pub const BROADCAST_BYTES: usize = HEAD_BYTES + ID_BYTES + 2 + 1 + NAME_BYTES;

const _: () = assert!(CONFIRM_BYTES <= ANSWER_BYTES && ANSWER_BYTES <= BROADCAST_BYTES);

/// What a datagram says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Who has a queue server of my cluster? (AddNodeRequest)
    Request {
        /// To be repeated by the answer.
        nonce: Nonce,
        /// Whether the asker has one itself: who looks for one had better ask now.
        serves: bool,
    },
    /// I have, and whoever reads this and confirms is no replay. (AddNodeResponse)
    Answer {
        /// The request's.
        nonce: Nonce,
        /// To be repeated by the confirmation.
        challenge: Nonce,
        /// Port of the queue server, at the address that this comes from.
        port: u16,
    },
    /// I asked, and I have a queue server too.
    Confirm {
        /// The answer's.
        challenge: Nonce,
        /// Port of the queue server, at the address that this comes from.
        port: u16,
    },
    /// Which clusters are here?
    Census {
        /// To be repeated by the answer.
        nonce: Nonce,
    },
    /// This one, if you believe it.
    CensusAnswer {
        /// The census's.
        nonce: Nonce,
        /// Which cluster.
        cluster: [u8; ID_BYTES],
        /// Port of the queue server, at the address that this comes from.
        port: u16,
        /// The cluster's name.
        name: String,
    },
}

/// Why bytes are no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Not of any of the layouts.
    Malformed,
    /// The proof is of another token, or the bytes were changed.
    Proof,
}

/// What proves that one holds the token.
pub struct Key([u8; 32]);

impl Key {
    /// The token's, for this purpose only.
    pub fn new(token: &Token) -> Self {
        Key(token.key("gossamer 2026-11 discovery datagrams"))
    }
}

impl Packet {
    /// The bytes. Only a census and its answers can do without a key: `None` if one is needed.
    pub fn seal(&self, key: Option<&Key>) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(BROADCAST_BYTES);
        bytes.extend_from_slice(MAGIC);
        match self {
            Packet::Request { nonce, serves } => {
                head(&mut bytes, 1, nonce);
                bytes.push(u8::from(*serves));
                bytes.resize(BROADCAST_BYTES - PROOF_BYTES, 0);
            }
            Packet::Answer { nonce, challenge, port } => {
                head(&mut bytes, 2, nonce);
                bytes.extend_from_slice(challenge);
                bytes.extend_from_slice(&port.to_le_bytes());
            }
            Packet::Confirm { challenge, port } => {
                head(&mut bytes, 3, challenge);
                bytes.extend_from_slice(&port.to_le_bytes());
            }
            Packet::Census { nonce } => {
                head(&mut bytes, 4, nonce);
                bytes.resize(BROADCAST_BYTES, 0);
                return Some(bytes);
            }
            Packet::CensusAnswer { nonce, cluster, port, name } => {
                head(&mut bytes, 5, nonce);
                bytes.extend_from_slice(cluster);
                bytes.extend_from_slice(&port.to_le_bytes());
                bytes.push(u8::try_from(name.len()).ok()?);
                bytes.extend_from_slice(name.as_bytes());
                bytes.resize(BROADCAST_BYTES, 0);
                return Some(bytes);
            }
        }
        let proof = blake3::keyed_hash(&key?.0, &bytes);
        bytes.extend_from_slice(proof.as_bytes());
        Some(bytes)
    }

    /// What bytes say. Where there is a proof, nothing behind the kind is looked at before it is checked.
    pub fn open(bytes: &[u8], key: Option<&Key>) -> Result<Packet, Refused> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(Refused::Malformed)?;
        let (kind, body) = rest.split_first().ok_or(Refused::Malformed)?;
        if magic != MAGIC {
            return Err(Refused::Malformed);
        }
        match (*kind, bytes.len()) {
            (1, BROADCAST_BYTES) | (2, ANSWER_BYTES) | (3, CONFIRM_BYTES) => {
                prove(bytes, key.ok_or(Refused::Proof)?)?;
            }
            (4 | 5, BROADCAST_BYTES) => {}
            _ => return Err(Refused::Malformed),
        }
        parse(*kind, body).ok_or(Refused::Malformed)
    }
}

fn head(bytes: &mut Vec<u8>, kind: u8, nonce: &Nonce) {
    bytes.push(kind);
    bytes.extend_from_slice(nonce);
}

/// `blake3::Hash` compares in constant time.
fn prove(bytes: &[u8], key: &Key) -> Result<(), Refused> {
    let (said, proof) = bytes.split_last_chunk::<PROOF_BYTES>().ok_or(Refused::Malformed)?;
    if blake3::keyed_hash(&key.0, said) == blake3::Hash::from_bytes(*proof) {
        Ok(())
    } else {
        Err(Refused::Proof)
    }
}

fn parse(kind: u8, body: &[u8]) -> Option<Packet> {
    let (nonce, rest) = body.split_first_chunk()?;
    let nonce = *nonce;
    Some(match kind {
        1 => {
            let (serves, _zeros) = rest.split_first()?;
            Packet::Request { nonce, serves: *serves == 1 }
        }
        2 => {
            let (challenge, rest) = rest.split_first_chunk()?;
            let (port, _proof) = rest.split_first_chunk()?;
            Packet::Answer { nonce, challenge: *challenge, port: port_of(*port)? }
        }
        3 => {
            let (port, _proof) = rest.split_first_chunk()?;
            Packet::Confirm { challenge: nonce, port: port_of(*port)? }
        }
        4 => rest.iter().all(|byte| *byte == 0).then_some(Packet::Census { nonce })?,
        5 => {
            let (cluster, rest) = rest.split_first_chunk()?;
            let (port, rest) = rest.split_first_chunk()?;
            let (length, rest) = rest.split_first()?;
            let (name, zeros) = rest.split_at_checked(usize::from(*length))?;
            let name = str::from_utf8(name).ok()?;
            // What is no name must not reach a terminal.
            check_name(name).ok()?;
            let name = zeros.iter().all(|byte| *byte == 0).then(|| name.to_owned())?;
            Packet::CensusAnswer { nonce, cluster: *cluster, port: port_of(*port)?, name }
        }
        _ => return None,
    })
}

fn port_of(bytes: [u8; 2]) -> Option<u16> {
    Some(u16::from_le_bytes(bytes)).filter(|port| *port != 0)
}
