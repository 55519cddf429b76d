//! `r` node id -> whether it may leave without a successor: nodes that were removed, for ever.

use bytes::Bytes;

use super::member;
use crate::storage::catalogue::backend::BackendError;

/// The kind of the rows.
pub(in super::super) const KIND: u8 = b'r';

/// The key of a node id.
pub(in super::super) fn key(node: u64) -> Bytes {
    [&[KIND][..], &node.to_be_bytes()].concat().into()
}

/// The value of a row.
pub(in super::super) fn value(fewer_voters: bool) -> Bytes {
    Bytes::copy_from_slice(&[u8::from(fewer_voters)])
}

/// Whether the node may leave without a successor.
pub(in super::super) fn fewer_voters(value: &[u8]) -> Result<bool, BackendError> {
    match value {
        [flag @ (0 | 1)] => Ok(*flag == 1),
        _ => Err(BackendError::Row("a removed node".to_owned())),
    }
}

/// Node id and value of a row.
pub(in super::super) fn decode(key: &[u8], value: &[u8]) -> Result<(u64, bool), BackendError> {
    Ok((member::node(&key[1..])?, fewer_voters(value)?))
}
