//! Read barriers, and which claims wait for which.
//!
//! # Invariant
//! A barrier serves only claims that were claimed before it was asked for (ReadIndex: Ongaro 2014, "Consensus: bridging
//! theory and practice", 6.4). It cannot be otherwise: the claims are moved into the future that then asks, and nothing
//! joins it later. What is claimed while barriers are in flight gathers for the next one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gossamer_proto::limits::RPC;
use gossamer_proto::v1::{Code, Failure};
use gossamer_world::known_bug::{self, KnownBug};
use tokio::time::Instant;

use crate::raft::{self, BarrierError};
use crate::steal::Claim;
use crate::storage::position::Position;

/// Barriers in flight at once: with a second, a read that just missed one does not wait for two round trips.
const IN_FLIGHT: usize = 2;

/// Gives read barriers; as a trait so that tests need no Raft.
pub trait ReadIndex: Send + Sync + 'static {
    /// Returns once everything is applied here that was committed when it was called.
    fn barrier(&self, time_left: Duration) -> impl Future<Output = Result<Position, BarrierError>> + Send;
}

impl ReadIndex for raft::Handle {
    async fn barrier(&self, time_left: Duration) -> Result<Position, BarrierError> {
        raft::Handle::barrier(self, time_left).await
    }
}

type Asked = Pin<Box<dyn Future<Output = (Result<Position, BarrierError>, Vec<Claim>)> + Send>>;

/// The claims that wait for a barrier.
pub(super) struct Barriers<R> {
    read_index: Arc<R>,
    gathered: Vec<Claim>,
    asked: FuturesUnordered<Asked>,
}

impl<R: ReadIndex> Barriers<R> {
    pub(super) fn new(read_index: R) -> Self {
        Barriers { read_index: Arc::new(read_index), gathered: Vec::new(), asked: FuturesUnordered::new() }
    }

    /// The claim waits for the next barrier.
    pub(super) fn gather(&mut self, claim: Claim) {
        self.gathered.push(claim);
    }

    /// Asks for a barrier for all that was gathered, unless enough are in flight.
    pub(super) fn ask(&mut self) {
        if self.gathered.is_empty() || self.asked.len() >= IN_FLIGHT {
            return;
        }
        let claims = std::mem::take(&mut self.gathered);
        let read_index = self.read_index.clone();
        self.asked.push(Box::pin(async move {
            let patience = claims.iter().map(|claim| claim.deadline).max().unwrap_or_else(Instant::now);
            let time_left = patience.saturating_duration_since(Instant::now()).min(RPC);
            (read_index.barrier(time_left).await, claims)
        }));
    }

