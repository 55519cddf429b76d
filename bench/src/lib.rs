//! Throughput benches: `cargo bench -p gossamer-bench`. `benches/cluster.rs` measures uploads and downloads through a
//! queue server and three nodes, `benches/storage.rs` what one node's storage takes alone.
//!
//! # Layout
//! - [`cluster`]: a queue server and three nodes on loopback, in this process
//! - [`content`]: bytes that differ in every MiB, and each time
//!
//! # Invariants
//! - Nothing is simulated: kernel sockets, sled, fdatasync in a folder under the system's folder for temporary files.
//!
//! # What it does not guarantee
//! - That processes of their own, or machines of their own, are as fast: here all share one runtime, and one disk.
//! - Anything about a disk, where the folder for temporary files is in memory: set TMPDIR.

pub mod cluster;
pub mod content;
