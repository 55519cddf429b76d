//! Packets that a host sends: delayed, out of order, lost. The kernel hands each of them to a thread here (NFQUEUE), which
//! gives them back when their time has come, or says that they are to be dropped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use anyhow::{bail, ensure};
use nfq::{Message, Queue, Verdict};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::time::Instant;

use super::{Host, Lab};

/// The number of the next queue. None is used twice: a process that was started meanwhile has inherited the socket, which
/// nobody can ask not to be, and keeps its queue.
static NEXT: AtomicU16 = AtomicU16::new(1);
/// Packets the kernel keeps for this process; what is beyond is lost.
const WAITING: u32 = 8192;
/// How often packets are given back, and so how exact a delay is.
const STEP: Duration = Duration::from_micros(500);

/// What happens to the packets that a host sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    /// Each is late by this...
    pub delay: Duration,
    /// ...and by up to this, drawn for each: so they overtake each other.
    pub jitter: Duration,
    /// Share that is lost, from 0 to 1.
    pub loss: f64,
    /// Share that arrives twice, from 0 to 1.
    pub twice: f64,
}

/// What has happened to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Given back late.
    pub delayed: u64,
    /// Dropped.
    pub lost: u64,
}

/// The thread that has a host's packets.
pub(super) struct Packets {
    /// Of the queue through which they come.
    pub(super) number: u16,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Tally>>,
}

impl Packets {
    /// Returns when packets can be handed over.
    pub(super) fn begin(lab: &Lab, host: Host, weather: Weather, seed: u64) -> anyhow::Result<Packets> {
        let space = File::open(format!("/run/netns/{}", lab.space(host)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, opened) = mpsc::sync_channel(1);
        let stopping = stop.clone();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let thread = thread::spawn(move || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))?;
            let mut queue = Queue::open()?;
            queue.bind(number)?;
            queue.set_queue_max_len(number, WAITING)?;
            queue.set_nonblocking(true);
            // Whoever waits has gone if it cannot be told.
            let _ = ready.send(());
            Belt { queue, weather, random: SmallRng::seed_from_u64(seed), held: BinaryHeap::new() }
                .run(&stopping)
        });
        if opened.recv_timeout(Duration::from_secs(5)).is_err() {
            let why = if thread.is_finished() { thread.join().ok() } else { None };
            bail!("no queue for packets in {host}: {why:?}");
        }
        Ok(Packets { number, stop, thread })
    }

    /// Gives all back; fails if nothing was held up.
    pub(super) fn end(self) -> anyhow::Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let tally =
            self.thread.join().map_err(|_| anyhow::anyhow!("the thread with the packets panicked"))??;
        ensure!(tally.delayed > 0, "no packet was held up");
        Ok(tally)
    }
}

struct Belt {
    queue: Queue,
    weather: Weather,
    random: SmallRng,
    held: BinaryHeap<Reverse<Held>>,
}

/// A packet, ordered by when it is due.
struct Held {
    due: Instant,
    packet: Message,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl Belt {
    fn run(mut self, stop: &AtomicBool) -> io::Result<Tally> {
        let mut tally = Tally::default();
        while !stop.load(Ordering::Relaxed) {
            self.take(&mut tally)?;
            self.give(Instant::now(), &mut tally)?;
            sleep(STEP);
        }
        self.take(&mut tally)?;
        let last = self.held.iter().map(|held| held.0.due).max();
        self.give(last.unwrap_or_else(Instant::now), &mut tally)?;
        Ok(tally)
    }

    /// All that the kernel has.
    fn take(&mut self, tally: &mut Tally) -> io::Result<()> {
        loop {
            let mut packet = match self.queue.recv() {
                Ok(packet) => packet,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // It had more packets than its queue takes, or had dropped one by itself that it is told of.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOENT)) => continue,
                Err(error) => return Err(error),
            };
            if self.random.random_bool(self.weather.loss) {
                packet.set_verdict(Verdict::Drop);
                self.queue.verdict(packet)?;
                tally.lost += 1;
                continue;
            }
            let late = self.weather.delay + self.weather.jitter.mul_f64(self.random.random());
            self.held.push(Reverse(Held { due: Instant::now() + late, packet }));
        }
    }

    /// All that is due.
    fn give(&mut self, now: Instant, tally: &mut Tally) -> io::Result<()> {
        while self.held.peek().is_some_and(|held| held.0.due <= now) {
            let Some(Reverse(Held { mut packet, .. })) = self.held.pop() else { break };
            packet.set_verdict(Verdict::Accept);
            self.queue.verdict(packet)?;
            tally.delayed += 1;
        }
        Ok(())
    }
}
