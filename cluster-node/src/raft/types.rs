//! openraft's types as this node fills them.

use std::fmt;

use bytes::Bytes;
use gossamer_proto::v1;
use openraft::impls::leader_id_adv::LeaderId;
use prost::{DecodeError, Message};

use super::state_machine::StateMachine;
use crate::storage::catalogue::Applied;

openraft::declare_raft_types!(
    /// Leader ids are (term, node): two candidates of one term may both win votes, and a log id names its leader.
    /// Members carry no address: those are soft state, and changing one must never be a membership change.
    pub(crate) Types:
        D = Proposal,
        R = Outcomes,
        NodeId = u64,
        Node = (),
);

pub(super) type Raft = openraft::Raft<Types, StateMachine>;
pub(super) type Leader = LeaderId<u64, u64>;
pub(super) type Vote = openraft::Vote<Leader>;
pub(super) type LogId = openraft::LogId<Leader>;
pub(super) type Entry = <Types as openraft::RaftTypeConfig>::Entry;
pub(super) type Membership = openraft::Membership<u64, ()>;
pub(super) type StoredMembership = openraft::StoredMembership<Leader, u64, ()>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<Leader, u64, ()>;
pub(super) type RaftSnapshot = openraft::Snapshot<Leader, u64, (), crate::storage::snapshot::Snapshot>;
pub(super) type RpcError = openraft::errors::RPCError<Types>;

/// A batch as it lies in log and message: encoded once by its proposer, decoded once by apply. On its way
/// through log and network it is never looked into, only its bytes are shared.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(super) encoded: Bytes,
}

impl Proposal {
    pub(super) fn new(batch: &v1::Batch) -> Self {
        Proposal { encoded: batch.encode_to_vec().into() }
    }

    pub(super) fn batch(&self) -> Result<v1::Batch, DecodeError> {
        // A clone of `Bytes` shares; so do the file bytes in the decoded batch.
        v1::Batch::decode(self.encoded.clone())
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch of {} bytes", self.encoded.len())
    }
}

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // openraft formats whole requests with Debug: the bytes of files do not belong into a message.
        fmt::Display::fmt(self, f)
    }
}

/// What the commands of one batch did, in order; empty for entries that hold no batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes(pub(super) Vec<Applied>);
