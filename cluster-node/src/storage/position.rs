//! A place in the log, without openraft's types: storage knows nothing of Raft's library.

use gossamer_proto::v1;

/// Term and node of the leader that proposed an entry, and its index. Ordered as Raft orders log ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Term of the proposing leader.
    pub term: u64,
    /// Its node id.
    pub node: u64,
    /// Index in the log; the first entry has 0.
    pub index: u64,
}

impl From<Position> for v1::LogId {
    fn from(at: Position) -> Self {
        v1::LogId { term: at.term, node: at.node, index: at.index }
    }
}

impl From<v1::LogId> for Position {
    fn from(id: v1::LogId) -> Self {
        Position { term: id.term, node: id.node, index: id.index }
    }
}
