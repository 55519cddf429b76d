//! What has happened to a disk: a fault that did not happen proves nothing.

/// Counts since the disk was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Syncs of files and directories that were asked for.
    pub syncs: u64,
    /// Those that failed, the power with them or not.
    pub failed_syncs: u64,
    /// Those that were said to have succeeded, though nothing was made durable.
    pub lies: u64,
    /// Calls that failed because the disk was full.
    pub full: u64,
    /// How often the power failed.
    pub power_losses: u64,
    /// Bytes, in whole sectors, that were written to files which are still there, and lost with the power.
    pub lost_bytes: u64,
    /// New or renamed names that were lost with the power.
    pub lost_names: u64,
}
