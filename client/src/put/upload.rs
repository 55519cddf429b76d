//! An upload: opened at the leader, sent in windows, opened again wherever the leader is when something breaks.

use std::collections::BTreeSet;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, HASHES_INLINE, RPC};
use gossamer_proto::v1::{Code, Failure, OpenWrite, Queue, outcome, task};

use super::send::Way;
use super::window::{Chunk, Reader, WINDOW_CHUNKS, Window};
use super::{Put, PutError, Stored};
use crate::http::HttpError;
use crate::retry::Patience;

/// The state of an upload.
pub(super) struct Upload<'a> {
    pub(super) put: &'a Put<'a>,
    pub(super) id: Bytes,
    length: Option<u64>,
    pub(super) patience: Patience<'a>,
    pub(super) way: Option<Way>,
    openings: u64,
    /// A commit was sent and may have been carried out: the condition is then no longer asked about early, because
    /// our own commit may be what broke it.
    pub(super) committing: bool,
    sent_bytes: u64,
    resumed_bytes: u64,
}

impl<'a> Put<'a> {
    pub(super) async fn upload(
        &'a self,
        source: &'a mut dyn crate::Source,
        first: Bytes,
    ) -> Result<Stored, PutError> {
        let mut upload = Upload::new(self, source.length());
        let mut reader = Reader::new(self, source, first);
        let mut window = reader.fill().await?;
        while !window.chunks.is_empty() {
            // The next window is read, hashed and offered while this one is sent.
            let way = upload.way.clone();
            let keep = keep(way.clone(), reader.aging());
            let next = async {
                let mut next = reader.fill().await?;
                if let Some(way) = way {
                    offer_early(&way, &mut next).await;
                }
                Ok::<_, PutError>(next)
            };
            let (sent, next, ()) = tokio::join!(upload.deliver(&mut window), next, keep);
            sent?;
            window = next?;
        }
        let (content, source) = reader.finish().await?;
        let (chunks, lists) = match content.hashes.len() > HASHES_INLINE {
            true => upload.deliver_lists(&content.hashes).await?,
            false => (content.hashes.clone(), Vec::new()),
        };
        let written = upload.commit(&content, &chunks, &lists, source).await?;
        let (sent_bytes, resumed_bytes) = (upload.sent_bytes, upload.resumed_bytes);
        Ok(Stored { sent_bytes, resumed_bytes, ..self.stored(&written, content.size, content.blake3) })
    }
}

/// Saves [`Upload::deliver`] a round trip. If it fails, `deliver` asks again and deals with it.
async fn offer_early(way: &Way, window: &mut Window) {
    if !window.chunks.is_empty()
        && let Ok(held) = way.offer(&window.hashes()).await
    {
        window.held = Some((way.number, held));
    }
}

/// Keeps chunks that have arrived from being freed before the commit. If that fails, the commit names what is missing.
async fn keep(way: Option<Way>, aging: Vec<Hash>) {
    if let (Some(way), false) = (way, aging.is_empty()) {
        let _ = tokio::time::timeout(RPC, way.offer(&aging)).await;
    }
}

impl<'a> Upload<'a> {
    fn new(put: &'a Put<'a>, length: Option<u64>) -> Self {
        let id = Bytes::copy_from_slice(&put.client.0.world.random.id());
        let patience = put.client.patience(put.progress, format!("put {}", put.name));
        Upload {
            put,
            id,
            length,
            patience,
            way: None,
            openings: 0,
            committing: false,
            sent_bytes: 0,
            resumed_bytes: 0,
        }
    }

    /// Sends what the leader lacks of a window, however often the leader changes meanwhile.
    pub(super) async fn deliver(&mut self, window: &mut Window) -> Result<(), PutError> {
        // The source may have taken its time; that is not the cluster's fault. Being opened is no progress, or a
        // data port that nobody can reach would be tried for ever.
        self.patience.moved();
        loop {
            let why = match self.way.clone() {
                None => {
                    self.open(window).await?;
                    continue;
                }
                Some(way) => match self.send(&way, window).await {
                    Ok(()) => return Ok(()),
                    Err(HttpError::NoSpace(why)) => return Err(self.no_space(why)),
                    Err(error) => {
                        self.way = None;
                        Failure::new(Code::Unavailable, error.to_string())
                    }
                },
            };
            self.patience.wait(&why).await.map_err(PutError::Ask)?;
        }
    }

