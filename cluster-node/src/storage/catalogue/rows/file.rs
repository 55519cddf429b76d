//! `f` name -> [`v1::FileRecord`].

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::v1;
use prost::Message;

use crate::storage::catalogue::backend::BackendError;
use crate::storage::extents::Owner;

/// The kind of the row.
pub(in super::super) const KIND: u8 = b'f';

/// The key of a name, or the beginning of all keys whose names begin so.
pub(in super::super) fn key(name: &str) -> Bytes {
    [&[KIND], name.as_bytes()].concat().into()
}

/// The name in a key.
pub(in super::super) fn name(key: &[u8]) -> Result<&str, BackendError> {
    std::str::from_utf8(&key[1..]).map_err(|_| BackendError::Row("a file's name is not UTF-8".to_owned()))
}

/// The record in a row.
pub(in super::super) fn decode(value: Bytes) -> Result<v1::FileRecord, BackendError> {
    v1::FileRecord::decode(value).map_err(|error| BackendError::Row(format!("a file's record: {error}")))
}

/// The chunks that a record names.
pub(in super::super) fn chunks(record: &v1::FileRecord) -> Result<Vec<Hash>, BackendError> {
    Hash::list(&record.chunks).map_err(|error| BackendError::Row(format!("a file's chunks: {error}")))
}

/// By what the index of chunks knows a record.
pub(in super::super) fn owner(record: &v1::FileRecord) -> Owner {
    Owner { version: record.version, ordinal: record.ordinal }
}
