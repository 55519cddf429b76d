//! The client against a cluster that misbehaves on demand.

#![allow(clippy::unwrap_used, reason = "a test that unwraps an error has failed")]

mod fake;
mod files;
mod holders;
mod reads;
mod writes;
