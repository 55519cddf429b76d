//! What a client learns of a file.

use gossamer_proto::hash::Hash;
use gossamer_proto::name;
use gossamer_proto::v1::{self, condition};

use crate::{Attributes, Modified};

/// One file, or one folder: a name that ends with a slash, without content.
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
    /// What it was like where it came from; `None` if it came from a stream.
    pub attributes: Option<Attributes>,
}

impl Info {
    /// Of the catalogue's record; `None` if its hash is none.
    pub(crate) fn of_record(name: &str, record: &v1::FileRecord) -> Option<Self> {
        let blake3 = Hash::try_from(record.blake3.as_ref()).ok()?;
        Some(Info {
            name: name.to_owned(),
            size: record.size,
            version: record.version,
            blake3,
            modified_ms: record.modified_ms,
            attributes: record.attributes.map(Into::into),
        })
    }

    /// Of a line of a listing; `None` if its hash is none.
    pub(crate) fn of_listed(listed: v1::Listed) -> Option<Self> {
        let v1::Listed { name, size, version, blake3, modified_ms, attributes, .. } = listed;
        let blake3 = Hash::try_from(blake3.as_ref()).ok()?;
        Some(Info { name, size, version, blake3, modified_ms, attributes: attributes.map(Into::into) })
    }

    /// When its content was last modified, as far as is known: where it came from, else when it was stored.
    pub fn modified(&self) -> Modified {
        self.attributes.map_or_else(|| Modified::of_ms(self.modified_ms), |attributes| attributes.modified)
    }

    /// Whether it is to be executable where it is written.
    pub fn is_executable(&self) -> bool {
        self.attributes.is_some_and(|attributes| attributes.executable)
    }

    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        name::is_folder(&self.name)
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
