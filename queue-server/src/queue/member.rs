//! A connected node, as the queues see it.

use std::collections::BTreeSet;

use gossamer_proto::limits::SILENCE;
use tokio::time::Instant;

/// A node's session and its standing offers.
#[derive(Debug)]
pub(super) struct Member {
    /// The node's id.
    pub(super) node: u64,
    pub(super) heard: Instant,
    pub(super) read_credits: u32,
    /// When its turn for the next read is: the lowest number is the one that has waited longest.
    pub(super) turn: u64,
    pub(super) leader_credits: u32,
    /// It offered leader credits of the highest term and has not withdrawn them.
    pub(super) holds_office: bool,
    /// Its latest report says that it leads.
    pub(super) reports_leading: bool,
    pub(super) read_leases: BTreeSet<u64>,
    pub(super) leader_leases: BTreeSet<u64>,
}

impl Member {
    pub(super) fn new(node: u64, turn: u64, now: Instant) -> Self {
        Member {
            node,
            heard: now,
            read_credits: 0,
            turn,
            leader_credits: 0,
            holds_office: false,
            reports_leading: false,
            read_leases: BTreeSet::new(),
            leader_leases: BTreeSet::new(),
        }
    }

    /// Whether it may be given new work: it has been heard lately.
    pub(super) fn is_live(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) <= SILENCE
    }

    pub(super) fn leads(&self) -> bool {
        self.holds_office || self.reports_leading
    }

    /// Whether it serves reads, be it that all its credits are in use just now.
    pub(super) fn offers_reads(&self) -> bool {
        self.read_credits > 0 || !self.read_leases.is_empty()
    }
}
