//! What this node says of itself: kept fresh for beats, status and the leader.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gossamer_proto::limits::BEAT;
use gossamer_proto::setting::Setting;
use gossamer_proto::v1::{NodeReport, Role};
use gossamer_world::World;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::raft::View;
use crate::storage::catalogue::Catalogue;
use crate::storage::extents::Chunks;
use crate::storage::scrub;
use crate::whereabouts::Whereabouts;

/// Where a report's figures come from.
#[derive(Clone)]
pub struct Sources {
    /// For the disk's space.
    pub world: World,
    /// The data folder.
    pub dir: std::path::PathBuf,
    /// What does not change while the process lives: pid, version, storage id, run.
    pub fixed: NodeReport,
    /// Where this node is.
    pub whereabouts: Whereabouts,
    /// Raft's state.
    pub view: watch::Receiver<View>,
    /// Files and applied index.
    pub catalogue: Arc<Catalogue>,
    /// Missing chunks and stored bytes.
    pub chunks: Arc<Chunks>,
    /// Tasks of the read queue answered.
    pub served: Arc<AtomicU64>,
    /// Where scrubbing is.
    pub scrub: Arc<scrub::Progress>,
}

/// Asking the file system for its space more often than this would cost more than it tells.
const SPACE_EVERY: Duration = Duration::from_secs(1);

impl Sources {
    /// The report as of now, with `before`'s disk space, and counted on from it if the node has moved.
    pub fn report(&self, before: &NodeReport) -> NodeReport {
        let view = self.view.borrow().clone();
        let role = if view.leader == Some(view.id) {
            Role::Leader
        } else if view.voters.contains(&view.id) {
            Role::Voter
        } else if view.replicas.contains(&view.id) {
            Role::Replica
        } else {
            Role::Joining
        };
        let (control_addr, data_addr) = (self.whereabouts.control(), self.whereabouts.data());
        let moved = control_addr != before.control_addr || data_addr != before.data_addr;
        let (healing, scrub) = (self.chunks.healing(), self.scrub.standing());
        NodeReport {
            id: view.id,
            control_addr,
            data_addr,
            moves: before.moves + u64::from(moved),
            role: role as i32,
            term: view.term,
            leader: view.leader.unwrap_or(0),
            leading: view.leading,
            last_log_index: view.last_log_index.unwrap_or(0),
            applied_index: view.applied.map_or(0, |at| at.index),
            joint: view.configs.len() > 1,
            voters: view.voters,
            replicas: view.replicas,
            missing_chunks: self.chunks.missing_count(),
            stored_bytes: self.chunks.stored_bytes(),
            reads_served: self.served.load(Ordering::Relaxed),
            files: self.catalogue.file_count(),
            voter_target: self.catalogue.setting(Setting::Voters),
            disk_free_bytes: before.disk_free_bytes,
            disk_total_bytes: before.disk_total_bytes,
            unix_ms: self.world.clock.unix_ms(),
            missing_bytes: healing.missing_bytes,
            fetched_chunks: healing.fetched,
            fetched_bytes: healing.fetched_bytes,
            healing_idle_ms: healing.idle.as_millis() as u64,
            bad_found: healing.bad + scrub.bad,
            bad_healed: healing.healed + scrub.healed,
            scrub_done_bytes: scrub.done_bytes,
            scrub_total_bytes: scrub.total_bytes,
            scrub_begun_ms: scrub.begun_ms,
            scrub_finished_ms: scrub.finished_ms,
            scrub_every_ms: self.catalogue.setting(Setting::ScrubEvery),
            ..self.fixed.clone()
        }
    }

    /// The same report with the disk's space asked for anew. Blocking.
    pub fn with_space(&self, mut report: NodeReport) -> NodeReport {
        // A disk that cannot be asked has no space to offer.
        if let Ok(space) = self.world.files.space(&self.dir) {
            report.disk_free_bytes = space.free;
            report.disk_total_bytes = space.total;
        }
        report
    }
}

/// Keeps `into` fresh until shutdown.
pub async fn run(sources: Sources, into: watch::Sender<NodeReport>, shutdown: CancellationToken) {
    let mut view = sources.view.clone();
    let mut space_asked = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = view.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(BEAT) => {}
        }
        let mut report = sources.report(&into.borrow());
        if space_asked.elapsed() >= SPACE_EVERY {
            space_asked = tokio::time::Instant::now();
            let asker = sources.clone();
            report = sources.world.blocking.run(move || asker.with_space(report)).await;
        }
        into.send_replace(report);
    }
}
