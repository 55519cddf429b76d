//! The end of an upload: one small record. Chunks that the cluster turns out to lack are sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_proto::v1::{Code, CommitWrite, Failure, Missing, Operation, Queue, Written, outcome, task};

use super::PutError;
use super::upload::Upload;
use super::window::{Chunk, Content, WINDOW_CHUNKS, Window};
use crate::ask::Answered;
use crate::retry::AskError;
use crate::source::{Source, SourceError};

/// Bytes a cluster surely seals in a second, on spinning disks too: large files get more patience.
const SEALED_A_SECOND: u64 = 32 << 20;
/// A commit that takes longer is told to whoever waits.
const SAY_AFTER: Duration = Duration::from_secs(1);
/// How often missing chunks are sent again before the cluster is held to be unable to keep them.
const ROUNDS: u32 = 16;
/// How often a refused commit is tried again at whoever leads.
const REFUSALS: u32 = 3;

impl Upload<'_> {
    /// Commits, as [`Upload::commit_all`]. While an attempt is in doubt, nothing that goes wrong afterwards means that the
    /// file was not stored.
    pub(super) async fn commit(
        &mut self,
        content: &Content,
        chunks: &[Hash],
        lists: &[Chunk],
        source: &mut dyn Source,
    ) -> Result<Written, PutError> {
        let ended = self.commit_all(content, chunks, lists, source).await;
        if self.patience.uncertain { ended.map_err(|error| self.unknown(error)) } else { ended }
    }

    fn unknown(&self, error: PutError) -> PutError {
        let last = match error {
            PutError::NoSpace { why, .. } => why,
            PutError::Changed { how, .. } => format!("the source changed before it was read again ({how})"),
            PutError::Source { error, .. } => format!("the source cannot be read again: {error}"),
            PutError::Stream { .. } => {
                "parts of the stream must be sent again, and a stream passes once".to_owned()
            }
            PutError::Ask(AskError::Nonsense { what, .. }) => what.to_owned(),
            other => return other,
        };
        PutError::Ask(AskError::Unknown { doing: format!("put {}", self.put.name), last })
    }

    /// Commits; sends again what is missing; commits again. `lists` are the chunks of the hash list, if it has any.
    async fn commit_all(
        &mut self,
        content: &Content,
        chunks: &[Hash],
        lists: &[Chunk],
        source: &mut dyn Source,
    ) -> Result<Written, PutError> {
        self.patience.moved();
        self.patience.extend(Duration::from_secs(content.size / SEALED_A_SECOND));
        let mut commit = CommitWrite {
            operation: Some(self.operation().await?),
            upload_id: self.id.clone(),
            name: self.put.name.clone(),
            condition: self.put.condition.map(Into::into),
            size: content.size,
            blake3: Hash::join(&[content.blake3]),
            chunks: Hash::join(chunks),
            depth: u32::from(!lists.is_empty()),
            attributes: self.put.attributes.map(Into::into),
        };
        let mut rounds = 0;
        loop {
            let why = match self.try_commit(&commit).await {
                Ok(Answered { kind: outcome::Kind::Written(written), .. }) => return Ok(written),
                Ok(Answered { kind: outcome::Kind::Missing(missing), .. }) => {
                    rounds += 1;
                    if rounds > ROUNDS {
                        return Err(PutError::Ask(
                            self.patience.exhausted("the cluster loses what it is sent"),
                        ));
                    }
                    self.send_again(&missing, content, lists, source).await?;
                    // The cluster forgets operations after a while, and sending may have taken longer. Another name
                    // is safe only if no copy of this one can still be on its way.
                    if !self.patience.uncertain {
                        commit.operation = Some(self.operation().await?);
                    }
                    Failure::new(Code::Unavailable, "chunks were missing")
                }
                Ok(_) => {
                    return Err(PutError::Ask(self.patience.nonsense("it was not written and did not fail")));
                }
                Err(failure) if failure.is_retryable() => failure,
                Err(failure) if failure.code() == Code::Refused && rounds < REFUSALS => {
                    // Another leader may not know this upload: it is opened there, and nothing is sent.
                    rounds += 1;
                    self.way = None;
                    self.deliver(&mut Window::default()).await?;
                    failure
                }
                Err(failure) => return Err(self.put.failed(self.patience.failed(failure))),
            };
            self.patience.wait(&why).await.map_err(PutError::Ask)?;
        }
    }

    async fn operation(&mut self) -> Result<Operation, PutError> {
        self.put.client.operation(&mut self.patience).await.map_err(PutError::Ask)
    }

    async fn try_commit(&mut self, commit: &CommitWrite) -> Result<Answered, Failure> {
        let task = gossamer_proto::v1::Task { kind: Some(task::Kind::CommitWrite(commit.clone())) };
        let task = prost::Message::encode_to_vec(&task).into();
        self.committing = true;
        let left = self.patience.left();
        let progress = self.put.progress;
        let asking = self.put.client.ask_once(Queue::LeaderQueue, &task, left, &mut self.patience, &[]);
        let mut asking = std::pin::pin!(asking);
        match tokio::time::timeout(SAY_AFTER, &mut asking).await {
            Ok(answer) => answer,
            Err(_) => {
                progress.waiting("the nodes are writing it to their disks");
                asking.await
            }
        }
    }

    /// Reads the missing chunks from the source again and sends them, a window at a time.
    async fn send_again(
        &mut self,
        missing: &Missing,
        content: &Content,
        lists: &[Chunk],
        source: &mut dyn Source,
    ) -> Result<(), PutError> {
        let missing = Hash::list(&missing.hashes)
            .map_err(|_| PutError::Ask(self.patience.nonsense("a list of missing chunks that is none")))?;
        let missing: BTreeSet<Hash> = missing.into_iter().collect();
        let positions: BTreeMap<Hash, usize> =
            content.hashes.iter().enumerate().map(|(at, hash)| (*hash, at)).collect();
        // What the leader says is missing must be offered to the leader that is: it may be another by now.
        self.way = None;
        let missing: Vec<Hash> = missing.into_iter().collect();
        for hashes in missing.chunks(WINDOW_CHUNKS) {
            let mut window = Window::default();
            for hash in hashes {
                let chunk = match (lists.iter().find(|list| list.hash == *hash), positions.get(hash)) {
                    (Some(list), _) => list.clone(),
                    (None, Some(at)) => self.read_again(*hash, *at, content, source, missing.len()).await?,
                    (None, None) => {
                        let what = "chunks are missing that are not of this file";
                        return Err(PutError::Ask(AskError::Nonsense {
                            doing: format!("put {}", self.put.name),
                            what,
                        }));
                    }
                };
                window.chunks.push(chunk);
            }
            self.deliver(&mut window).await?;
        }
        source.check().await.map_err(|error| self.put.unreadable(error))
    }

    async fn read_again(
        &self,
        hash: Hash,
        at: usize,
        content: &Content,
        source: &mut dyn Source,
        missing: usize,
    ) -> Result<Chunk, PutError> {
        let offset = at as u64 * CHUNK_BYTES as u64;
        let length = (content.size - offset).min(CHUNK_BYTES as u64) as usize;
        let bytes = source.again(offset, length).await.map_err(|error| match error {
            SourceError::Stream => {
                PutError::Stream { name: self.put.name.clone(), bytes: (missing * CHUNK_BYTES) as u64 }
            }
            error => self.put.unreadable(error),
        })?;
        let chunk = Chunk::of(self.put.client.0.world.blocking, bytes).await;
        if chunk.hash != hash {
            return Err(self.put.unreadable(SourceError::Changed("it has other bytes now")));
        }
        Ok(Chunk { counted: true, ..chunk })
    }
}
