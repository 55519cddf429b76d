//! Requests at a fixed pace, whatever becomes of those before: half of them writes, half reads, of small files under
//! names of their own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use gossamer_client::{Client, PutOptions};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::cluster::Cluster;
use crate::lab::Inside;

/// A request every so often.
const EVERY: Duration = Duration::from_millis(5);
/// From so many clients in turn.
const CLIENTS: usize = 4;
/// Names in use: more than are ever under way.
const NAMES: usize = 4096;
/// Requests under way at once; the process ends up here if nothing is answered for ten seconds.
const UNDER_WAY: usize = 2048;
/// This process was held up if it comes to its next request only after this.
const HELD_UP: Duration = Duration::from_millis(100);
/// What began has ended within this, well or not: clients are less patient.
const ENDS: Duration = Duration::from_secs(60);
/// Bytes of a file.
const BYTES: usize = 256;
/// Names that are there before the first read.
const FIRST: usize = 64;

/// Requests that go on until stopped.
pub struct Traffic {
    inside: Inside,
    book: Arc<Book>,
    sender: JoinHandle<()>,
}

#[derive(Default)]
struct Book {
    stop: AtomicBool,
    requests: Mutex<Vec<Request>>,
    /// When those began that have not ended, by number.
    under_way: Mutex<BTreeMap<usize, Instant>>,
    /// From when to when this process itself was held up.
    stalls: Mutex<Vec<(Instant, Instant)>>,
}

/// One request, when it was sent and when it was answered.
#[derive(Clone, Copy, Debug)]
struct Request {
    writes: bool,
    begun: Instant,
    ended: Instant,
    well: bool,
}

/// What happened between two moments.
pub struct Window {
    /// The longest time without an acknowledged write.
    pub write_silence: Duration,
    /// The longest time without an answered read.
    pub read_silence: Duration,
    /// The slowest request that began there.
    pub slowest: Duration,
    /// Requests under way at some moment of it that ended with an error, be it later.
    pub failed: usize,
    /// The longest time for which this process itself was held up: the machine had no time, for anybody.
    pub stalled: Duration,
}

impl Book {
    fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<usize, Instant>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stalls(&self) -> MutexGuard<'_, Vec<(Instant, Instant)>> {
        self.stalls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stalled(&self, from: Instant, to: Instant) -> Duration {
        let there = |stall: &&(Instant, Instant)| stall.0 <= to && stall.1 >= from;
        self.stalls().iter().filter(there).map(|(begun, ended)| *ended - *begun).max().unwrap_or_default()
    }
}

impl Traffic {
    /// Begins, as soon as the first files are there.
    pub fn start(cluster: &Cluster) -> anyhow::Result<Traffic> {
        let inside = Inside::enter(&cluster.lab, cluster.clients())?;
        let clients = cluster.connect(&inside, CLIENTS, Cluster::CLIENT_PATIENCE)?;
        let book = Arc::new(Book::default());
        let first = clients[0].clone();
        inside.run(async move {
            for number in 0..FIRST {
                first.put_bytes(&name(number), content(), PutOptions::default()).await?;
            }
            anyhow::Ok(())
        })?;
        let sender = inside.spawn(send(clients, book.clone()));
        Ok(Traffic { inside, book, sender })
    }

    /// When the first write, and the first read, that began after a moment were answered well; None if one was not
    /// within so long.
    pub fn first_after(&self, moment: Instant, within: Duration) -> Option<(Instant, Instant)> {
        loop {
            let first = |writes: bool| {
                let requests = self.book.requests();
                let those = requests.iter().rev().take_while(|request| request.ended >= moment);
                let well = those.filter(|it| it.writes == writes && it.well && it.begun >= moment);
                well.map(|request| request.ended).min()
            };
            if let (Some(write), Some(read)) = (first(true), first(false)) {
                return Some((write, read));
            }
            if moment.elapsed() > within {
                return None;
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// What happened between two moments, once all that began until then has ended. So a request is of one window at most,
    /// if one ends before the next begins.
    pub fn window(&self, from: Instant, to: Instant) -> anyhow::Result<Window> {
        while self.book.under_way().values().any(|begun| *begun <= to) {
            ensure!(to.elapsed() < ENDS, "a request had no answer {ENDS:?} after all was whole again");
            sleep(Duration::from_millis(5));
        }
        let requests = self.book.requests();
        let there: Vec<&Request> =
            requests.iter().filter(|request| request.ended >= from && request.begun <= to).collect();
        let silence = |writes: bool| {
            let mut longest = Duration::ZERO;
            let mut last = from;
            // In the order of their ends: they are noted as they end.
            for request in there.iter().filter(|it| it.writes == writes && it.well && it.ended <= to) {
                longest = longest.max(request.ended.saturating_duration_since(last));
                last = last.max(request.ended);
            }
            longest.max(to.saturating_duration_since(last))
        };
        let began = there.iter().filter(|request| request.begun >= from);
        Ok(Window {
            write_silence: silence(true),
            read_silence: silence(false),
            slowest: began.map(|request| request.ended - request.begun).max().unwrap_or_default(),
            failed: there.iter().filter(|request| !request.well).count(),
            stalled: self.book.stalled(from, to),
        })
    }

    /// Ends it; returns how many requests failed. Fails if nothing was done.
    pub fn stop(self) -> anyhow::Result<usize> {
        self.book.stop.store(true, Ordering::Relaxed);
        let sender = self.sender;
        self.inside.run(sender)?;
        let requests = self.book.requests();
        let well = requests.iter().filter(|request| request.well).count();
        let failed = requests.len() - well;
        eprintln!("{} requests, {failed} of them failed", requests.len());
        ensure!(well > 0, "nothing succeeded");
        Ok(failed)
    }
}

fn name(number: usize) -> String {
    format!("failover/{}", number % NAMES)
}

fn content() -> Bytes {
    Bytes::from_static(&[7; BYTES])
}

async fn send(clients: Vec<Client>, book: Arc<Book>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let room = Arc::new(Semaphore::new(UNDER_WAY));
    let (mut number, mut last) = (0, Instant::now());
    while !book.stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let now = Instant::now();
        if now - last > HELD_UP {
            book.stalls().push((last, now));
        }
        last = now;
        let Ok(place) = room.clone().try_acquire_owned() else { continue };
        let (client, book) = (clients[number / 2 % clients.len()].clone(), book.clone());
        let request = number;
        number += 1;
        let begun = Instant::now();
        book.under_way().insert(request, begun);
        tokio::spawn(async move {
            let writes = request % 2 == 0;
            let answer = if writes {
                let put = client.put_bytes(&name(request / 2), content(), PutOptions::default()).await;
                put.map(drop).map_err(|error| error.to_string())
            } else {
                let got = client.get_bytes(&name(request / 2 % FIRST), BYTES as u64).await;
                got.map(drop).map_err(|error| error.to_string())
            };
            let ended = Instant::now();
            if let Err(error) = &answer {
                eprintln!("a request failed after {:?}: {error}", ended - begun);
            }
            let mut requests = book.requests();
            requests.push(Request { writes, begun, ended, well: answer.is_ok() });
            drop((requests, place));
            book.under_way().remove(&request);
        });
    }
    // All that is under way comes to an end.
    let _ = room.acquire_many(UNDER_WAY as u32).await;
}
