//! Stealing: a node's standing session with each queue server.
//!
//! # Layout
//! - `session.rs` connects, and connects again for ever; `stream.rs` is one stream from hello to end
//! - `up.rs`: answers, credits and beats go up; `down.rs`: tasks, revocations and the directory come down
//! - `credit.rs`: how much is offered; `pace.rs`: less of it as reads get slow; `lease.rs`: what is being worked on
//! - [`claim`]: a stolen task and the right to answer it
//!
//! # Invariants
//! - At most [`LEADER_CREDITS`] and [`READ_CREDITS`] tasks of one queue server are unfinished here; what it assigns beyond
//!   that is given back.
//! - A lease is answered at most once, and not at all once it was revoked or its stream is gone.
//! - A session never waits for a consumer, and never for another session: one paused queue server costs the others nothing.
//!
//! # What it does not guarantee
//! - That a task is worked on once: a lease that ran out elsewhere may still be worked on here. Its answer is dropped by
//!   the queue server, and the operation it carries is applied once.
//!
//! [`LEADER_CREDITS`]: gossamer_proto::limits::LEADER_CREDITS
//! [`READ_CREDITS`]: gossamer_proto::limits::READ_CREDITS

pub mod claim;
mod credit;
mod down;
mod lease;
mod pace;
mod session;
mod stream;
mod up;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

pub use claim::{Answer, Claim};

use gossamer_proto::channel::Channels;
use gossamer_proto::v1;
use gossamer_world::World;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::peers::Peers;
use crate::raft::View;

/// What the sessions need.
pub struct Config {
    /// The surroundings: randomness for the back-off.
    pub world: World,
    /// Makes the connections.
    pub channels: Channels,
    /// Queue servers, host:port, as far as they are known: one session each.
    pub queues: watch::Receiver<Vec<String>>,
    /// The cluster this node belongs to.
    pub cluster_id: bytes::Bytes,
    /// Its name, for people.
    pub cluster_name: String,
    /// Learns what the directories of the queue servers say.
    pub peers: Peers,
    /// Follows Raft: leader credits are offered while `leading`, with its term; withdrawn otherwise. Read credits while the
    /// node may serve reads.
    pub view: watch::Receiver<View>,
    /// The node's latest report, for hello and beats.
    pub report: watch::Receiver<v1::NodeReport>,
    /// Claims of the leader queue. No more credits are offered than this channel has room for; with less room than
    /// `LEADER_CREDITS` for each queue server, the channel is the limit.
    pub leader_claims: mpsc::Sender<Claim>,
    /// Claims of the read queue; its room counts in the same way.
    pub read_claims: mpsc::Sender<Claim>,
}

/// Runs all sessions until shutdown; then withdraws credits, gives back what was not begun and waits (at most 2 s) for
/// what was.
pub async fn run(config: Config, shutdown: CancellationToken) {
    let mut queues = config.queues.clone();
    let config = Arc::new(config);
    let sessions = TaskTracker::new();
    let mut running: BTreeMap<String, (Arc<AtomicBool>, JoinHandle<()>)> = BTreeMap::new();
    loop {
        let known = queues.borrow_and_update().clone();
        running.retain(|addr, (wanted, session)| {
            // One that works is not cut because nobody has told of the queue server lately: that is only a hint.
            wanted.store(known.contains(addr), Relaxed);
            !session.is_finished()
        });
        for addr in known {
            running.entry(addr.clone()).or_insert_with(|| {
                let wanted = Arc::new(AtomicBool::new(true));
                let session = session::run(config.clone(), addr, wanted.clone(), shutdown.clone());
                (wanted, sessions.spawn(session))
            });
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            changed = queues.changed() => if changed.is_err() {
                // Nobody is left who could change them.
                shutdown.cancelled().await;
                break;
            },
        }
    }
    sessions.close();
    sessions.wait().await;
}
