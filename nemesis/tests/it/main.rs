//! Tests of `gossamer-nemesis`. They need root; without, they say SKIPPED, and fail where `CI` is set.
// Helpers of tests may panic as tests do; clippy spares only functions marked as tests.
#![allow(clippy::unwrap_used)]

mod disk;
mod processes;
