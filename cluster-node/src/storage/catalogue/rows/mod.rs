//! The rows of the catalogue, one file per kind. The first byte of a key is the kind of the row.
//!
//! - Lower-case kinds are replicated: the same on every node that has applied the same entries, part of digest
//!   and snapshot. `f` [`file`], `g` [`globals`], `m` and `s` [`member`], `o` [`operation`],
//!   `c` [`setting`], `r` [`retired`].
//! - Upper-case kinds are local to the node and in neither. `A` [`state`]; all others belong to the index of chunks.

pub(super) mod file;
pub(super) mod globals;
pub(super) mod member;
pub(super) mod operation;
pub(super) mod retired;
pub(super) mod setting;
pub(super) mod state;

/// The range of all replicated rows.
pub(super) const REPLICATED: (&[u8], &[u8]) = (b"a", b"{");

/// Whether a row is replicated.
pub(super) fn is_replicated(key: &[u8]) -> bool {
    REPLICATED.0 <= key && key < REPLICATED.1
}
