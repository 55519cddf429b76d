//! `g` -> the numbers that belong to no other row.

use bytes::Bytes;
use prost::Message;

use crate::storage::catalogue::backend::BackendError;

/// The one key.
pub(in super::super) const KEY: Bytes = Bytes::from_static(b"g");

/// Counters of the replicated state.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in super::super) struct Globals {
    /// The highest Collect applied.
    #[prost(uint64, tag = "1")]
    pub(in super::super) collect_number: u64,
    /// The generation in which operations are remembered now.
    #[prost(uint64, tag = "2")]
    pub(in super::super) generation: u64,
    /// Index of the entry that opened it.
    #[prost(uint64, tag = "3")]
    pub(in super::super) opened_at: u64,
    /// Index of the entry that opened the generation before it: an operation that its client first sent when it
    /// knew less may have been remembered in a generation that is gone.
    #[prost(uint64, tag = "4")]
    pub(in super::super) floor: u64,
    /// The oldest generation of which rows may be left.
    #[prost(uint64, tag = "5")]
    pub(in super::super) oldest_generation: u64,
    /// Operations remembered since the generation was opened.
    #[prost(uint64, tag = "6")]
    pub(in super::super) operations: u64,
    /// Files there are.
    #[prost(uint64, tag = "7")]
    pub(in super::super) files: u64,
}

/// Reads the row; all zero before the first entry.
pub(in super::super) fn decode(value: Option<Bytes>) -> Result<Globals, BackendError> {
    Globals::decode(value.unwrap_or_default())
        .map_err(|error| BackendError::Row(format!("the globals: {error}")))
}
