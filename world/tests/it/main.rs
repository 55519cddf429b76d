//! Tests of `gossamer-world`.
// Helpers of tests may panic as tests do; clippy spares only functions marked as tests.
#![allow(clippy::unwrap_used)]

mod files;
