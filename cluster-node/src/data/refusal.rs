//! What a request gets that cannot be served: a status and one line of text for people.

use bytes::Bytes;
use gossamer_proto::channel::{Body, full};
use gossamer_proto::hash::{Hash, NotHashes};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::frames::FrameError;
use super::ticket::TicketError;
use crate::storage::extents::ChunkError;

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// No such route.
    #[error("the data port knows POST /have, /upload, /read and /suspect")]
    Route,
    /// The ticket does not permit it.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// The body is no sequence of frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The body is no list of hashes.
    #[error(transparent)]
    Hashes(#[from] NotHashes),
    /// The body is too long for this route, or broke off.
    #[error("the body cannot be read: {0}")]
    Body(String),
    /// The range asked for is none.
    #[error("chunks {from} to {to} of a list of {count} were asked for")]
    Range { from: String, to: String, count: usize },
    /// The bytes of a frame are not what their hash says.
    #[error("the bytes sent for chunk {0} do not match it; nothing of it was stored")]
    Mismatch(Hash),
    /// Not held any more.
    #[error("chunk {0} is not here")]
    Gone(Hash),
    /// The disk or the index.
    #[error(transparent)]
    Chunks(#[from] ChunkError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::Route | Refusal::Gone(_) => StatusCode::NOT_FOUND,
            Refusal::Ticket(_) => StatusCode::FORBIDDEN,
            Refusal::Frame(FrameError::Stalled) => StatusCode::REQUEST_TIMEOUT,
            Refusal::Frame(_) | Refusal::Hashes(_) | Refusal::Body(_) | Refusal::Range { .. } => {
                StatusCode::BAD_REQUEST
            }
            Refusal::Mismatch(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Chunks(ChunkError::NoSpace { .. }) => StatusCode::INSUFFICIENT_STORAGE,
            Refusal::Chunks(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The answer; the connection ends with it, as not all of the body may have been read.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(full(Bytes::from(format!("{self}\n"))));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}
