//! The wall clock. Used for what people read (`modified`), never for leases or deadlines.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the wall-clock time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01 UTC; 0 if the clock stands before that.
    fn unix_ms(&self) -> u64;
}

/// The machine's clock.
pub struct System;

impl Clock for System {
    fn unix_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}
