//! A stolen task and the right to answer it.

use gossamer_proto::v1::{self, Code, Failure};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A stolen task. Answer it with [`Claim::done`] or give it back with [`Claim::refuse`]; dropping it gives it back as
/// refused.
pub struct Claim {
    /// What is to be done.
    pub task: v1::task::Kind,
    /// When the client stops waiting.
    pub deadline: Instant,
    /// Leader queue: the term under which the credit was offered. Read queue: 0.
    pub term: u64,
    right: Right,
}

/// What became of a claim, on its way to the queue server.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was worked on, and this came out.
    Done {
        /// The lease answered.
        lease: u64,
        /// What came out; boxed, for most are far smaller than the largest.
        outcome: Box<v1::outcome::Kind>,
    },
    /// Nothing was proposed or begun.
    Refused {
        /// The lease given back.
        lease: u64,
        /// Why.
        failure: Failure,
    },
    /// The worker panicked. Nothing is sent: the lease runs out and the delivery counts, so that a task on which every
    /// node panics is parked in the end.
    Abandoned {
        /// The lease to be forgotten.
        lease: u64,
    },
}

impl Claim {
    /// A claim that sends its one answer to `answers`, which needs room for one answer of each claim made with it: an
    /// answer that finds no room is lost, and its lease runs out.
    pub fn new(
        lease: u64,
        task: v1::task::Kind,
        deadline: Instant,
        term: u64,
        answers: mpsc::Sender<Answer>,
    ) -> Self {
        Self::assigned(task, deadline, term, Right::new(lease, answers))
    }

    pub(super) fn assigned(task: v1::task::Kind, deadline: Instant, term: u64, right: Right) -> Self {
        Claim { task, deadline, term, right }
    }

    /// Sends the answer up. The session adds node and applied index.
    pub fn done(self, outcome: v1::outcome::Kind) {
        self.right.done(outcome);
    }

    /// Nothing was proposed or begun: somebody else may take it at once.
    pub fn refuse(self, failure: Failure) {
        self.right.refuse(failure);
    }
}

/// The right to answer one lease, once. Apart from [`Claim`] so that a claim can be taken to pieces.
pub(super) struct Right {
    lease: u64,
    /// Taken by the answer.
    answers: Option<mpsc::Sender<Answer>>,
}

impl Right {
    pub(super) fn new(lease: u64, answers: mpsc::Sender<Answer>) -> Self {
        Right { lease, answers: Some(answers) }
    }

    pub(super) fn done(mut self, outcome: v1::outcome::Kind) {
        let lease = self.lease;
        self.send(Answer::Done { lease, outcome: Box::new(outcome) });
    }

    pub(super) fn refuse(mut self, failure: Failure) {
        let lease = self.lease;
        self.send(Answer::Refused { lease, failure });
    }

    fn send(&mut self, answer: Answer) {
        if let Some(answers) = self.answers.take() {
            // Closed: the stream is gone and with it the lease. Full cannot be: the session keeps room for every lease.
            let _ = answers.try_send(answer);
        }
    }
}

impl Drop for Right {
    fn drop(&mut self) {
        let lease = self.lease;
        self.send(if std::thread::panicking() {
            Answer::Abandoned { lease }
        } else {
            Answer::Refused {
                lease,
                failure: Failure::new(Code::Unavailable, "this node gave the task back"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> (Claim, mpsc::Receiver<Answer>) {
        let (answers, received) = mpsc::channel(2);
        let task = v1::task::Kind::Read(v1::Read::default());
        (Claim::new(7, task, Instant::now(), 0, answers), received)
    }

    /// Each way to end a claim sends exactly one answer, of its own kind.
    #[tokio::test]
    async fn one_answer() {
        let (done, mut received) = claim();
        done.done(v1::outcome::Kind::Marked(v1::Marked { index: 1 }));
        assert!(matches!(received.recv().await, Some(Answer::Done { lease: 7, .. })));
        assert_eq!(received.recv().await, None);

        let (refused, mut received) = claim();
        let failure = Failure::new(Code::Full, "why");
        refused.refuse(failure.clone());
        assert_eq!(received.recv().await, Some(Answer::Refused { lease: 7, failure }));
        assert_eq!(received.recv().await, None);

        let (dropped, mut received) = claim();
        drop(dropped);
        assert!(matches!(received.recv().await, Some(Answer::Refused { lease: 7, .. })));
        assert_eq!(received.recv().await, None);
    }

    /// A panic is not a refusal: it would go round for ever, uncounted.
    #[tokio::test]
    async fn a_panic_abandons() {
        let (claim, mut received) = claim();
        let worker = tokio::spawn(async move {
            let _claim = claim;
            panic!("on purpose");
        });
        assert!(worker.await.is_err());
        assert_eq!(received.recv().await, Some(Answer::Abandoned { lease: 7 }));
    }
}
