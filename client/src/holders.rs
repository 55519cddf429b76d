//! Which nodes hold a file.
//!
//! Every beat of a node says how far it has applied the log and how many chunks it misses. One that has applied the
//! file's version and misses nothing holds it; one that is behind does not hold it yet. Only a node that misses something
//! is asked for this file, [`PART_CHUNKS`] chunks at a time, with every other node excluded.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{BEAT, PART_CHUNKS, RPC};
use gossamer_proto::v1::{Description, FileRecord, NodeReport, Queue, Serve, Task, outcome, task};
use prost::Message;

use crate::describe::DescribeError;
use crate::verify::members;
use crate::{Client, Info};

/// A node that was behind is looked at again so often, a beat later each time: it may have written the file a moment ago.
const LOOKS: u32 = 3;
/// Questions to one node under way at a time.
const ASKED_AT_ONCE: usize = 8;

/// A member of the cluster, and whether it holds a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub node: u64,
    /// Whether it does.
    pub holding: Holding,
}

/// Whether a node holds a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// All of it.
    Whole,
    /// Some of its chunks; the others are on their way.
    Partly,
    /// It has not applied the version yet.
    Behind,
    /// It misses chunks, and did not say within two seconds whether they are this file's; or the file is larger than
    /// 1 GiB, which is not asked for.
    Unknown,
    /// It was not heard lately.
    Silent,
}

impl Client {
    /// Every voter, and every replica that is there, by id, with what it holds of this version of a file or folder. As of
    /// each node's last beat, a tenth of a second ago.
    pub async fn holders(&self, info: &Info) -> Result<Vec<Holder>, DescribeError> {
        let (mut description, mut looks) = (self.describe().await?, 1);
        while looks < LOOKS && reports(&description).any(|report| report.applied_index < info.version) {
            tokio::time::sleep(BEAT).await;
            (description, looks) = (self.describe().await?, looks + 1);
        }
        let everybody: BTreeSet<u64> =
            description.nodes.iter().filter_map(|node| Some(node.report.as_ref()?.id)).collect();
        let wanting = reports(&description).any(|report| is_to_be_asked(report, info));
        let parts = if wanting { self.parts(info).await } else { None };
        let holders = members(&description).into_keys().map(|node| {
            let report = reports(&description).find(|report| report.id == node);
            let others: Vec<u64> = everybody.iter().copied().filter(|other| *other != node).collect();
            let parts = parts.as_deref();
            async move {
                let holding = match report {
                    None => Holding::Silent,
                    Some(report) if report.applied_index < info.version => Holding::Behind,
                    Some(report) if !is_to_be_asked(report, info) => Holding::Whole,
                    Some(_) => self.holds(node, &others, parts).await,
                };
                Holder { node, holding }
            }
        });
        Ok(futures_util::future::join_all(holders).await)
    }

    /// The file's hashes in groups that can be asked for; none if its hashes are chunks themselves, or if there is
    /// another version by now.
    async fn parts(&self, info: &Info) -> Option<Vec<Bytes>> {
        let mut patience = self.patience(&*self.0.progress, format!("stat {}", info.name));
        let (found, _) = self.find(&info.name, true, &mut patience).await.ok()?;
        let FileRecord { version, chunks, depth: 0, .. } = found.record? else { return None };
        let hashes = Hash::list(&chunks).ok().filter(|_| version == info.version)?;
        Some(hashes.chunks(PART_CHUNKS).map(Hash::join).collect())
    }

    /// Asks one node for each part.
    async fn holds(&self, node: u64, others: &[u64], parts: Option<&[Bytes]>) -> Holding {
        let Some(parts) = parts else { return Holding::Unknown };
        let mut held = 0;
        let asked = stream::iter(parts).map(|part| self.serves(node, others, part));
        let mut answers = asked.buffer_unordered(ASKED_AT_ONCE);
        let count = async {
            while let Some(serves) = answers.next().await {
                held += usize::from(serves);
            }
        };
        // A node that lacks a chunk is asked again and again by the queue server: it may come any moment.
        let _ = tokio::time::timeout(RPC, count).await;
        match held {
            all if all == parts.len() => Holding::Whole,
            0 => Holding::Unknown,
            _ => Holding::Partly,
        }
    }

    /// Whether this node, and no other, gives a ticket for these chunks: it does so only if it holds them all.
    async fn serves(&self, node: u64, others: &[u64], hashes: &Bytes) -> bool {
        let serve = task::Kind::Serve(Serve { hashes: hashes.clone() });
        let task: Bytes = Task { kind: Some(serve) }.encode_to_vec().into();
        let mut patience = self.patience(&*self.0.progress, "ask who holds a file".to_owned());
        let answered = self.ask_once(Queue::ReadQueue, &task, RPC, &mut patience, others).await;
        answered.is_ok_and(
            |answered| matches!(answered.kind, outcome::Kind::Serving(serving) if serving.node == node),
        )
    }
}

/// What the nodes that are there say of themselves.
fn reports(description: &Description) -> impl Iterator<Item = &NodeReport> {
    description.nodes.iter().filter(|node| node.connected).filter_map(|node| node.report.as_ref())
}

/// It misses chunks of some file, and this one has any.
fn is_to_be_asked(report: &NodeReport, info: &Info) -> bool {
    report.missing_chunks > 0 && info.size > 0
}