    /// The claims of the next barrier that is passed; waits for ever if none is in flight. Those of one that failed are
    /// given back: another node may be nearer to the leader.
    ///
    /// Cancel safe: a barrier that was not returned stays in flight.
    pub(super) async fn passed(&mut self) -> Vec<Claim> {
        match self.asked.next().await {
            Some((Ok(_), mut claims)) => {
                if known_bug::is_back(KnownBug::BarrierBeforeClaim) {
                    claims.append(&mut self.gathered);
                }
                claims
            }
            Some((Err(error), claims)) => {
                for claim in claims {
                    claim.refuse(Failure::new(Code::Unavailable, error.to_string()));
                }
                Vec::new()
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use gossamer_proto::v1::{self, task};
    use tokio::sync::{mpsc, oneshot};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::read::take;
    use crate::steal::Answer;

    type Release = oneshot::Sender<Result<Position, BarrierError>>;

    /// Hands each barrier that is asked for to the test.
    struct Hands(mpsc::Sender<Release>);

    impl ReadIndex for Hands {
        async fn barrier(&self, _time_left: Duration) -> Result<Position, BarrierError> {
            let (release, released) = oneshot::channel();
            self.0.send(release).await.unwrap();
            released.await.unwrap()
        }
    }

    struct Table {
        claims: mpsc::Sender<Claim>,
        asked: mpsc::Receiver<Release>,
        served: mpsc::Receiver<Claim>,
        answered: mpsc::Receiver<Answer>,
        answers: mpsc::Sender<Answer>,
        shutdown: CancellationToken,
    }

    impl Table {
        fn lay() -> Self {
            let (claims, taken) = mpsc::channel(64);
            let (ask, asked) = mpsc::channel(64);
            let (serve, served) = mpsc::channel(64);
            let (answers, answered) = mpsc::channel(64);
            let shutdown = CancellationToken::new();
            let stop = shutdown.clone();
            tokio::spawn(async move {
                let serve = |claim| serve.try_send(claim).map_err(|_| "no room").unwrap();
                take(taken, Barriers::new(Hands(ask)), serve, &stop).await;
            });
            Table { claims, asked, served, answered, answers, shutdown }
        }

        /// Claims tasks with these terms (which tell them apart); `Serve` for those that need no barrier.
        fn claim(&self, terms: &[u64], task: task::Kind) {
            let deadline = Instant::now() + Duration::from_secs(60);
            for term in terms {
                let claim = Claim::new(*term, task.clone(), deadline, *term, self.answers.clone());
                self.claims.try_send(claim).map_err(|_| "no room").unwrap();
            }
        }

        fn read(&self, terms: &[u64]) {
            self.claim(terms, task::Kind::Read(v1::Read::default()));
        }

        /// The next barrier asked for. In time, so that a missing one fails the test and does not hang it.
        async fn asked(&mut self) -> Release {
            tokio::time::timeout(Duration::from_secs(20), self.asked.recv())
                .await
                .expect("a barrier")
                .unwrap()
        }

        async fn served<const N: usize>(&mut self) -> [u64; N] {
            let mut terms = [0; N];
            for term in &mut terms {
                let next = tokio::time::timeout(Duration::from_secs(20), self.served.recv()).await;
                *term = next.expect("a claim is served").unwrap().term;
            }
            terms
        }
    }

    /// A barrier serves what was claimed before it was asked for and nothing else; while two are in flight, later
    /// claims gather for the next. What needs no barrier does not wait for one.
    #[tokio::test]
    async fn a_barrier_serves_only_what_was_claimed_before() {
        let mut table = Table::lay();
        table.read(&[1, 2]);
        let first = table.asked().await;
        table.read(&[3]);
        let second = table.asked().await;
        table.read(&[4, 5]);
        table.claim(&[6], task::Kind::Serve(v1::Serve::default()));
        assert_eq!(table.served().await, [6]);
        assert!(table.asked.try_recv().is_err(), "4 and 5 were claimed, and no third barrier is in flight");

        second.send(Ok(Position::default())).unwrap();
        assert_eq!(table.served().await, [3]);
        let third = table.asked().await;
        assert!(table.served.try_recv().is_err(), "4 and 5 came after the second barrier was asked for");
        third.send(Ok(Position::default())).unwrap();
        assert_eq!(table.served().await, [4, 5]);
        assert!(table.served.try_recv().is_err());
        first.send(Ok(Position::default())).unwrap();
        assert_eq!(table.served().await, [1, 2]);
    }

    /// Claims whose barrier failed, and those that still wait for one at shutdown, are given back.
    #[tokio::test]
    async fn failed_and_unfinished_barriers_give_back() {
        let mut table = Table::lay();
        table.read(&[1]);
        table.asked().await.send(Err(BarrierError::NoLeader)).unwrap();
        let answer = table.answered.recv().await.unwrap();
        assert!(
            matches!(answer, Answer::Refused { lease: 1, failure } if failure.code() == Code::Unavailable)
        );

        table.read(&[2]);
        let _never_released = table.asked().await;
        table.shutdown.cancel();
        assert!(matches!(table.answered.recv().await, Some(Answer::Refused { lease: 2, .. })));
        assert!(table.served.recv().await.is_none(), "nothing was served without a barrier");
    }
}
