//! Group commit: commands that wait together become one log entry.
//!
//! While [`BATCHES`] batches are under way, what arrives waits and fills the next one.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use gossamer_proto::limits::{APPEND_BYTES, BATCH_OPERATIONS, BATCHES, LEADER_CREDITS};
use gossamer_proto::v1::{self, command};
use gossamer_world::World;
use gossamer_world::network::BoxFuture;
use prost::Message;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::raft::{self, ProposeError};
use crate::storage::catalogue::Applied;

/// What takes batches: Raft.
pub trait Propose: Send + Sync + 'static {
    /// Proposes one entry in this term and waits until it is applied here; one result per command.
    fn propose(&self, batch: v1::Batch, term: u64) -> BoxFuture<'_, Result<Vec<Applied>, ProposeError>>;
}

impl Propose for raft::Handle {
    fn propose(&self, batch: v1::Batch, term: u64) -> BoxFuture<'_, Result<Vec<Applied>, ProposeError>> {
        Box::pin(async move { raft::Handle::propose(self, batch, term).await.map(|(_, applied)| applied) })
    }
}

/// A handle on the task that fills batches. The task ends when all handles are dropped.
#[derive(Clone)]
pub struct Proposer(mpsc::Sender<Waiting>);

struct Waiting {
    command: v1::Command,
    term: u64,
    answer: oneshot::Sender<Result<Applied, ProposeError>>,
}

impl Proposer {
    /// Starts the task on the current runtime.
    pub fn new(world: World, propose: Arc<dyn Propose>) -> Self {
        // One leader credit is at most one command.
        let (queue, waiting) = mpsc::channel(LEADER_CREDITS as usize);
        tokio::spawn(run(world, propose, waiting));
        Proposer(queue)
    }

    /// Proposes a command in this term, together with whatever else waits.
    pub async fn propose(&self, command: v1::Command, term: u64) -> Result<Applied, ProposeError> {
        let (answer, applied) = oneshot::channel();
        if self.0.send(Waiting { command, term, answer }).await.is_err() {
            // The queue has nobody to take from it: the command was not proposed.
            return Err(ProposeError::NotLeader { leader: None });
        }
        applied.await.unwrap_or_else(|_| Err(ProposeError::Unknown("the proposer ended".to_owned())))
    }
}

async fn run(world: World, propose: Arc<dyn Propose>, mut queue: mpsc::Receiver<Waiting>) {
    let under_way = Arc::new(Semaphore::new(BATCHES));
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(first) => waiting.push_back(first),
                None => return,
            }
        }
        // First the place, then the batch: what arrives meanwhile goes with it.
        let place = under_way.clone().acquire_owned().await.expect("it is never closed");
        while waiting.len() < LEADER_CREDITS as usize
            && let Ok(next) = queue.try_recv()
        {
            waiting.push_back(next);
        }
        let (batch, term) = fill(&mut waiting);
        let (propose, now_ms) = (propose.clone(), world.clock.unix_ms());
        tokio::spawn(async move {
            send(&*propose, batch, term, now_ms).await;
            drop(place);
        });
    }
}

/// Takes the first waiting command and those behind it that may go with it: same term, other names, within the
/// limits. The rest stays in order.
fn fill(waiting: &mut VecDeque<Waiting>) -> (Vec<Waiting>, u64) {
    let term = waiting.front().map_or(0, |first| first.term);
    let (mut batch, mut rest) = (Vec::new(), VecDeque::new());
    let (mut names, mut bytes) = (BTreeSet::new(), 0);
    for next in waiting.drain(..) {
        let length = next.command.encoded_len();
        let fits = batch.is_empty() || (batch.len() < BATCH_OPERATIONS && bytes + length <= APPEND_BYTES);
        // Asked last, as it notes the name: one that stays behind must not keep a name from others needlessly.
        if next.term == term && fits && reserve(&mut names, &next.command) {
            bytes += length;
            batch.push(next);
        } else {
            rest.push_back(next);
        }
    }
    *waiting = rest;
    (batch, term)
}

/// Notes the names that a command is about; false, and nothing is noted, if one of them was there already.
fn reserve(names: &mut BTreeSet<String>, command: &v1::Command) -> bool {
    let mine = named(command);
    if mine.iter().any(|name| names.contains(*name)) {
        return false;
    }
    names.extend(mine.into_iter().map(str::to_owned));
    true
}

/// The files that a command is about.
fn named(command: &v1::Command) -> Vec<&str> {
    match &command.kind {
        Some(command::Kind::Put(put)) => vec![&put.name],
        Some(command::Kind::Commit(commit)) => vec![&commit.name],
        Some(command::Kind::Remove(remove)) => vec![&remove.name],
        Some(command::Kind::CopyFile(copy)) => vec![&copy.from, &copy.to],
        _ => Vec::new(),
    }
}

