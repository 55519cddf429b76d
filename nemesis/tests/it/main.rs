//! Tests of `gossamer-nemesis`. They need root; see `disk::mounted`.
// Helpers of tests may panic as tests do; clippy spares only functions marked as tests.
#![allow(clippy::unwrap_used)]

mod disk;
