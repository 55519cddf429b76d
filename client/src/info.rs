//! What a client learns of a file.

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::v1::{self, condition};

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// `bucket/key`.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Counts up over all files: a log index.
    pub version: u64,
    /// BLAKE3 of the whole content.
    pub blake3: Hash,
    /// Unix time in milliseconds, of the leader's clock when it was written.
    pub modified_ms: u64,
}

impl Info {
    /// Of the catalogue's record; `None` if its hash is none.
    pub(crate) fn of_record(name: &str, record: &v1::FileRecord) -> Option<Self> {
        let name = name.to_owned();
        Self::checked(name, record.size, record.version, &record.blake3, record.modified_ms)
    }

    /// Of a line of a listing; `None` if its hash is none.
    pub(crate) fn of_listed(listed: v1::Listed) -> Option<Self> {
        Self::checked(listed.name, listed.size, listed.version, &listed.blake3, listed.modified_ms)
    }

    fn checked(name: String, size: u64, version: u64, blake3: &Bytes, modified_ms: u64) -> Option<Self> {
        let blake3 = Hash::try_from(blake3.as_ref()).ok()?;
        Some(Info { name, size, version, blake3, modified_ms })
    }
}

/// What must hold for a change to be made. Judged when it is applied, by every node the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no file of this name.
    IfAbsent,
    /// The file of this name has this version.
    IfVersion(u64),
}

impl From<Condition> for v1::Condition {
    fn from(condition: Condition) -> Self {
        let kind = match condition {
            Condition::IfAbsent => condition::Kind::IfAbsent(true),
            Condition::IfVersion(version) => condition::Kind::IfVersion(version),
        };
        v1::Condition { kind: Some(kind) }
    }
}
