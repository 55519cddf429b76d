//! `o` generation, session, sequence -> the outcome of a client's operation ([`super::super::Applied`]).

use bytes::Bytes;
use gossamer_proto::v1;

/// Length of a session in bytes.
const SESSION_BYTES: usize = 16;

/// Whether an operation can have a row.
pub(in super::super) fn is_valid(operation: &v1::Operation) -> bool {
    operation.session.len() == SESSION_BYTES
}

/// The beginning of the keys of all operations of a generation.
pub(in super::super) fn prefix(generation: u64) -> Bytes {
    [&b"o"[..], &generation.to_be_bytes()].concat().into()
}

/// The key of an operation remembered in `generation`.
pub(in super::super) fn key(generation: u64, operation: &v1::Operation) -> Bytes {
    [&prefix(generation)[..], &operation.session, &operation.sequence.to_be_bytes()].concat().into()
}
