//! One answer of a node's data port: chunk after chunk, each checked against its hash.

use bytes::{Bytes, BytesMut};
use gossamer_proto::channel::full;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::STALL;
use gossamer_proto::v1::Serving;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::Client;
use crate::http::{self, HttpError};

/// Why a node did not give a chunk.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// No connection, or it broke off, or nothing moved.
    #[error("{0}")]
    Broken(String),
    /// The node no longer has it.
    #[error("{0}")]
    Gone(String),
    /// The bytes are not the chunk's.
    #[error("{addr} sent bytes that do not match {hash}; it was told, and another node is asked")]
    Corrupt { addr: String, hash: Hash },
}

impl From<HttpError> for FetchError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Gone(why) => FetchError::Gone(why),
            other => FetchError::Broken(other.to_string()),
        }
    }
}

/// An answer that is being read.
pub(super) struct Fetch<'a> {
    client: &'a Client,
    addr: &'a str,
    ticket: String,
    body: Incoming,
    /// Read from the body, and of the chunk after the one that was asked for.
    rest: Bytes,
}

impl<'a> Fetch<'a> {
    /// Asks for the chunks of `list` from number `from` on.
    pub(super) async fn begin(
        client: &'a Client,
        serving: &'a Serving,
        list: &Bytes,
        from: usize,
    ) -> Result<Self, FetchError> {
        let (addr, ticket) = (serving.data_addr.as_str(), http::hex(&serving.ticket));
        let request = http::post(addr, "/read", &ticket)
            .header("gossamer-from", from)
            .body(full(list.clone()))
            .map_err(|error| FetchError::Broken(error.to_string()))?;
        let body = http::head(&client.0.channels, addr, request).await?.into_body();
        Ok(Fetch { client, addr, ticket, body, rest: Bytes::new() })
    }

    /// The next chunk, of `length` bytes.
    pub(super) async fn chunk(&mut self, hash: Hash, length: usize) -> Result<Bytes, FetchError> {
        // A copy: a chunk arrives in many pieces, and hash and sink want it in one.
        let mut chunk = BytesMut::with_capacity(length);
        while chunk.len() < length {
            if self.rest.is_empty() {
                self.rest = self.piece().await?;
            }
            let take = self.rest.len().min(length - chunk.len());
            chunk.extend_from_slice(&self.rest.split_to(take));
        }
        let chunk = chunk.freeze();
        let content = chunk.clone();
        if self.client.0.world.blocking.run(move || Hash::of(&content)).await == hash {
            return Ok(chunk);
        }
        self.suspect(hash).await;
        Err(FetchError::Corrupt { addr: self.addr.to_owned(), hash })
    }

    async fn piece(&mut self) -> Result<Bytes, FetchError> {
        let broken = |why: &str| FetchError::Broken(format!("the answer of {} {why}", self.addr));
        match tokio::time::timeout(STALL, self.body.frame()).await {
            Ok(Some(Ok(frame))) => Ok(frame.into_data().unwrap_or_default()),
            // The server ends early when a chunk is gone, and says so if it is asked for that one first.
            Ok(Some(Err(error))) => Err(broken(&format!("broke off: {error}"))),
            Ok(None) => Err(broken("ended too early")),
            Err(_) => Err(broken("stands still")),
        }
    }

    /// Tells the node, which looks at its disk and heals. That it hears is a favour, not a condition.
    async fn suspect(&self, hash: Hash) {
        let request = http::post(self.addr, "/suspect", &self.ticket).body(full(Hash::join(&[hash])));
        let Ok(request) = request else { return };
        if let Err(error) = http::whole(&self.client.0.channels, self.addr, request, 4096).await {
            tracing::debug!(addr = self.addr, %error, "a bad chunk could not be reported");
        }
    }
}
