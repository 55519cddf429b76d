//! Why a file was not read.

use std::io;

use gossamer_proto::name::NameError;

use crate::kind::Kind;
use crate::retry::AskError;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// No name.
    #[error("{0}")]
    Name(#[from] NameError),
    /// There is no such file.
    #[error("{0}: no such file; `gossamer ls` shows what there is")]
    NotFound(String),
    /// Another version took its place while this one was read, and what was written to a stream cannot be unwritten.
    #[error("{0} was replaced or deleted while it was read, and a part of it is out already; read it again")]
    Replaced(String),
    /// The sink does not take it.
    #[error("{name} was not read to its end: {error}")]
    Sink {
        /// Full name.
        name: String,
        /// The system's word.
        error: io::Error,
    },
    /// The cluster did not answer, or said no.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl GetError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            GetError::Name(_) => Kind::Usage,
            GetError::NotFound(_) => Kind::NotFound,
            GetError::Ask(error) => error.kind(),
            GetError::Replaced(_) | GetError::Sink { .. } => Kind::Failed,
        }
    }
}
