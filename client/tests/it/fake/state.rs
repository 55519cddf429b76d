//! What the cluster in memory holds, how it does its tasks, and its switches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};
use gossamer_proto::channel::{Body, full};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, INLINE_BYTES, PART_CHUNKS};
use gossamer_proto::v1::{self, Code, Failure, Request, Task, condition, outcome, task};
use http_body_util::BodyExt;
use prost::Message;

/// What happens to the next commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trick {
    /// It is applied, and the answer is that nobody knows.
    AppliedUnknown,
    /// The node is no longer leader, and has lost all its chunks.
    LostChunks,
    /// The same, and the queue server had given the commit to another node before.
    LostInDoubt,
}

/// Everything the cluster holds, and its switches.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<String, v1::FileRecord>,
    pub(crate) inline: BTreeMap<String, Bytes>,
    pub(crate) chunks: BTreeMap<Hash, Bytes>,
    pub(crate) outcomes: BTreeMap<(Bytes, u64), outcome::Kind>,
    pub(crate) version: u64,
    /// Answers given instead of doing the next tasks of the leader queue.
    pub(crate) failures: VecDeque<Failure>,
    pub(crate) tricks: VecDeque<Trick>,
    /// The next answer says that an earlier delivery was lost.
    pub(crate) in_doubt: bool,
    /// The next upload breaks off after so many chunks.
    pub(crate) break_after: Option<usize>,
    /// Uploads answer 403 until there were so many openings.
    pub(crate) forbidden_until: usize,
    /// This node sends this chunk with a byte flipped.
    pub(crate) flipped: Option<(u64, Hash)>,
    /// Reads of node 1 break off in the middle of the body.
    pub(crate) cut_reads: bool,
    /// The next read of chunks finds that the file was replaced by this content, and its chunks collected.
    pub(crate) replace: Option<(String, Bytes)>,
    /// What the queue server has heard of the nodes.
    pub(crate) heard: Vec<v1::NodeState>,
    /// This node has none of the tickets for parts with one of these chunks.
    pub(crate) lacks: (u64, Vec<Hash>),
    // What was seen.
    pub(crate) operations: Vec<v1::Operation>,
    pub(crate) uploaded: Vec<Hash>,
    pub(crate) opened: Vec<Bytes>,
    pub(crate) suspects: Vec<(u64, Hash)>,
    pub(crate) largest_read: usize,
    pub(super) nodes: Vec<String>,
    turn: usize,
}

impl State {
    pub(super) fn is_forbidden(&self) -> bool {
        self.opened.len() < self.forbidden_until
    }

    pub(super) fn held(&self, hashes: &[Hash]) -> Bytes {
        hashes.iter().map(|hash| u8::from(self.chunks.contains_key(hash))).collect()
    }

    pub(super) fn read(&mut self, node: u64, hashes: &[Hash]) -> hyper::Response<Body> {
        if let Some((name, content)) = self.replace.take() {
            self.chunks.clear();
            self.version += 1;
            let record = v1::FileRecord {
                version: self.version,
                size: content.len() as u64,
                blake3: Hash::join(&[Hash::of(&content)]),
                ..v1::FileRecord::default()
            };
            self.files.insert(name.clone(), record);
            self.inline.insert(name, content);
        }
        self.largest_read = self.largest_read.max(hashes.len());
        let mut body = BytesMut::new();
        for hash in hashes {
            let Some(chunk) = self.chunks.get(hash) else { break };
            body.extend_from_slice(chunk);
            if self.flipped == Some((node, *hash)) {
                *body.last_mut().unwrap() ^= 1;
            }
        }
        if body.is_empty() {
            return hyper::Response::builder().status(404).body(full("gone\n".into())).unwrap();
        }
        if self.cut_reads && node == 1 {
            let cut = body.split_to(body.len() / 2).freeze();
            let pieces = [Ok(hyper::body::Frame::data(cut)), Err(std::io::Error::other("killed"))];
            let body = http_body_util::StreamBody::new(futures_util::stream::iter(pieces)).boxed_unsync();
            return hyper::Response::new(body);
        }
        hyper::Response::new(full(body.freeze()))
    }

    pub(super) fn work(&mut self, request: &Request) -> Result<(outcome::Kind, u64), Failure> {
        let task = Task::decode(request.task.clone()).unwrap().kind.unwrap();
        let operation = match &task {
            task::Kind::Put(put) => put.operation.clone(),
            task::Kind::CommitWrite(commit) => commit.operation.clone(),
            task::Kind::Delete(delete) => delete.operation.clone(),
            _ => None,
        };
        if let Some(operation) = &operation {
            self.operations.push(operation.clone());
            if let Some(outcome) = self.outcomes.get(&(operation.session.clone(), operation.sequence)) {
                return Ok((outcome.clone(), 1));
            }
        }
        if request.queue == v1::Queue::LeaderQueue as i32
            && let Some(failure) = self.failures.pop_front()
        {
            return Err(failure);
        }
        let done = match task {
            task::Kind::OpenWrite(open) => self.open(open)?,
            task::Kind::Put(put) => self.put(put)?,
            task::Kind::CommitWrite(commit) => {
                let trick = self.tricks.pop_front();
                if matches!(trick, Some(Trick::LostChunks | Trick::LostInDoubt)) {
                    self.chunks.clear();
                }
                self.in_doubt = trick == Some(Trick::LostInDoubt);
                let written = self.commit(commit)?;
                if trick == Some(Trick::AppliedUnknown) {
                    self.remember(operation, &written);
                    return Err(Failure::new(Code::Unknown, "the leader died"));
                }
                written
            }
            task::Kind::Delete(delete) => {
                self.judge(&delete.name, delete.condition.as_ref())?;
                let record = self.files.remove(&delete.name).ok_or_else(not_found)?;
                outcome::Kind::Deleted(v1::Deleted { version: record.version })
            }
            task::Kind::Mark(_) => outcome::Kind::Marked(v1::Marked { index: self.version }),
            task::Kind::Read(read) => return self.find(&read),
            task::Kind::Serve(serve) => {
                let node = self.node(&request.exclude)?;
                let hashes = Hash::list(&serve.hashes).unwrap();
                if node == self.lacks.0 && hashes.iter().any(|hash| self.lacks.1.contains(hash)) {
                    return Err(Failure::new(Code::Unavailable, "chunk not here yet"));
                }
                return Ok((outcome::Kind::Serving(self.serving(node, serve.hashes)), node));
            }
            other => panic!("not for this fake: {other:?}"),
        };
        self.remember(operation, &done);
        Ok((done, 1))
    }

