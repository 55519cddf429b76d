//! Names, records and chunks.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{INLINE_BYTES, PART_CHUNKS};
use gossamer_proto::name;
use gossamer_proto::v1::{self, Code, outcome};
use gossamer_world::World;

use super::{Config, Verdict};
use crate::data::ticket::{Grant, Tickets};
use crate::storage::catalogue::Catalogue;
use crate::storage::extents::{ChunkError, Chunks};
use crate::whereabouts::Whereabouts;

/// Answers tasks of the read queue out of this node's storage. All methods block.
pub(super) struct Server {
    pub(super) world: World,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) served: Arc<AtomicU64>,
    chunks: Arc<Chunks>,
    tickets: Arc<Tickets>,
    whereabouts: Whereabouts,
    node: u64,
}

impl Server {
    pub(super) fn new(config: Config) -> Self {
        let Config { world, raft: _, catalogue, chunks, tickets, whereabouts, node, served } = config;
        Server { world, catalogue, served, chunks, tickets, whereabouts, node }
    }

    /// Looks a name up. A barrier was passed before.
    pub(super) fn read(&self, read: &v1::Read) -> Verdict {
        if let Err(error) = name::check_entry(&read.name) {
            return Verdict::failed(Code::Invalid, error);
        }
        let record = match self.catalogue.file(&read.name) {
            Ok(Some(record)) => record,
            Ok(None) => return Verdict::failed(Code::NotFound, format!("there is no file {:?}", read.name)),
            // The catalogue of this node, which is being replaced or has failed: others have theirs.
            Err(error) => return Verdict::elsewhere(error),
        };
        if read.record_only {
            found(record, Bytes::new(), None)
        } else if record.size <= INLINE_BYTES as u64 {
            self.inline(record)
        } else {
            self.first_part(record)
        }
    }

    /// The right to fetch these chunks, if all are here.
    pub(super) fn serve(&self, serve: &v1::Serve) -> Verdict {
        let count = serve.hashes.len() / Hash::BYTES;
        if count == 0 || count > PART_CHUNKS {
            return Verdict::failed(
                Code::Invalid,
                format!("{count} chunks; 1 to {PART_CHUNKS} can be asked for"),
            );
        }
        let hashes = match Hash::list(&serve.hashes) {
            Ok(hashes) => hashes,
            Err(error) => return Verdict::failed(Code::Invalid, error),
        };
        match self.holds(&hashes) {
            Ok(true) => Verdict::Done(outcome::Kind::Serving(self.serving(serve.hashes.clone()))),
            Ok(false) => Verdict::elsewhere("chunk not here yet"),
            Err(error) => Verdict::elsewhere(error),
        }
    }

    /// Record and content. The content is checked, though its reader checks it, too: a reader of inline bytes has no
    /// ticket with which to report a bad one, and so it would never heal.
    fn inline(&self, record: v1::FileRecord) -> Verdict {
        let hashes = match Hash::list(&record.chunks) {
            Ok(hashes) => hashes,
            Err(error) => return Verdict::failed(Code::Internal, error),
        };
        let Some(hash) = hashes.first() else {
            return found(record, Bytes::new(), None);
        };
        match self.chunks.get_checked(hash) {
            Ok(Some(data)) => found(record, data, None),
            Ok(None) => Verdict::elsewhere("chunk not here yet"),
            Err(error) => Verdict::elsewhere(error),
        }
    }

    /// The record and the right to fetch the first chunks that it names. A node that lacks one of them gives the record
    /// alone: its client then asks others for the chunks.
    fn first_part(&self, record: v1::FileRecord) -> Verdict {
        let part = record.chunks.slice(..record.chunks.len().min(PART_CHUNKS * Hash::BYTES));
        let hashes = match Hash::list(&part) {
            Ok(hashes) => hashes,
            Err(error) => return Verdict::failed(Code::Internal, error),
        };
        match self.holds(&hashes) {
            Ok(true) => found(record, Bytes::new(), Some(self.serving(part))),
            Ok(false) => found(record, Bytes::new(), None),
            Err(error) => Verdict::elsewhere(error),
        }
    }

    fn holds(&self, hashes: &[Hash]) -> Result<bool, ChunkError> {
        for hash in hashes {
            if !self.chunks.has(hash)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn serving(&self, hashes: Bytes) -> v1::Serving {
        let ticket = self.tickets.issue(&Grant::Read { list: Hash::of(&hashes) });
        v1::Serving { ticket, data_addr: self.whereabouts.data(), node: self.node, hashes }
    }
}

fn found(record: v1::FileRecord, data: Bytes, serving: Option<v1::Serving>) -> Verdict {
    Verdict::Done(outcome::Kind::Found(v1::Found { record: Some(record), data, serving }))
}
