//! The wires of Gossamer.
//!
//! # Layout
//! - [`v1`]: what protox makes of `wire/*.proto`
//! - [`limits`]: every bound of the system, with unit and reason
//! - [`name`]: what may be the name of a file
//! - [`hash`]: the name of a chunk
//! - [`token`]: what makes a machine part of a cluster; [`trust`]: who is let in; `proof`: how a connection begins
//! - [`setting`]: settings of the whole cluster
//! - [`status`]: failures to and from `tonic::Status`
//! - [`channel`], [`listener`]: the one place where connections are made and accepted
//!
//! # Invariants
//! - Names are data, never paths: nothing here or above makes a path of one.
//! - Fields are only ever added.

pub mod channel;
#[doc(hidden)]
pub mod fuzz;
pub mod hash;
pub mod limits;
pub mod listener;
pub mod name;
mod proof;
pub mod setting;
pub mod status;
pub mod token;
pub mod trust;

/// Messages and services, generated from `wire/*.proto`.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod v1 {
    tonic::include_proto!("gossamer.v1");
}
