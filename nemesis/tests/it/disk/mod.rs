//! The disk, and clusters of real processes on it.
//!
//! - [`posix`], [`power`]: the disk alone; [`mounted`]: one for a test
//! - [`cluster`]: processes on such disks; [`load`]: what their clients do, and the book of what they were told
//! - [`outage`], [`failing`], [`slow`], [`full`], [`rot`]: what befalls them

mod cluster;
mod failing;
mod full;
mod load;
mod mounted;
mod outage;
mod posix;
mod power;
mod rot;
mod slow;

/// How many rounds a scenario takes: so many, or with `GOSSAMER_LONG`, which says for how many seconds all may go on,
/// as many more as that gives.
fn rounds(default: u32) -> u32 {
    let long = std::env::var("GOSSAMER_LONG").ok().and_then(|seconds| seconds.parse::<u32>().ok());
    // A round takes about five seconds, and half a dozen scenarios have rounds.
    default.max(long.unwrap_or(0) / 30)
}
