//! Entries that the leader proposes of its own accord: Expire, which lets remembered operations be forgotten, and
//! Collect, which lets unreferenced chunks be freed.

use std::time::Duration;

use gossamer_proto::v1::{self, command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Lead;
use crate::raft::ProposeError;
use crate::storage::catalogue::Applied;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A full disk wants its deleted files back soon, but each Collect may cost running uploads a resend.
const COLLECT_WHEN_LOW: Duration = Duration::from_secs(10);
/// A chunk is freed by the second Collect after its last protection, so this many after the last change free all.
const COLLECTS_AFTER_CHANGE: u32 = 3;

/// Looks until shutdown.
pub async fn run(lead: Lead, shutdown: CancellationToken) {
    let mut upkeep = Upkeep::begin(0);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let Some(term) = lead.leading_term() else { continue };
        if upkeep.term != term {
            // The leader before may have proposed both a moment ago: were they due at once, a few changes of the
            // leader would forget operations and free chunks of a minute ago.
            upkeep = Upkeep::begin(term);
        }
        if let Err(error) = upkeep.look(&lead, term).await {
            tracing::debug!(%error, "upkeep waits for the next look");
        }
    }
}

struct Upkeep {
    /// The term it is led in.
    term: u64,
    expired: Instant,
    collected: Instant,
    /// Applied index right after the last Collect: if nothing else came since, nothing changed.
    collected_at: Option<u64>,
    idle_collects: u32,
}

impl Upkeep {
    fn begin(term: u64) -> Self {
        let now = Instant::now();
        Upkeep { term, expired: now, collected: now, collected_at: None, idle_collects: 0 }
    }

    async fn look(&mut self, lead: &Lead, term: u64) -> Result<(), ProposeError> {
        let (generation, remembered) = lead.catalogue.operations();
        if remembered > 0 && self.expired.elapsed() >= lead.config.expire_every {
            let kind = command::Kind::Expire(v1::Expire { generation: generation + 1 });
            propose(lead, kind, term).await?;
            self.expired = Instant::now();
        }
        let report = lead.report.borrow().clone();
        let low = report.disk_free_bytes < lead.config.reserve_bytes.saturating_mul(2);
        let pause =
            if low { COLLECT_WHEN_LOW.min(lead.config.collect_every) } else { lead.config.collect_every };
        if self.collected.elapsed() >= pause {
            self.collected = Instant::now();
            let changed = lead.catalogue.applied().at.map(|at| at.index) != self.collected_at;
            self.idle_collects = if changed { 0 } else { self.idle_collects + 1 };
            if self.idle_collects < COLLECTS_AFTER_CHANGE {
                let number = lead.catalogue.collect_number() + 1;
                propose(lead, command::Kind::Collect(v1::Collect { number }), term).await?;
                self.collected_at = lead.catalogue.applied().at.map(|at| at.index);
            }
        }
        Ok(())
    }
}

async fn propose(lead: &Lead, kind: command::Kind, term: u64) -> Result<Applied, ProposeError> {
    lead.upload.propose(v1::Command { operation: None, kind: Some(kind) }, term).await
}
