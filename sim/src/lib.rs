//! Gossamer under simulated faults, and the checker of what its clients saw.
//!
//! # Layout
//! - [`history`]: operations and answers
//! - [`check`]: whether a history is linearizable

pub mod check;
pub mod history;
