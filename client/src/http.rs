//! What uploads and reads share of HTTP: tickets in headers, answers other than 200, deadlines.

use bytes::Bytes;
use gossamer_proto::channel::{Body, Channels, ConnectError};
use gossamer_proto::limits::STALL;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header, http};

/// The header that carries a ticket, hexadecimal.
const TICKET: &str = "gossamer-ticket";
/// Longest error text that is read, bytes.
const TEXT_BYTES: usize = 4 << 10;

/// Why a node's data port did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// No connection, or it broke, or nothing moved.
    #[error("{0}")]
    Broken(String),
    /// The node's disk is full.
    #[error("{0}")]
    NoSpace(String),
    /// The node no longer has it.
    #[error("{0}")]
    Gone(String),
}

impl From<ConnectError> for HttpError {
    fn from(error: ConnectError) -> Self {
        HttpError::Broken(error.to_string())
    }
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A POST to a data port with a ticket.
pub(crate) fn post(addr: &str, path: &'static str, ticket: &str) -> http::request::Builder {
    Request::builder().method(Method::POST).uri(path).header(header::HOST, addr).header(TICKET, ticket)
}

/// Sends a request and waits for the head of a good answer.
pub(crate) async fn head(
    channels: &Channels,
    addr: &str,
    request: Request<Body>,
) -> Result<Response<Incoming>, HttpError> {
    let response = tokio::time::timeout(STALL, channels.send(addr, request))
        .await
        .map_err(|_| HttpError::Broken(format!("{addr} did not answer within {STALL:?}")))??;
    if response.status() == StatusCode::OK { Ok(response) } else { Err(refusal(addr, response).await) }
}

/// Sends a request and waits for all of a good answer, at most `limit` bytes.
pub(crate) async fn whole(
    channels: &Channels,
    addr: &str,
    request: Request<Body>,
    limit: usize,
) -> Result<Bytes, HttpError> {
    let body = Limited::new(head(channels, addr, request).await?.into_body(), limit);
    match tokio::time::timeout(STALL, body.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(HttpError::Broken(format!("the answer of {addr} broke off: {error}"))),
        Err(_) => Err(HttpError::Broken(format!("the answer of {addr} did not end within {STALL:?}"))),
    }
}

/// Reads what is left of an answer whose content nobody needs, so that its connection can serve again.
pub(crate) async fn drain(response: Response<Incoming>) -> Result<(), HttpError> {
    let body = Limited::new(response.into_body(), TEXT_BYTES).collect();
    match tokio::time::timeout(STALL, body).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(HttpError::Broken("an empty answer did not end".to_owned())),
    }
}

/// What a node means by a status other than 200. Its text is for people.
pub(crate) async fn refusal(addr: &str, response: Response<Incoming>) -> HttpError {
    let status = response.status();
    let body = Limited::new(response.into_body(), TEXT_BYTES).collect();
    let text = match tokio::time::timeout(STALL, body).await {
        Ok(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).trim().to_owned(),
        _ => String::new(),
    };
    let text = format!("{addr} answered {}: {text}", status.as_u16());
    match status {
        StatusCode::INSUFFICIENT_STORAGE => HttpError::NoSpace(text),
        StatusCode::NOT_FOUND => HttpError::Gone(text),
        _ => HttpError::Broken(text),
    }
}
