//! The catalogue as openraft's state machine; snapshots of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt};
use gossamer_proto::limits::{APPEND_BYTES, BATCH_OPERATIONS};
use gossamer_world::World;
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio_util::sync::CancellationToken;

use super::convert;
use super::types::{Entry, LogId, Outcomes, RaftSnapshot, SnapshotMeta, StoredMembership, Types};
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::{self, Applied, Catalogue, Payload};
use crate::storage::extents::{ChunkError, Chunks};
use crate::storage::refill::Refill;
use crate::storage::snapshot::{Snapshot, SnapshotError, Snapshots};
use crate::witness::Witness;

/// Before a snapshot for which there was no room is tried again; doubled each time...
const FULL_FIRST: Duration = Duration::from_secs(1);
/// ...up to this: each attempt takes what little room there is for a moment.
const FULL_LAST: Duration = Duration::from_secs(60);

/// Cheap to clone; clones share the catalogue.
#[derive(Clone)]
pub(crate) struct StateMachine {
    pub(super) world: World,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) snapshots: Arc<Snapshots>,
    pub(super) chunks: Arc<Chunks>,
    pub(super) refill: Arc<Refill>,
    pub(super) witness: Option<Arc<dyn Witness>>,
    pub(super) shutdown: CancellationToken,
}

/// Entries that are applied in one go: one write of the catalogue for all of them.
#[derive(Default)]
struct Group {
    entries: Vec<catalogue::Entry>,
    responders: Vec<Option<ApplyResponder<Types>>>,
    bytes: usize,
}

impl Group {
    fn push(&mut self, (entry, responder): EntryResponder<Types>) -> io::Result<()> {
        self.bytes += match &entry.payload {
            EntryPayload::Normal(proposal) => proposal.encoded.len(),
            _ => 0,
        };
        self.entries.push(committed(entry)?);
        self.responders.push(responder);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= BATCH_OPERATIONS || self.bytes >= APPEND_BYTES
    }
}

/// The entry as the catalogue takes it.
fn committed(entry: Entry) -> io::Result<catalogue::Entry> {
    let payload = match entry.payload {
        EntryPayload::Blank => Payload::Blank,
        EntryPayload::Normal(proposal) => Payload::Batch(proposal.batch().map_err(io::Error::other)?),
        EntryPayload::Membership(membership) => Payload::Membership(convert::from_membership(&membership)),
    };
    Ok(catalogue::Entry { at: convert::to_position(entry.log_id), payload })
}

fn to_raft(snapshot: Snapshot) -> io::Result<RaftSnapshot> {
    Ok(RaftSnapshot { meta: convert::to_snapshot_meta(&snapshot.meta)?, snapshot })
}

impl StateMachine {
    async fn blocking<T: Send + 'static>(&self, call: impl FnOnce(StateMachine) -> T + Send + 'static) -> T {
        let machine = self.clone();
        self.world.blocking.run(move || call(machine)).await
    }

    async fn apply_group(&self, group: Group) -> io::Result<()> {
        let Group { entries, responders, .. } = group;
        let outcomes: Vec<Vec<Applied>> =
            self.blocking(move |machine| machine.apply_all(entries)).await.map_err(io::Error::other)?;
        // A responder that is not answered leaves its client waiting for ever, hence by position, all of them.
        for (responder, outcomes) in responders.into_iter().zip(outcomes) {
            if let Some(responder) = responder {
                responder.send(Outcomes(outcomes));
            }
        }
        Ok(())
    }

    fn apply_all(&self, entries: Vec<catalogue::Entry>) -> Result<Vec<Vec<Applied>>, BackendError> {
        let Some(witness) = &self.witness else { return self.catalogue.apply(entries) };
        // A clone of an entry shares its bytes.
        let results = self.catalogue.apply(entries.clone())?;
        witness.applied(&entries, &results, self.catalogue.digest());
        Ok(results)
    }

    /// Makes `snapshot`, received or already current, the catalogue's content.
    fn install(&self, snapshot: Snapshot) -> Result<(), SnapshotError> {
        // The log is then purged, and with it the durable copy of inline bytes that were applied from it.
        self.sync_chunks()?;
        match self.snapshots.current() {
            // At start openraft hands back the current one when the catalogue is behind it: the file is in place.
            Some(current) if current.path == snapshot.path => self.snapshots.restore(&self.catalogue, false),
            _ => self.snapshots.install(snapshot, &self.catalogue),
        }
    }

    fn build(&self) -> Result<Snapshot, SnapshotError> {
        self.snapshots.build(&self.catalogue, &|| self.sync_chunks())
    }

    fn sync_chunks(&self) -> io::Result<()> {
        self.chunks.sync().map_err(|error| match error {
            ChunkError::Io(error) => error,
            other => io::Error::other(other),
        })
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = Snapshot;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let applied = self.catalogue.applied();
        let membership = convert::to_stored(applied.membership_at, applied.membership.as_ref())?;
        Ok((applied.at.map(convert::from_position), membership))
    }

    /// An error ends the state machine's worker, and with it the node: only damage may be one.
    async fn apply<Strm>(&mut self, entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        // Fused, because the inner loop may see the end first.
        let mut entries = entries.fuse();
        while let Some(first) = entries.next().await {
            let mut group = Group::default();
            group.push(first?)?;
            // What is there already goes along; nobody waits for more to come.
            while !group.is_full()
                && let Some(Some(next)) = entries.next().now_or_never()
            {
                group.push(next?)?;
            }
            self.apply_group(group).await?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        self.clone()
    }

    async fn install_snapshot(&mut self, _meta: &SnapshotMeta, snapshot: Snapshot) -> Result<(), io::Error> {
        let quiet = self.refill.pause().await;
        self.blocking(move |machine| machine.install(snapshot)).await.map_err(io::Error::other)?;
        drop(quiet);
        // The log is purged next, all of it if the snapshot is ahead of it.
        if let Err(error) = self.refill.pass(&self.shutdown).await {
            tracing::warn!(%error, "small files that only the log had are to come from other nodes");
        }
        if let Some(witness) = &self.witness {
            witness.installed(self.catalogue.applied().at);
        }
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<RaftSnapshot>, io::Error> {
        self.snapshots.current().map(to_raft).transpose()
    }
}

impl RaftSnapshotBuilder<Types> for StateMachine {
    type SnapshotData = Snapshot;

    /// Runs beside apply. [`Snapshots::build`] freezes the catalogue when called, so the snapshot may be of a later
    /// entry than when openraft asked for it, and says itself of which.
    async fn build_snapshot(&mut self) -> Result<RaftSnapshot, io::Error> {
        let mut pause = FULL_FIRST;
        loop {
            match self.blocking(|machine| machine.build()).await {
                // An error would end the node, though nothing needs the snapshot yet: the log grows until there is room.
                Err(error) if error.is_full() => {
                    tracing::warn!(%error, "no room for a snapshot: it is tried again");
                    tokio::select! {
                        () = self.shutdown.cancelled() => return Err(io::Error::other(error)),
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(FULL_LAST);
                }
                built => return to_raft(built.map_err(io::Error::other)?),
            }
        }
    }
}
