//! Why a file was not stored.

use std::io;

use gossamer_proto::limits::FILE_BYTES;
use gossamer_proto::name::NameError;
use gossamer_proto::v1::Code;

use super::Put;
use crate::kind::Kind;
use crate::retry::AskError;
use crate::source::SourceError;

/// Why a file was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// No name.
    #[error("{0}")]
    Name(#[from] NameError),
    /// More than any file may have.
    #[error("{name} was not stored: files may have at most {FILE_BYTES} bytes; store it in pieces")]
    TooLarge {
        /// Full name.
        name: String,
    },
    /// The source cannot be read.
    #[error("{name} was not stored: its source cannot be read: {error}")]
    Source {
        /// Full name.
        name: String,
        /// The system's word.
        error: io::Error,
    },
    /// The source changed under the reader's eyes.
    #[error(
        "{name} was not stored: the source changed while it was read ({how}); put it again when it is at rest"
    )]
    Changed {
        /// Full name.
        name: String,
        /// In which way.
        how: &'static str,
    },
    /// The cluster lost a part of a stream that cannot be read again.
    #[error(
        "{name} was not stored: {bytes} bytes of the stream must be sent again, and a stream passes once; repeat the command, or put a file"
    )]
    Stream {
        /// Full name.
        name: String,
        /// How much is missing.
        bytes: u64,
    },
    /// if-absent or if-version did not hold.
    #[error("{name} was not stored: {why}; look at it with `gossamer stat` and decide again")]
    Condition {
        /// Full name.
        name: String,
        /// What holds instead.
        why: String,
    },
    /// The nodes' disks are full.
    #[error(
        "{name} was not stored, there is no space: {why}; delete files (that still works) or add disks, then put it again"
    )]
    NoSpace {
        /// Full name.
        name: String,
        /// Which node, and how full.
        why: String,
    },
    /// The cluster did not answer, or said no.
    #[error(transparent)]
    Ask(AskError),
}

impl PutError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            PutError::Name(_) => Kind::Usage,
            PutError::Condition { .. } => Kind::Condition,
            PutError::Ask(error) => error.kind(),
            _ => Kind::Failed,
        }
    }
}

impl Put<'_> {
    pub(super) fn too_large(&self) -> PutError {
        PutError::TooLarge { name: self.name.clone() }
    }

    pub(super) fn unreadable(&self, error: SourceError) -> PutError {
        let name = self.name.clone();
        match error {
            SourceError::Io(error) => PutError::Source { name, error },
            SourceError::Changed(how) => PutError::Changed { name, how },
            SourceError::Stream => PutError::Stream { name, bytes: 0 },
        }
    }

    pub(super) fn failed(&self, error: AskError) -> PutError {
        let name = self.name.clone();
        match error {
            AskError::Failure { failure, .. } if failure.code() == Code::Condition => {
                PutError::Condition { name, why: failure.message }
            }
            AskError::Failure { failure, .. } if failure.code() == Code::NoSpace => {
                PutError::NoSpace { name, why: failure.message }
            }
            error => PutError::Ask(error),
        }
    }
}