    /// Asks the leader for a ticket, and which chunks of the window it holds.
    async fn open(&mut self, window: &mut Window) -> Result<(), PutError> {
        let condition = self.put.condition.filter(|_| !self.committing);
        let open = OpenWrite {
            upload_id: self.id.clone(),
            name: self.put.name.clone(),
            length: self.length,
            condition: condition.map(Into::into),
            known: Hash::join(&window.hashes()),
        };
        // Opening changes nothing: an answer that is lost leaves no doubt behind.
        let uncertain = self.patience.uncertain;
        let answer =
            self.put.client.ask(Queue::LeaderQueue, task::Kind::OpenWrite(open), &mut self.patience).await;
        self.patience.uncertain = uncertain;
        let answered = answer.map_err(|error| self.put.failed(error))?;
        let outcome::Kind::Opened(opened) = answered.kind else {
            return Err(PutError::Ask(self.patience.nonsense("no ticket in the answer")));
        };
        if opened.chunk_bytes as usize != CHUNK_BYTES {
            return Err(PutError::Ask(self.patience.nonsense("chunks of another size")));
        }
        self.openings += 1;
        let way = Way::new(&self.put.client.0.channels, &opened, self.openings);
        if opened.held.len() == window.chunks.len() {
            window.held = Some((way.number, opened.held.iter().map(|flag| *flag == 1).collect()));
        }
        self.way = Some(way);
        Ok(())
    }

    async fn send(&mut self, way: &Way, window: &mut Window) -> Result<(), HttpError> {
        let held = match window.held.take() {
            Some((number, held)) if number == way.number => held,
            _ => way.offer(&window.hashes()).await?,
        };
        // Bytes sent once more are no progress, for they may be refused again; chunks that have arrived are.
        let arrived = held.iter().filter(|held| **held).count();
        if arrived > window.arrived {
            window.arrived = arrived;
            self.patience.moved();
        }
        let mut missing = Vec::new();
        let mut seen = BTreeSet::new();
        for (chunk, held) in window.chunks.iter_mut().zip(held) {
            let bytes = chunk.bytes.len() as u64;
            // The same chunk twice in a window goes out once, and the other is then held.
            if !held && seen.insert(chunk.hash) {
                missing.push(chunk.clone());
            } else if !chunk.counted {
                self.resumed_bytes += bytes;
                self.put.progress.moved(bytes);
            }
            chunk.counted = true;
        }
        if missing.is_empty() {
            self.patience.moved();
            return Ok(());
        }
        // Bytes that go out again are no progress to people.
        let mut fresh: u64 =
            missing.iter().filter(|chunk| !chunk.counted).map(|chunk| chunk.bytes.len() as u64).sum();
        let (sent_bytes, patience, progress) = (&mut self.sent_bytes, &mut self.patience, self.put.progress);
        let result = way
            .upload(missing, |bytes| {
                *sent_bytes += bytes;
                let shown = bytes.min(fresh);
                fresh -= shown;
                if shown > 0 {
                    patience.moved();
                }
                progress.moved(shown);
            })
            .await;
        if result.is_ok() {
            self.patience.moved();
        }
        result
    }

    /// Stores the hash list itself as chunks, and returns their hashes and bytes.
    async fn deliver_lists(&mut self, hashes: &[Hash]) -> Result<(Vec<Hash>, Vec<Chunk>), PutError> {
        let blocking = self.put.client.0.world.blocking;
        let joined = Hash::join(hashes);
        let mut lists = Vec::new();
        for start in (0..joined.len()).step_by(CHUNK_BYTES) {
            let end = (start + CHUNK_BYTES).min(joined.len());
            let list = Chunk::of(blocking, joined.slice(start..end)).await;
            // Not part of the content: progress does not count it.
            lists.push(Chunk { counted: true, ..list });
        }
        for chunks in lists.chunks(WINDOW_CHUNKS) {
            self.deliver(&mut Window { chunks: chunks.to_vec(), ..Window::default() }).await?;
        }
        Ok((lists.iter().map(|list| list.hash).collect(), lists))
    }

    fn no_space(&self, why: String) -> PutError {
        PutError::NoSpace { name: self.put.name.clone(), why }
    }
}
