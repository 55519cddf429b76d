//! What commands did, and how far the catalogue has come.

use bytes::{BufMut, Bytes, BytesMut};
use gossamer_proto::v1;

use super::backend::BackendError;
use crate::storage::position::Position;

/// What one command of a batch did. Deterministic: the same on every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The file is written.
    Written {
        /// The log index that wrote it.
        version: u64,
        /// Unix time in milliseconds, the leader's.
        modified_ms: u64,
    },
    /// The file is gone.
    Removed {
        /// The version it had.
        version: u64,
    },
    /// The node is known.
    Admitted {
        /// The entry's index, or the id that this storage id already had.
        node: u64,
    },
    /// The node was removed, now or before: its id and its folder never come back.
    Retired {
        /// Its id.
        node: u64,
    },
    /// Not removed: no other node would stay.
    LastNode,
    /// The setting is set.
    Configured,
    /// The digest is noted.
    Marked {
        /// The entry's index.
        index: u64,
    },
    /// The Collect of this number is applied, now or before.
    Collected,
    /// The generation is open, now or before.
    Expired,
    /// if-absent or if-version did not hold.
    Condition {
        /// The version there is.
        found: Option<u64>,
    },
    /// There is no such file, or no such node.
    NotFound,
    /// Not done, propose anew: a Commit was sealed under another membership, or before a Collect that may have
    /// freed its chunks; or an Admit was not the first of its entry.
    SealAgain,
    /// The operation's known_index lies before the oldest remembered operation: never executed anew.
    TooOld,
    /// The command can never succeed: a name, a hash, a number, a setting or a list of chunks is not what it should be.
    Invalid,
}

impl Applied {
    /// As an operation's row holds it; `None` if this outcome is not remembered because a repetition may do better
    /// or comes to the same anyway.
    pub(super) fn encode(&self) -> Option<Bytes> {
        let (kind, numbers): (u8, &[u64]) = match self {
            Applied::Written { version, modified_ms } => (1, &[*version, *modified_ms]),
            Applied::Removed { version } => (2, &[*version]),
            Applied::Condition { found: Some(version) } => (3, &[*version]),
            Applied::Condition { found: None } => (4, &[]),
            Applied::NotFound => (5, &[]),
            Applied::Configured => (6, &[]),
            Applied::Retired { node } => (7, &[*node]),
            Applied::LastNode => (8, &[]),
            _ => return None,
        };
        let mut row = BytesMut::with_capacity(1 + 8 * numbers.len());
        row.put_u8(kind);
        numbers.iter().for_each(|number| row.put_u64(*number));
        Some(row.freeze())
    }

    /// Reads what [`Applied::encode`] wrote.
    pub(super) fn decode(row: &[u8]) -> Result<Self, BackendError> {
        let wrong = || BackendError::Row(format!("an operation's outcome: {row:02x?}"));
        let (kind, rest) = row.split_first().ok_or_else(wrong)?;
        let (numbers, tail) = rest.as_chunks::<8>();
        let numbers: Vec<u64> = numbers.iter().copied().map(u64::from_be_bytes).collect();
        match (kind, &numbers[..], tail) {
            (1, [version, modified_ms], []) => {
                Ok(Applied::Written { version: *version, modified_ms: *modified_ms })
            }
            (2, [version], []) => Ok(Applied::Removed { version: *version }),
            (3, [version], []) => Ok(Applied::Condition { found: Some(*version) }),
            (4, [], []) => Ok(Applied::Condition { found: None }),
            (5, [], []) => Ok(Applied::NotFound),
            (6, [], []) => Ok(Applied::Configured),
            (7, [node], []) => Ok(Applied::Retired { node: *node }),
            (8, [], []) => Ok(Applied::LastNode),
            _ => Err(wrong()),
        }
    }
}

/// What the catalogue has applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppliedState {
    /// The last entry.
    pub at: Option<Position>,
    /// The last entry that held a membership.
    pub membership_at: Option<Position>,
    /// That membership.
    pub membership: Option<v1::Membership>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every remembered outcome comes back from its row; the others make none; nonsense is an error.
    #[test]
    fn rows() {
        for outcome in [
            Applied::Written { version: 7, modified_ms: 1 << 41 },
            Applied::Removed { version: 8 },
            Applied::Condition { found: Some(9) },
            Applied::Condition { found: None },
            Applied::NotFound,
            Applied::Configured,
            Applied::Retired { node: 10 },
            Applied::LastNode,
        ] {
            let row = outcome.encode().unwrap();
            assert_eq!(Applied::decode(&row).unwrap(), outcome);
            assert!(Applied::decode(&[&row[..], b"x"].concat()).is_err());
        }
        assert_eq!(Applied::SealAgain.encode(), None);
        assert_eq!(Applied::TooOld.encode(), None);
        assert!(Applied::decode(b"").is_err());
    }
}
