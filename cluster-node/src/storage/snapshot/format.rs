//! What a snapshot file looks like. Numbers are little-endian.
//!
//! - header: [`MAGIC`], format u32, length of meta u32, meta (a protobuf message), CRC-32 of all that
//! - blocks: length u32 (not 0), rows, CRC-32 of both; a row is length of key u32, length of value u32, key, value
//! - trailer: 0 u32, number of rows u64, BLAKE3 of the file up to here, CRC-32 of the trailer

use std::path::Path;

use bytes::Bytes;
use gossamer_proto::v1;
use prost::Message;

use super::SnapshotError;
use crate::storage::catalogue::applied::AppliedState;
use crate::storage::position::Position;

/// How the file begins.
pub(super) const MAGIC: &[u8; 8] = b"GOSSNAP\n";
/// The format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// Bytes before meta.
pub(super) const FIXED_BYTES: usize = 16;
/// Longest meta that is believed, bytes: a membership of a hundred thousand nodes.
pub(super) const META_BYTES: usize = 1 << 20;
/// A block is closed when it is this long, bytes: one write, and little to lose to its frame.
pub(super) const BLOCK_BYTES: usize = 256 << 10;
/// Longest block that is believed, bytes: one that was all but closed, and the longest row with room.
pub(super) const BLOCK_MAX_BYTES: usize = BLOCK_BYTES + (1 << 20);
/// Bytes of the trailer.
pub(super) const TRAILER_BYTES: usize = 4 + 8 + 32 + 4;

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// The last entry applied in it.
    pub at: Option<Position>,
    /// The last entry up to there that held a membership.
    pub membership_at: Option<Position>,
    /// That membership.
    pub membership: Option<v1::Membership>,
    /// The digest of its rows.
    pub digest: [u8; 32],
}

#[derive(Clone, PartialEq, Message)]
struct Encoded {
    #[prost(message, optional, tag = "1")]
    at: Option<v1::LogId>,
    #[prost(message, optional, tag = "2")]
    membership_at: Option<v1::LogId>,
    #[prost(message, optional, tag = "3")]
    membership: Option<v1::Membership>,
    #[prost(bytes = "bytes", tag = "4")]
    digest: Bytes,
}

impl Meta {
    pub(super) fn of(applied: &AppliedState, digest: [u8; 32]) -> Self {
        let AppliedState { at, membership_at, membership } = applied.clone();
        Meta { at, membership_at, membership, digest }
    }

    pub(super) fn applied(&self) -> AppliedState {
        AppliedState { at: self.at, membership_at: self.membership_at, membership: self.membership.clone() }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let encoded = Encoded {
            at: self.at.map(Into::into),
            membership_at: self.membership_at.map(Into::into),
            membership: self.membership.clone(),
            digest: Bytes::copy_from_slice(&self.digest),
        };
        encoded.encode_to_vec()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let encoded = Encoded::decode(bytes).ok()?;
        Some(Meta {
            at: encoded.at.map(Into::into),
            membership_at: encoded.membership_at.map(Into::into),
            membership: encoded.membership,
            digest: encoded.digest[..].try_into().ok()?,
        })
    }
}

/// A damaged file.
pub(super) fn corrupt(path: &Path, what: impl Into<String>) -> SnapshotError {
    SnapshotError::Corrupt { file: path.display().to_string(), what: what.into() }
}
