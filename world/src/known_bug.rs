//! Bugs that other systems had, put back on purpose to see that the simulation finds them.
//!
//! Without the cargo feature `known-bugs`, which only the simulation turns on, [`is_back`] is `false` at compile time. With it
//! there is none either until [`bring_back`] names one, for the rest of the process.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBug {
    /// The log says that entries are durable before it has synced them.
    AcknowledgedBeforeSync,
    /// A read is served by a barrier that was asked for before the read was claimed.
    BarrierBeforeClaim,
    /// A commit applies although its seal was under another membership.
    SealedUnderAnotherMembership,
    /// A commit applies although chunks may have been collected since they were confirmed.
    CollectedUnderUncommitted,
    /// A node gets the id of one that was removed.
    IdUsedTwice,
    /// A queue server takes a result under a lease that is over, and nodes deliver such results on their next stream.
    LateResultAccepted,
}

impl KnownBug {
    /// All of them.
    pub const ALL: [KnownBug; 6] = [
        KnownBug::AcknowledgedBeforeSync,
        KnownBug::BarrierBeforeClaim,
        KnownBug::SealedUnderAnotherMembership,
        KnownBug::CollectedUnderUncommitted,
        KnownBug::IdUsedTwice,
        KnownBug::LateResultAccepted,
    ];
}

#[cfg(feature = "known-bugs")]
static BACK: std::sync::OnceLock<KnownBug> = std::sync::OnceLock::new();

/// Puts a bug back. No effect if one is back already.
#[cfg(feature = "known-bugs")]
pub fn bring_back(bug: KnownBug) {
    BACK.get_or_init(|| bug);
}

/// Whether this bug is back.
#[cfg(feature = "known-bugs")]
pub fn is_back(bug: KnownBug) -> bool {
    BACK.get() == Some(&bug)
}

/// Never.
#[cfg(not(feature = "known-bugs"))]
pub const fn is_back(_bug: KnownBug) -> bool {
    false
}
