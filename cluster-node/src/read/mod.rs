//! Reads: claim, barrier, serve.
//!
//! # Layout
//! - this file: the loop that takes claims; `barrier.rs`: read barriers and who waits for which
//! - `serve.rs`: names, records and chunks; `list.rs`: pages of names;
//!   `settings.rs`
//!
//! # Invariants
//! - A look-up in the catalogue follows a read barrier that was asked for after the task was claimed, so it sees every
//!   write acknowledged before the read began.
//! - Chunks are named by their content, so the right to fetch some needs no barrier.
//!
//! # What it does not guarantee
//! - That chunks named in a ticket are still there when they are fetched: a file removed meanwhile is freed by the second
//!   `Collect` after that.

mod barrier;
mod list;
mod serve;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gossamer_proto::limits::READ_CREDITS;
use gossamer_proto::v1::{self, Code, Failure, task};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use barrier::Barriers;
pub use barrier::ReadIndex;
use serve::Server;

use crate::data::ticket::Tickets;
use crate::raft;
use crate::steal::Claim;
use crate::storage::catalogue::Catalogue;
use crate::storage::extents::Chunks;

/// Tasks served at once: enough to keep a disk busy, few enough not to fill the blocking threads.
const SERVED_AT_ONCE: usize = 16;
/// How long shutdown waits for those being served.
const GRACE: Duration = Duration::from_secs(1);

/// What reads need.
pub struct Config {
    /// The surroundings: where blocking calls run.
    pub world: gossamer_world::World,
    /// Gives read barriers.
    pub raft: raft::Handle,
    /// Names and records.
    pub catalogue: Arc<Catalogue>,
    /// Their bytes.
    pub chunks: Arc<Chunks>,
    /// Issues the right to fetch chunks at the data port.
    pub tickets: Arc<Tickets>,
    /// Where that is.
    pub whereabouts: crate::whereabouts::Whereabouts,
    /// This node's id.
    pub node: u64,
    /// Counts the tasks answered, for `reads` in the node's report.
    pub served: Arc<AtomicU64>,
}

/// Serves claims of the read queue until the channel closes or shutdown. Claims that were not begun are given back.
pub async fn run(config: Config, claims: mpsc::Receiver<Claim>, shutdown: CancellationToken) {
    let read_index = config.raft.clone();
    let server = Arc::new(Server::new(config));
    let desk = Desk { server, at_once: Arc::new(Semaphore::new(SERVED_AT_ONCE)), tasks: TaskTracker::new() };
    take(claims, Barriers::new(read_index), |claim| desk.serve(claim), &shutdown).await;
    desk.tasks.close();
    // Whoever is not through by then is dropped with the runtime.
    let _ = tokio::time::timeout(GRACE, desk.tasks.wait()).await;
}

/// Takes claims, sends those that look something up through a barrier, and hands each to `serve`.
async fn take<R: ReadIndex>(
    mut claims: mpsc::Receiver<Claim>,
    mut barriers: Barriers<R>,
    serve: impl Fn(Claim),
    shutdown: &CancellationToken,
) {
    let mut taken = Vec::with_capacity(READ_CREDITS as usize);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            passed = barriers.passed() => passed.into_iter().for_each(&serve),
            count = claims.recv_many(&mut taken, READ_CREDITS as usize) => {
                if count == 0 {
                    return;
                }
                for claim in taken.drain(..) {
                    match claim.task {
                        task::Kind::Read(_) | task::Kind::List(_) | task::Kind::ReadSettings(_) => barriers.gather(claim),
                        _ => serve(claim),
                    }
                }
            }
        }
        barriers.ask();
    }
}

/// Where claims are served side by side. Their number is bounded by the credits that the sessions offer.
struct Desk {
    server: Arc<Server>,
    at_once: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Desk {
    fn serve(&self, claim: Claim) {
        let (server, at_once) = (self.server.clone(), self.at_once.clone());
        self.tasks.spawn(async move {
            // Closed never: nobody closes it. Then the claim is given back.
            let Ok(_permit) = at_once.acquire_owned().await else { return };
            server.answer(claim).await;
        });
    }
}

/// What a task comes to.
enum Verdict {
    /// The answer; a definite failure is one, too.
    Done(v1::outcome::Kind),
    /// Not here, not now: somebody else may.
    Refuse(Failure),
}

impl Verdict {
    fn failed(code: Code, message: impl ToString) -> Self {
        Verdict::Done(v1::outcome::Kind::Failure(Failure::new(code, message.to_string())))
    }

    fn elsewhere(message: impl ToString) -> Self {
        Verdict::Refuse(Failure::new(Code::Unavailable, message.to_string()))
    }
}

impl Server {
    /// Serves one claim and answers it.
    async fn answer(self: Arc<Self>, claim: Claim) {
        let verdict = if claim.deadline <= Instant::now() {
            Verdict::failed(Code::Deadline, "the time given ran out before it was begun")
        } else {
            self.clone().judge(claim.task.clone()).await
        };
        match verdict {
            Verdict::Done(outcome) => {
                self.served.fetch_add(1, Ordering::Relaxed);
                claim.done(outcome);
            }
            Verdict::Refuse(failure) => claim.refuse(failure),
        }
    }

    async fn judge(self: Arc<Self>, task: task::Kind) -> Verdict {
        let blocking = self.world.blocking;
        match task {
            task::Kind::Read(read) => blocking.run(move || self.read(&read)).await,
            task::Kind::Serve(serve) => blocking.run(move || self.serve(&serve)).await,
            task::Kind::List(list) => blocking.run(move || list::list(&self.catalogue, &list)).await,
            task::Kind::ReadSettings(_) => settings::settings(&self.catalogue),
            _ => Verdict::failed(Code::Invalid, "this is no task of the read queue"),
        }
    }
}