    fn remember(&mut self, operation: Option<v1::Operation>, done: &outcome::Kind) {
        if let (Some(operation), false) = (operation, matches!(done, outcome::Kind::Missing(_))) {
            self.outcomes.insert((operation.session, operation.sequence), done.clone());
        }
    }

    fn judge(&self, name: &str, condition: Option<&v1::Condition>) -> Result<(), Failure> {
        let there = self.files.get(name).map(|record| record.version);
        let holds = match condition.and_then(|condition| condition.kind) {
            None => true,
            Some(condition::Kind::IfAbsent(_)) => there.is_none(),
            Some(condition::Kind::IfVersion(version)) => there == Some(version),
        };
        if holds { Ok(()) } else { Err(Failure::new(Code::Condition, format!("the version is {there:?}"))) }
    }

    fn open(&mut self, open: v1::OpenWrite) -> Result<outcome::Kind, Failure> {
        self.judge(&open.name, open.condition.as_ref())?;
        self.opened.push(open.upload_id);
        let held = self.held(&Hash::list(&open.known).unwrap());
        let (ticket, data_addr) = (Bytes::from_static(b"ticket"), self.nodes[0].clone());
        Ok(outcome::Kind::Opened(v1::Opened { ticket, data_addr, chunk_bytes: CHUNK_BYTES as u32, held }))
    }

    fn put(&mut self, put: v1::Put) -> Result<outcome::Kind, Failure> {
        self.judge(&put.name, put.condition.as_ref())?;
        assert!(put.data.len() <= INLINE_BYTES);
        assert_eq!(Hash::join(&[Hash::of(&put.data)]), put.blake3);
        self.inline.insert(put.name.clone(), put.data.clone());
        let size = put.data.len() as u64;
        Ok(self.write(put.name, v1::FileRecord { size, blake3: put.blake3, ..v1::FileRecord::default() }))
    }

    fn commit(&mut self, commit: v1::CommitWrite) -> Result<outcome::Kind, Failure> {
        self.judge(&commit.name, commit.condition.as_ref())?;
        let mut needed = Hash::list(&commit.chunks).unwrap();
        let lists = if commit.depth == 1 { needed.clone() } else { Vec::new() };
        for list in &lists {
            needed.extend(self.chunks.get(list).map(|list| Hash::list(list).unwrap()).unwrap_or_default());
        }
        let missing: BTreeSet<Hash> =
            needed.into_iter().filter(|hash| !self.chunks.contains_key(hash)).collect();
        if !missing.is_empty() {
            let hashes = Hash::join(&missing.into_iter().collect::<Vec<_>>());
            return Ok(outcome::Kind::Missing(v1::Missing { hashes }));
        }
        self.inline.remove(&commit.name);
        let record = v1::FileRecord {
            size: commit.size,
            blake3: commit.blake3,
            chunks: commit.chunks,
            depth: commit.depth,
            ..v1::FileRecord::default()
        };
        Ok(self.write(commit.name, record))
    }

    fn write(&mut self, name: String, record: v1::FileRecord) -> outcome::Kind {
        self.version += 1;
        let version = self.version;
        self.files.insert(name, v1::FileRecord { version, modified_ms: 7, ..record });
        outcome::Kind::Written(v1::Written { version, modified_ms: 7 })
    }

    fn find(&mut self, read: &v1::Read) -> Result<(outcome::Kind, u64), Failure> {
        let record = self.files.get(&read.name).cloned().ok_or_else(not_found)?;
        let node = self.node(&[])?;
        let data = self.inline.get(&read.name).cloned().unwrap_or_default();
        let serving = (!read.record_only && !record.chunks.is_empty()).then(|| {
            let end = record.chunks.len().min(PART_CHUNKS * 32);
            self.serving(node, record.chunks.slice(..end))
        });
        Ok((outcome::Kind::Found(v1::Found { record: Some(record), data, serving }), node))
    }

    /// The nodes take turns.
    fn node(&mut self, exclude: &[u64]) -> Result<u64, Failure> {
        self.turn += 1;
        let mut nodes = [1, 2].into_iter().cycle().skip(self.turn % 2).take(2);
        let node = nodes.find(|node| !exclude.contains(node));
        node.ok_or_else(|| Failure::new(Code::Unavailable, "nobody else"))
    }

    fn serving(&self, node: u64, hashes: Bytes) -> v1::Serving {
        let data_addr = self.nodes[node as usize - 1].clone();
        v1::Serving { ticket: Bytes::from_static(b"ticket"), data_addr, node, hashes }
    }
}

fn not_found() -> Failure {
    Failure::new(Code::NotFound, "no such file")
}
