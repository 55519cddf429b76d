//! What a prefix of the stream amounts to, its entries aside: what a new segment carries over.

use bytes::Bytes;

use super::record::{Kind, Record};

/// The state after the records noted so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    pub(super) vote: Option<Bytes>,
    pub(super) committed: Option<Bytes>,
    /// Index purged up to, and its id.
    pub(super) purged: Option<(u64, Bytes)>,
    /// Index of the next entry.
    pub(super) next: u64,
}

impl Past {
    pub(super) fn note(&mut self, record: &Record) {
        match record.kind {
            Kind::Vote => self.vote = Some(record.payload.clone()),
            Kind::Committed => self.committed = Some(record.payload.clone()),
            Kind::Entry => self.next = record.index + 1,
            Kind::Truncate => self.next = record.index,
            Kind::Purge => {
                self.purged = Some((record.index, record.payload.clone()));
                self.next = self.next.max(record.index + 1);
            }
            Kind::Mark => {}
        }
    }

    /// Records that say all this again.
    pub(super) fn records(&self) -> Vec<Record> {
        let purged = self.purged.iter().map(|(index, id)| (Kind::Purge, *index, id));
        let vote = self.vote.iter().map(|vote| (Kind::Vote, 0, vote));
        let committed = self.committed.iter().map(|committed| (Kind::Committed, 0, committed));
        let all = vote.chain(committed).chain(purged);
        all.map(|(kind, index, payload)| Record { kind, index, payload: payload.clone() }).collect()
    }
}
