//! The leader's data port: which chunks does it hold, and here are the others.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use gossamer_proto::channel::{Body, Channels, full};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{HAVE_HASHES, STALL};
use gossamer_proto::v1::Opened;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{Request, StatusCode};
use tokio::time::Instant;

use super::window::Chunk;
use crate::http::{self, HttpError};

/// How often a running upload says how far it is.
const REPORT: Duration = Duration::from_millis(100);

/// One opening of the upload: where the bytes go, and the right to bring them.
#[derive(Clone)]
pub(super) struct Way {
    channels: Channels,
    addr: String,
    ticket: String,
    /// Counts the openings of this upload.
    pub(super) number: u64,
}

impl Way {
    pub(super) fn new(channels: &Channels, opened: &Opened, number: u64) -> Self {
        let ticket = http::hex(&opened.ticket);
        Way { channels: channels.clone(), addr: opened.data_addr.clone(), ticket, number }
    }

    fn post(&self, path: &'static str, length: usize, body: Body) -> Result<Request<Body>, HttpError> {
        http::post(&self.addr, path, &self.ticket)
            .header(hyper::header::CONTENT_LENGTH, length)
            .body(body)
            .map_err(|_| HttpError::Broken(format!("{} gave a ticket that is none", self.addr)))
    }

    /// Asks which of these chunks the node holds. Those it names are safe until the commit.
    pub(super) async fn offer(&self, hashes: &[Hash]) -> Result<Vec<bool>, HttpError> {
        let mut held = Vec::with_capacity(hashes.len());
        for hashes in hashes.chunks(HAVE_HASHES) {
            let body = Hash::join(hashes);
            let request = self.post("/have", body.len(), full(body))?;
            let answer = http::whole(&self.channels, &self.addr, request, HAVE_HASHES).await?;
            if answer.len() != hashes.len() {
                return Err(HttpError::Broken(format!("{} answered for {} chunks", self.addr, answer.len())));
            }
            held.extend(answer.iter().map(|flag| *flag == 1));
        }
        Ok(held)
    }

    /// Sends chunks in one body and waits until the node has stored them. `moved` hears of bytes as they go out.
    pub(super) async fn upload(
        &self,
        chunks: Vec<Chunk>,
        mut moved: impl FnMut(u64),
    ) -> Result<(), HttpError> {
        let length = chunks.iter().map(|chunk| 4 + Hash::BYTES + chunk.bytes.len()).sum();
        let gone = Arc::new(AtomicU64::new(0));
        let request = self.post("/upload", length, frames(chunks, gone.clone()))?;
        let mut response = std::pin::pin!(self.channels.send(&self.addr, request));
        let (mut reported, mut since) = (0, Instant::now());
        loop {
            let result = tokio::time::timeout(REPORT, &mut response).await;
            let total = gone.load(Ordering::Relaxed);
            if total > reported {
                moved(total - reported);
                (reported, since) = (total, Instant::now());
            }
            match result {
                Ok(Ok(response)) if response.status() == StatusCode::OK => {
                    return http::drain(response).await;
                }
                Ok(Ok(response)) => return Err(http::refusal(&self.addr, response).await),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) if since.elapsed() > STALL => {
                    return Err(HttpError::Broken(format!("{} took no byte for {STALL:?}", self.addr)));
                }
                Err(_) => {}
            }
        }
    }
}

/// The body of an upload: for each chunk its length, its hash, its bytes. Counts the content as it is taken.
fn frames(chunks: Vec<Chunk>, gone: Arc<AtomicU64>) -> Body {
    let frames = chunks.into_iter().flat_map(|chunk| {
        let mut head = BytesMut::with_capacity(4 + Hash::BYTES);
        head.put_u32_le(chunk.bytes.len() as u32);
        head.put_slice(chunk.hash.as_bytes());
        [(head.freeze(), 0), (chunk.bytes.clone(), chunk.bytes.len() as u64)]
    });
    let counted = frames.map(move |(bytes, content): (Bytes, u64)| {
        gone.fetch_add(content, Ordering::Relaxed);
        Ok::<_, io::Error>(Frame::data(bytes))
    });
    StreamBody::new(stream::iter(counted)).boxed_unsync()
}
