//! openraft's types to and from the messages of `wire/node.proto`.
//!
//! A log entry has the same bytes on the wire and on disk: an encoded [`v1::LogEntry`].

use std::collections::BTreeSet;
use std::io;

use bytes::Bytes;
use gossamer_proto::v1;
use openraft::EntryPayload;
use openraft::entry::RaftEntry;
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, VoteRequest, VoteResponse,
};
use prost::Message;

use super::types::{Entry, Leader, LogId, Membership, Proposal, SnapshotMeta, StoredMembership, Types, Vote};
use crate::storage::position::Position;
use crate::storage::snapshot::Meta;

/// Bytes from a peer or the disk that mean nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConvertError {
    #[error("a message of Raft cannot be read: {0}")]
    Decode(#[from] prost::DecodeError),
    #[error("a message of Raft lacks its {0}")]
    Lacks(&'static str),
    #[error("a membership is impossible: {0}")]
    Membership(String),
}

impl From<ConvertError> for io::Error {
    fn from(error: ConvertError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

impl From<ConvertError> for tonic::Status {
    fn from(error: ConvertError) -> Self {
        tonic::Status::invalid_argument(error.to_string())
    }
}

/// [`v1::LogEntry`] with its batch left encoded. Bytes and an embedded message have the same form on the wire,
/// so both read what the other wrote, and a batch is copied once where a full decode and encode would walk it.
#[derive(Clone, PartialEq, prost::Message)]
struct Envelope {
    #[prost(message, optional, tag = "1")]
    id: Option<v1::LogId>,
    #[prost(oneof = "Content", tags = "2, 3, 4")]
    content: Option<Content>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Content {
    #[prost(bool, tag = "2")]
    Blank(bool),
    #[prost(bytes = "bytes", tag = "3")]
    Batch(Bytes),
    #[prost(message, tag = "4")]
    Membership(v1::Membership),
}

pub(super) fn encode_entry(entry: Entry) -> Bytes {
    let id = entry.log_id();
    let content = match entry.payload {
        EntryPayload::Blank => Content::Blank(true),
        EntryPayload::Normal(proposal) => Content::Batch(proposal.encoded),
        EntryPayload::Membership(membership) => Content::Membership(from_membership(&membership)),
    };
    Envelope { id: Some(from_log_id(id)), content: Some(content) }.encode_to_vec().into()
}

pub(super) fn decode_entry(encoded: Bytes) -> Result<Entry, ConvertError> {
    let envelope = Envelope::decode(encoded)?;
    let payload = match envelope.content.ok_or(ConvertError::Lacks("payload"))? {
        Content::Blank(_) => EntryPayload::Blank,
        Content::Batch(encoded) => EntryPayload::Normal(Proposal { encoded }),
        Content::Membership(membership) => EntryPayload::Membership(to_membership(&membership)?),
    };
    let id = to_log_id(envelope.id.ok_or(ConvertError::Lacks("log id"))?);
    Ok(Entry::new(id, payload))
}

pub(super) fn to_log_id(id: v1::LogId) -> LogId {
    LogId { leader_id: Leader { term: id.term, node_id: id.node }, index: id.index }
}

pub(super) fn from_log_id(id: LogId) -> v1::LogId {
    v1::LogId { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}

pub(super) fn to_position(id: LogId) -> Position {
    from_log_id(id).into()
}

pub(super) fn from_position(at: Position) -> LogId {
    to_log_id(at.into())
}

pub(super) fn to_vote(vote: v1::VoteState) -> Vote {
    Vote { leader_id: Leader { term: vote.term, node_id: vote.node }, committed: vote.committed }
}

pub(super) fn from_vote(vote: Vote) -> v1::VoteState {
    v1::VoteState { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}

pub(super) fn given_vote(vote: Option<v1::VoteState>) -> Result<Vote, ConvertError> {
    vote.map(to_vote).ok_or(ConvertError::Lacks("vote"))
}

pub(super) fn to_membership(membership: &v1::Membership) -> Result<Membership, ConvertError> {
    let configs: Vec<BTreeSet<u64>> =
        membership.configs.iter().map(|voters| voters.ids.iter().copied().collect()).collect();
    let nodes: BTreeSet<u64> = membership.nodes.iter().copied().collect();
    if configs.is_empty() && nodes.is_empty() {
        return Ok(Membership::default());
    }
    let nodes = nodes.into_iter().map(|id| (id, ())).collect::<std::collections::BTreeMap<_, _>>();
    Membership::new(configs, nodes).map_err(|error| ConvertError::Membership(error.to_string()))
}

pub(super) fn from_membership(membership: &Membership) -> v1::Membership {
    v1::Membership {
        configs: membership
            .get_joint_config()
            .iter()
            .map(|voters| v1::Voters { ids: voters.iter().copied().collect() })
            .collect(),
        nodes: membership.nodes().map(|(id, ())| *id).collect(),
    }
}

pub(super) fn to_stored(
    at: Option<Position>,
    membership: Option<&v1::Membership>,
) -> Result<StoredMembership, ConvertError> {
    let membership = membership.map(to_membership).transpose()?.unwrap_or_default();
    Ok(StoredMembership::new(at.map(from_position), membership))
}

pub(super) fn to_snapshot_meta(meta: &Meta) -> Result<SnapshotMeta, ConvertError> {
    Ok(SnapshotMeta {
        last_log_id: meta.at.map(from_position),
        last_membership: to_stored(meta.membership_at, meta.membership.as_ref())?,
    })
}

pub(super) fn from_append(request: AppendEntriesRequest<Types>) -> v1::AppendRequest {
    v1::AppendRequest {
        vote: Some(from_vote(request.vote)),
        previous: request.prev_log_id.map(from_log_id),
        entries: request.entries.into_iter().map(encode_entry).collect(),
        committed: request.leader_commit.map(from_log_id),
    }
}

pub(super) fn to_append(request: v1::AppendRequest) -> Result<AppendEntriesRequest<Types>, ConvertError> {
    Ok(AppendEntriesRequest {
        vote: given_vote(request.vote)?,
        prev_log_id: request.previous.map(to_log_id),
        entries: request.entries.into_iter().map(decode_entry).collect::<Result<_, _>>()?,
        leader_commit: request.committed.map(to_log_id),
    })
}

/// What a follower says says up to where it accepted, not just that it did: the leader then counts what is there.
pub(super) fn from_appended(result: StreamAppendResult<Types>) -> v1::AppendAnswer {
    use v1::append_answer::Kind;
    let kind = match result {
        Ok(Some(upto)) => Kind::Partial(from_log_id(upto)),
        Ok(None) => Kind::PartialNone(true),
        Err(StreamAppendError::Conflict(_)) => Kind::Conflict(true),
        Err(StreamAppendError::HigherVote(vote)) => Kind::HigherVote(from_vote(vote)),
    };
    v1::AppendAnswer { kind: Some(kind) }
}

/// `previous` and `last` are those of the request that is answered.
pub(super) fn to_appended(
    answer: v1::AppendAnswer,
    previous: Option<LogId>,
    last: Option<LogId>,
) -> Result<StreamAppendResult<Types>, ConvertError> {
    use v1::append_answer::Kind;
    Ok(match answer.kind.ok_or(ConvertError::Lacks("answer"))? {
        Kind::Success(_) => Ok(last),
        Kind::Partial(upto) => Ok(Some(to_log_id(upto))),
        Kind::PartialNone(_) => Ok(None),
        // A request that starts from nothing cannot conflict.
        Kind::Conflict(_) => {
            Err(StreamAppendError::Conflict(previous.ok_or(ConvertError::Lacks("previous entry"))?))
        }
        Kind::HigherVote(vote) => Err(StreamAppendError::HigherVote(to_vote(vote))),
    })
}

pub(super) fn from_vote_request(request: VoteRequest<Types>) -> v1::VoteRequest {
    v1::VoteRequest {
        vote: Some(from_vote(request.vote)),
        last_log_id: request.last_log_id.map(from_log_id),
        handed_over: request.leadership_transfer,
    }
}

pub(super) fn to_vote_request(request: v1::VoteRequest) -> Result<VoteRequest<Types>, ConvertError> {
    let mut asked = VoteRequest::new(given_vote(request.vote)?, request.last_log_id.map(to_log_id));
    asked.leadership_transfer = request.handed_over;
    Ok(asked)
}

pub(super) fn from_vote_answer(answer: VoteResponse<Types>) -> v1::VoteAnswer {
    v1::VoteAnswer {
        vote: Some(from_vote(answer.vote)),
        granted: answer.vote_granted,
        last_log_id: answer.last_log_id.map(from_log_id),
    }
}

pub(super) fn to_vote_answer(answer: v1::VoteAnswer) -> Result<VoteResponse<Types>, ConvertError> {
    Ok(VoteResponse::new(given_vote(answer.vote)?, answer.last_log_id.map(to_log_id), answer.granted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u64) -> LogId {
        to_log_id(v1::LogId { term: 3, node: 7, index })
    }

    fn batch() -> v1::Batch {
        let remove = v1::Remove { name: "files/a".into(), condition: None };
        let command = v1::Command { operation: None, kind: Some(v1::command::Kind::Remove(remove)) };
        v1::Batch { commands: vec![command], now_ms: 42 }
    }

    /// Every kind of entry survives; the ids of the first entry, all zero, too.
    #[test]
    fn entries_there_and_back() {
        let membership =
            Membership::new_with_defaults(vec![BTreeSet::from([1, 2]), BTreeSet::from([2, 3])], [9]);
        for payload in [
            EntryPayload::Blank,
            EntryPayload::Normal(Proposal::new(&batch())),
            EntryPayload::Normal(Proposal::new(&v1::Batch::default())),
            EntryPayload::Membership(membership),
        ] {
            for id in [id(5), to_log_id(v1::LogId::default())] {
                let entry = Entry::new(id, payload.clone());
                assert_eq!(decode_entry(encode_entry(entry.clone())).unwrap(), entry);
            }
        }
    }

    /// The envelope is [`v1::LogEntry`], bit for bit: what is on disk can be read by anybody with the `.proto`.
    #[test]
    fn envelope_is_the_message() {
        let entry = Entry::new(id(5), EntryPayload::Normal(Proposal::new(&batch())));
        let encoded = encode_entry(entry);
        let message = v1::LogEntry::decode(encoded.clone()).unwrap();
        assert_eq!(message.payload, Some(v1::log_entry::Payload::Batch(batch())));
        assert_eq!(Bytes::from(message.encode_to_vec()), encoded);
    }

    /// Damage is an error, not a panic.
    #[test]
    fn nonsense_is_refused() {
        assert!(decode_entry(Bytes::from_static(b"\xff\xff")).is_err());
        assert!(decode_entry(Bytes::new()).is_err());
        let stray = v1::Membership { configs: vec![v1::Voters { ids: vec![1] }], nodes: vec![2] };
        assert!(to_membership(&stray).is_err());
        assert!(to_append(v1::AppendRequest::default()).is_err());
        assert!(to_appended(v1::AppendAnswer::default(), None, None).is_err());
    }
}
