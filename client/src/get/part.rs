//! One part of a file: fetched from whichever node offers it, and from another if that one fails.

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, RPC};
use gossamer_proto::v1::{Code, Failure, Queue, Serve, Serving, Task, outcome, task};
use prost::Message;
use tokio::sync::mpsc;

use super::assemble::{Ended, Piece};
use super::fetch::{Fetch, FetchError};
use crate::progress::Progress;
use crate::retry::Patience;
use crate::{Client, Info};

/// Up to 16 chunks.
pub(super) struct Part<'a> {
    client: &'a Client,
    info: &'a Info,
    hashes: Vec<Hash>,
    offset: u64,
    length: usize,
    patience: Patience<'a>,
    /// Nodes that failed this part.
    exclude: Vec<u64>,
    /// Chunks that went out already.
    done: usize,
}

impl<'a> Part<'a> {
    /// `length` bytes in chunks of 1 MiB, at `offset` of the file.
    pub(super) fn new(
        client: &'a Client,
        info: &'a Info,
        hashes: Vec<Hash>,
        offset: u64,
        length: usize,
        progress: &'a dyn Progress,
    ) -> Self {
        let patience = client.patience(progress, format!("get {}", info.name));
        Part { client, info, hashes, offset, length, patience, exclude: Vec::new(), done: 0 }
    }

    /// Sends the chunks to `out` in order. `serving` is a ticket that is at hand; it is used if it fits.
    pub(super) async fn run(
        mut self,
        serving: Option<Serving>,
        out: mpsc::Sender<Piece>,
    ) -> Result<(), Ended> {
        let list = Hash::join(&self.hashes);
        let mut serving = serving.filter(|serving| serving.hashes == list);
        loop {
            let current = match serving.take() {
                Some(serving) => Ok(serving),
                None => self.serve(&list).await?,
            };
            let (why, pause) = match current {
                Ok(serving) => match self.fetch(&serving, &list, &out).await {
                    Ok(()) => return Ok(()),
                    Err(error) => {
                        if matches!(error, FetchError::Gone(_)) {
                            self.still_there().await?;
                        }
                        // Another node may answer at once; only one that failed before is worth a pause.
                        let pause = self.exclude.contains(&serving.node);
                        self.exclude.push(serving.node);
                        (Failure::new(Code::Unavailable, error.to_string()), pause)
                    }
                },
                Err(failure) => {
                    // Nobody else is there: those that failed may have recovered.
                    self.exclude.clear();
                    (failure, true)
                }
            };
            if pause {
                self.patience.wait(&why).await.map_err(Ended::Ask)?;
            } else {
                self.patience.progress().waiting(&why.message);
            }
        }
    }

    /// Asks for a node that will serve this part. The inner error is worth another try.
    async fn serve(&mut self, list: &Bytes) -> Result<Result<Serving, Failure>, Ended> {
        let task =
            Task { kind: Some(task::Kind::Serve(Serve { hashes: list.clone() })) }.encode_to_vec().into();
        // If no node is left to take it, that must come out soon: the excluded ones may have recovered.
        let left = self.patience.left();
        let left = if self.exclude.is_empty() { self.client.0.door.turn(left) } else { left.min(RPC) };
        match self.client.ask_once(Queue::ReadQueue, &task, left, &mut self.patience, &self.exclude).await {
            Ok(answered) => match answered.kind {
                outcome::Kind::Serving(serving) if serving.hashes == *list => Ok(Ok(serving)),
                _ => Err(Ended::Ask(self.patience.nonsense("no ticket for the chunks asked for"))),
            },
            Err(failure) if failure.code() == Code::NotFound => {
                self.still_there().await?;
                Ok(Err(failure))
            }
            Err(failure) if failure.is_retryable() => Ok(Err(failure)),
            Err(failure) => Err(Ended::Ask(self.patience.failed(failure))),
        }
    }

    async fn fetch(
        &mut self,
        serving: &Serving,
        list: &Bytes,
        out: &mpsc::Sender<Piece>,
    ) -> Result<(), FetchError> {
        let mut fetch = Fetch::begin(self.client, serving, list, self.done).await?;
        while self.done < self.hashes.len() {
            let at = self.done * CHUNK_BYTES;
            let length = (self.length - at).min(CHUNK_BYTES);
            let bytes = fetch.chunk(self.hashes[self.done], length).await?;
            self.patience.moved();
            self.done += 1;
            // A receiver that is gone belongs to a read that has failed and is being dropped.
            let _ = out.send((self.offset + at as u64, bytes)).await;
        }
        Ok(())
    }

    /// Chunks may be gone because the version is: then there is nothing to wait for.
    async fn still_there(&mut self) -> Result<(), Ended> {
        match self.client.find(&self.info.name, true, &mut self.patience).await {
            Ok((found, _)) => {
                let same = found.record.is_some_and(|record| record.version == self.info.version);
                if same { Ok(()) } else { Err(Ended::Replaced { written: false }) }
            }
            Err(error) if error.code() == Some(Code::NotFound) => Err(Ended::Replaced { written: false }),
            Err(error) => Err(Ended::Ask(error)),
        }
    }
}
