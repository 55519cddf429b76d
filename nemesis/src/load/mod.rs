//! Clients that write, read and delete a few names, and the record of what they saw.
//!
//! - [`book`]: the record; [`operation`]: one operation, done and noted

pub mod book;
pub mod operation;

use std::sync::Arc;
use std::time::Duration;

use gossamer_client::Client;
use gossamer_sim::content;
use gossamer_sim::history::{Call, Condition, Return};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::lab::Inside;
use book::Book;

/// How many: the checker's search grows with them.
const CLIENTS: usize = 6;
/// Names in use at a time: few, so that clients meet.
const NAMES: u64 = 4;
/// Operations on each name before others take their place: the checker's search grows with them.
const OPERATIONS: u64 = 400;
/// How long a client waits without progress: less than most faults last, so that many operations end in doubt.
const PATIENCE: Duration = Duration::from_secs(4);
/// Longest pause between two operations of a client.
const PAUSE_MS: u64 = 40;

/// Clients at work until stopped.
pub struct Load {
    inside: Inside,
    /// What they do and see.
    pub book: Arc<Book>,
    working: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins.
    pub fn start(cluster: &Cluster, seed: u64) -> anyhow::Result<Load> {
        let inside = Inside::enter(&cluster.lab, cluster.clients())?;
        let book = Arc::new(Book::new(seed));
        let clients = cluster.connect(&inside, CLIENTS, PATIENCE)?;
        let work = |(number, client)| {
            let random = SmallRng::seed_from_u64(seed ^ (number as u64 + 1) << 32);
            inside.spawn(Worker { client, book: book.clone(), random }.run())
        };
        let working = clients.into_iter().enumerate().map(work).collect();
        Ok(Load { inside, book, working })
    }

    /// Waits until every client has ended its last operation; all that was seen.
    pub fn stop(self) -> anyhow::Result<Arc<Book>> {
        self.book.close();
        for worker in self.working {
            self.inside.run(worker)?;
        }
        Ok(self.book)
    }
}

struct Worker {
    client: Client,
    book: Arc<Book>,
    random: SmallRng,
}

impl Worker {
    async fn run(mut self) {
        let mut seen = None;
        while self.book.is_open() {
            let number = self.book.next();
            let generation = number / (NAMES * OPERATIONS);
            let name = format!("nemesis/{generation}-{}", self.random.random_range(0..NAMES));
            let call = self.draw(&seen);
            let interrupt = self.interrupt(&call);
            match operation::perform(&self.client, &self.book, &name, call, interrupt).await {
                Return::Written(version) | Return::Found { version, .. } => seen = Some(version),
                Return::Removed(_) | Return::Nothing => seen = None,
                Return::ConditionFailed | Return::Failed | Return::Unknown => {}
            }
            let pause = self.random.random_range(1..PAUSE_MS);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    fn draw(&mut self, seen: &Option<u64>) -> Call {
        let condition = match (self.random.random_range(0..100), seen) {
            (0..25, _) => Condition::None,
            (25..35, _) => Condition::IfAbsent,
            (35..45, Some(version)) => Condition::IfVersion(*version),
            (45..55, _) => return Call::Delete,
            _ => return Call::Get,
        };
        Call::Put { value: self.book.value(), condition }
    }

    /// When a put of a large file is broken off, to be done again: most of them, at any stage.
    fn interrupt(&mut self, call: &Call) -> Option<Duration> {
        let Call::Put { value, condition: Condition::None } = call else { return None };
        let interrupted = content::is_large(*value) && self.random.random_bool(0.8);
        interrupted.then(|| Duration::from_millis(self.random.random_range(10..150)))
    }
}
