//! Discovery: which queue servers of the token's cluster are on the LAN, told by themselves. Hints only: whoever
//! connects to one proves and asks for proof again.
//!
//! # Layout
//! - [`packet`]: the datagrams and their proof; [`exchange`]: the protocol as a pure state machine; `recent`: its
//!   bounded memory
//! - [`lan`]: the seam to interfaces and sockets; [`socket`]: the kernel's
//! - `running`: asks and answers until the end; `schedule`: when; `links`: on which sockets; `shared`: what they share
//! - [`find()`], [`census`]: for commands that ask once
//! - `found`: what is known; [`own_address()`]: where this machine is; [`event`]: what happens, for people; [`counters`]: how often
//!
//! # Protocol
//! ```text
//! asks, broadcast to 255.255.255.255:8888             has a queue server
//! Request(nonce)                            ────────▶ proof good, nonce new, source not answered lately?
//!                                           ◀──────── Answer(nonce, challenge, port), to where it came from
//! queue server at source : port
//! Confirm(challenge, port), if it has one too ──────▶ queue server at source : port
//!
//! Census(nonce)                             ────────▶ no proof: for those without a token, or with another's
//!                                           ◀──────── CensusAnswer(nonce, cluster, port)
//! ```
//! Each address of each interface has two sockets: one that hears broadcasts on the port, one that sends everything
//! and hears what is sent back. So processes of one machine share the port, and none gets what is meant for another.
//!
//! # Invariants
//! - Only who holds the token, and answers to a nonce just drawn, adds a queue server, at the address that he sends
//!   from. A replay adds nothing and gets no answer while its nonce is among the last 4096.
//! - Nothing sent back is longer than what it answers; a source gets one answer a second (to a request, and one to a
//!   census), a census at most 100 a second in all.
//! - Only sources in the subnet of the interface are listened to.
//! - Every table is bounded; what is not proven cannot drive anything proven out of one.
//! - No error and no datagram ends it. No wall clock is read.
//!
//! # What it does not guarantee
//! - That what is found still works, or is what it says: who relays datagrams of others as they come can put his own
//!   address in. The connection's proof tells.
//! - That a census is true.
//! - Anything beyond the link: routers forward no broadcasts.

mod config;
pub mod counters;
pub mod event;
pub mod exchange;
mod find;
mod found;
pub mod lan;
mod links;
mod own_address;
pub mod packet;
mod recent;
mod running;
mod schedule;
mod shared;
pub mod socket;

pub use config::Config;
pub use event::Event;
pub use find::{FindError, census, find};
pub use found::{Found, Heard};
pub use own_address::own_address;
pub use running::{Handle, Running, prepare};
