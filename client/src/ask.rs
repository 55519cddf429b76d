//! Asking the cluster: one task through a queue until there is an outcome.

use std::time::Duration;

use bytes::Bytes;
use gossamer_proto::v1::{Code, Failure, Outcome, Queue, Task, outcome, task};
use prost::Message;

use crate::Client;
use crate::door::Unanswered;
use crate::progress::Progress;
use crate::retry::{AskError, Patience};

/// What a node answered, and which.
pub(crate) struct Answered {
    pub(crate) kind: outcome::Kind,
    pub(crate) node: u64,
}

impl Client {
    /// The patience of one operation; `doing` says for people what is tried.
    pub(crate) fn patience<'a>(&'a self, progress: &'a dyn Progress, doing: String) -> Patience<'a> {
        Patience::new(&self.0.world, self.0.patience, progress, doing)
    }

    /// Sends the same task until it has an outcome other than "not now", or patience runs out. What it carries
    /// names its operation, so that it is done once however often it is sent.
    pub(crate) async fn ask(
        &self,
        queue: Queue,
        kind: task::Kind,
        patience: &mut Patience<'_>,
    ) -> Result<Answered, AskError> {
        let task: Bytes = Task { kind: Some(kind) }.encode_to_vec().into();
        loop {
            let time_left = self.0.door.turn(patience.left());
            let why = match self.ask_once(queue, &task, time_left, patience, &[]).await {
                Ok(answered) => return Ok(answered),
                Err(failure) if failure.is_retryable() => failure,
                Err(failure) => return Err(patience.failed(failure)),
            };
            patience.wait(&why).await?;
        }
    }

    /// One attempt of at most `time_left`. Nodes in `exclude` should not get it.
    pub(crate) async fn ask_once(
        &self,
        queue: Queue,
        task: &Bytes,
        time_left: Duration,
        patience: &mut Patience<'_>,
        exclude: &[u64],
    ) -> Result<Answered, Failure> {
        let copy = (self.0.duplicates && queue == Queue::LeaderQueue).then(|| {
            let (client, task) = (self.clone(), task.clone());
            tokio::spawn(async move {
                let mut uncertain = false;
                let answered = client.attempt(queue, &task, time_left, &mut uncertain, &[]).await;
                answered.is_ok() || uncertain
            })
        });
        let answered = self.attempt(queue, task, time_left, &mut patience.uncertain, exclude).await;
        if answered.is_err()
            && let Some(copy) = copy
        {
            // The network may have delivered only this one.
            patience.uncertain |= copy.await.unwrap_or(true);
        }
        answered
    }

    /// Sends it once. Sets `uncertain` if it failed and may have been done all the same.
    async fn attempt(
        &self,
        queue: Queue,
        task: &Bytes,
        time_left: Duration,
        uncertain: &mut bool,
        exclude: &[u64],
    ) -> Result<Answered, Failure> {
        let answer = match self.0.door.submit(queue, task.clone(), time_left, exclude).await {
            Ok(answer) => answer,
            Err(Unanswered::NotSent(failure)) => return Err(failure),
            Err(Unanswered::Broken(failure)) => {
                *uncertain |= queue == Queue::LeaderQueue;
                return Err(failure);
            }
        };
        *uncertain |= answer.in_doubt;
        let failure = if let Some(failure) = answer.failure {
            failure
        } else {
            match self.outcome(answer.outcome) {
                Ok(answered) => return Ok(answered),
                Err(failure) => failure,
            }
        };
        // A read changes nothing, whatever became of it.
        let unanswered = matches!(failure.code(), Code::Unknown | Code::Parked | Code::Expired);
        *uncertain |= queue == Queue::LeaderQueue && unanswered;
        Err(failure)
    }

    fn outcome(&self, encoded: Bytes) -> Result<Answered, Failure> {
        let unreadable = || Failure::new(Code::Internal, "the answer cannot be read: another version?");
        let outcome = Outcome::decode(encoded).map_err(|_| unreadable())?;
        self.0.operations.heard(outcome.applied_index);
        match outcome.kind {
            Some(outcome::Kind::Failure(failure)) => Err(failure),
            Some(kind) => Ok(Answered { kind, node: outcome.node }),
            None => Err(unreadable()),
        }
    }
}
