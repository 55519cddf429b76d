//! `m` node id -> storage id, and `s` storage id -> node id, both for ever: ids are never used twice.

use bytes::Bytes;

use crate::storage::catalogue::backend::BackendError;

/// The id of the node that founded the cluster: no entry has this index to give to another.
pub(in super::super) const FOUNDER: u64 = 1;
/// The kind of the rows that are found by node id.
pub(in super::super) const KIND: u8 = b'm';
/// Length of a storage id in bytes.
pub(in super::super) const STORAGE_ID_BYTES: usize = 16;

/// The key of a node id.
pub(in super::super) fn key(node: u64) -> Bytes {
    [&[KIND][..], &node.to_be_bytes()].concat().into()
}

/// The key of a storage id.
pub(in super::super) fn storage_key(storage_id: &[u8]) -> Bytes {
    [b"s", storage_id].concat().into()
}

/// The node id in the key of an `m` row, or in the value of an `s` row.
pub(in super::super) fn node(bytes: &[u8]) -> Result<u64, BackendError> {
    let number = bytes.try_into().map_err(|_| BackendError::Row("a node id".to_owned()))?;
    Ok(u64::from_be_bytes(number))
}
