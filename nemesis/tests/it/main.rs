//! Tests of `gossamer-nemesis`. They need root; without, they say SKIPPED, and fail where `CI` is set.
// Helpers of tests may panic as tests do; clippy spares only functions marked as tests.
#![allow(clippy::unwrap_used)]

mod disk;
mod processes;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Scenarios start many processes: side by side they would take each other's time. Each waits for its turn.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
