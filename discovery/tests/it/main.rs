//! Discovery's tests: the datagrams, machines on a LAN in memory, and processes on the kernel's loopback. The protocol
//! alone is tested beside its code.

// clippy.toml allows it in tests, but takes only the test functions themselves for tests.
#![allow(clippy::unwrap_used)]

mod kernel;
mod meeting;
mod memory;
mod packets;