/// Proposes a batch and tells each command's owner what it did. Owners who went away miss nothing: it is applied.
async fn send(propose: &dyn Propose, batch: Vec<Waiting>, term: u64, now_ms: u64) {
    let (commands, owners): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|next| (next.command, next.answer)).unzip();
    match propose.propose(v1::Batch { commands, now_ms }, term).await {
        Ok(applied) => {
            let mut applied = applied.into_iter();
            for owner in owners {
                let lost =
                    || ProposeError::Unknown("the batch was applied without a result for it".to_owned());
                let _ = owner.send(applied.next().ok_or_else(lost));
            }
        }
        Err(error) => owners.into_iter().for_each(|owner| drop(owner.send(Err(error.clone())))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::sync::Semaphore;

    /// Keeps what was proposed; answers with a Mark of (call, place), once a permit lets it.
    struct Log {
        batches: Mutex<Vec<(v1::Batch, u64)>>,
        go: Semaphore,
        fails: Option<ProposeError>,
        /// Results fewer than commands.
        short: usize,
    }

    impl Propose for Log {
        fn propose(&self, batch: v1::Batch, term: u64) -> BoxFuture<'_, Result<Vec<Applied>, ProposeError>> {
            Box::pin(async move {
                let count = batch.commands.len() - self.short;
                let call = {
                    let mut batches = self.batches.lock().unwrap();
                    batches.push((batch, term));
                    batches.len() as u64 - 1
                };
                self.go.acquire().await.unwrap().forget();
                match &self.fails {
                    Some(error) => Err(error.clone()),
                    None => Ok((0..count as u64)
                        .map(|place| Applied::Marked { index: call * 1000 + place })
                        .collect()),
                }
            })
        }
    }

    fn log(fails: Option<ProposeError>, short: usize) -> (Arc<Log>, Proposer) {
        let log = Arc::new(Log { batches: Mutex::default(), go: Semaphore::new(0), fails, short });
        (log.clone(), Proposer::new(World::real(), log))
    }

    fn put(name: &str, bytes: usize) -> v1::Command {
        let put = v1::PutSmall { name: name.to_owned(), data: vec![0; bytes].into(), ..Default::default() };
        v1::Command { kind: Some(command::Kind::Put(put)), ..Default::default() }
    }

    fn begin(
        proposer: &Proposer,
        command: v1::Command,
        term: u64,
    ) -> tokio::task::JoinHandle<Result<Applied, ProposeError>> {
        let proposer = proposer.clone();
        tokio::spawn(async move { proposer.propose(command, term).await })
    }

    /// Lets every task run until all wait.
    async fn settle() {
        for _ in 0..10_000 {
            tokio::task::yield_now().await;
        }
    }

    /// With all places taken the rest waits together; no batch has a name twice, mixes terms or exceeds its limits; and
    /// every command gets its own result.
    #[tokio::test]
    async fn batches() {
        let (log, proposer) = log(None, 0);
        let mut tasks = Vec::new();
        for first in 0..BATCHES {
            tasks.push(begin(&proposer, put(&format!("first{first}"), 1), 1));
            settle().await;
        }
        for place in 0..400 {
            tasks.push(begin(&proposer, put(&format!("n{}", place % 390), 10), 1));
        }
        (0..50).for_each(|big| tasks.push(begin(&proposer, put(&format!("big{big}"), 64 << 10), 1)));
        tasks.push(begin(&proposer, put("n0", 1), 2));
        settle().await;
        assert_eq!(log.batches.lock().unwrap().len(), BATCHES, "no more are under way");
        log.go.add_permits(100);
        let mut answers = BTreeSet::new();
        for task in tasks {
            let Ok(Applied::Marked { index }) = task.await.unwrap() else { panic!("not marked") };
            assert!(answers.insert(index), "two got the same result");
        }
        assert_eq!(answers.len(), BATCHES + 451);
        let batches = log.batches.lock().unwrap();
        assert!(batches.len() <= BATCHES + 6, "{} batches are no group commit", batches.len());
        assert!(batches.iter().any(|(batch, _)| batch.commands.len() == BATCH_OPERATIONS));
        for (batch, term) in &*batches {
            let names: BTreeSet<_> = batch.commands.iter().flat_map(named).collect();
            assert_eq!(names.len(), batch.commands.len(), "a name twice");
            assert!(batch.commands.len() <= BATCH_OPERATIONS && batch.now_ms > 0);
            assert!(batch.commands.iter().map(Message::encoded_len).sum::<usize>() <= APPEND_BYTES);
            assert_eq!(*term == 2, names == BTreeSet::from(["n0"]) && *term == 2);
        }
    }

    /// All owners hear of a failure; one without a result does not take it for done.
    #[tokio::test]
    async fn failures() {
        let (log1, proposer) = log(Some(ProposeError::NotLeader { leader: Some(3) }), 0);
        log1.go.add_permits(1);
        let answer = proposer.propose(put("a", 1), 1).await;
        assert!(matches!(answer, Err(ProposeError::NotLeader { leader: Some(3) })));
        let (log2, proposer) = log(None, 1);
        log2.go.add_permits(1);
        assert!(matches!(proposer.propose(put("a", 1), 1).await, Err(ProposeError::Unknown(_))));
    }
}
