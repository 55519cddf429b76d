//! `A` -> what is applied, the membership and the digest; `AM` -> digests noted at marks; `A!` -> a snapshot is
//! being installed. Local: they say what this node did, not what the cluster holds.

use bytes::Bytes;
use gossamer_proto::v1;
use prost::Message;

use crate::storage::catalogue::applied::AppliedState;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::digest::Digest;

/// Key of the applied state.
pub(in super::super) const KEY: Bytes = Bytes::from_static(b"A");
/// Key of the marks.
pub(in super::super) const MARKS: Bytes = Bytes::from_static(b"AM");
/// Key of the row that is there while the rows are replaced.
pub(in super::super) const REPLACING: Bytes = Bytes::from_static(b"A!");

#[derive(Clone, PartialEq, Message)]
struct State {
    #[prost(message, optional, tag = "1")]
    at: Option<v1::LogId>,
    #[prost(message, optional, tag = "2")]
    membership_at: Option<v1::LogId>,
    #[prost(message, optional, tag = "3")]
    membership: Option<v1::Membership>,
    #[prost(bytes = "bytes", tag = "4")]
    digest: Bytes,
}

/// The row of a state.
pub(in super::super) fn encode(applied: &AppliedState, digest: Digest) -> Bytes {
    let state = State {
        at: applied.at.map(Into::into),
        membership_at: applied.membership_at.map(Into::into),
        membership: applied.membership.clone(),
        digest: Bytes::copy_from_slice(&digest.to_bytes()),
    };
    state.encode_to_vec().into()
}

/// Reads what [`encode`] wrote; nothing is applied if there is no row.
pub(in super::super) fn decode(row: Option<Bytes>) -> Result<(AppliedState, Digest), BackendError> {
    let Some(row) = row else { return Ok(Default::default()) };
    let wrong = || BackendError::Row("the applied state".to_owned());
    let state = State::decode(row).map_err(|_| wrong())?;
    let digest = Digest::from_bytes(state.digest[..].try_into().map_err(|_| wrong())?);
    let applied = AppliedState {
        at: state.at.map(Into::into),
        membership_at: state.membership_at.map(Into::into),
        membership: state.membership,
    };
    Ok((applied, digest))
}

/// A digest and the index of the entry at which it was noted.
pub(in super::super) type Mark = (u64, [u8; 32]);

/// The row of the marks.
pub(in super::super) fn encode_marks<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> Bytes {
    marks.into_iter().flat_map(|(index, digest)| [&index.to_be_bytes()[..], digest].concat()).collect()
}

/// Reads what [`encode_marks`] wrote.
pub(in super::super) fn decode_marks<T: FromIterator<Mark>>(row: Option<Bytes>) -> Result<T, BackendError> {
    let row = row.unwrap_or_default();
    let (marks, rest) = row.as_chunks::<40>();
    let read = |mark: &[u8; 40]| {
        let (mut index, mut digest) = ([0; 8], [0; 32]);
        index.copy_from_slice(&mark[..8]);
        digest.copy_from_slice(&mark[8..]);
        (u64::from_be_bytes(index), digest)
    };
    if rest.is_empty() {
        Ok(marks.iter().map(read).collect())
    } else {
        Err(BackendError::Row("the marks".to_owned()))
    }
}
