//! Random histories against the promises of the queues.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use gossamer_proto::v1::{Code, Failure};
use gossamer_queue_server::queue::{Bounds, Effect, Queue, Queues, Submission};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::time::{Duration, Instant};

const BOUNDS: Bounds = Bounds { items: 20, bytes: 150 };

/// What an outsider who sees only the effects knows.
#[derive(Default)]
struct Watcher {
    /// Submitted and not answered, with the deadline.
    open: BTreeMap<(u64, u64), Instant>,
    /// Current leases by session.
    leases: BTreeMap<u64, BTreeSet<u64>>,
    /// Whom each lease was for: the task carries client and request.
    tasks: BTreeMap<u64, (u64, u64)>,
}

impl Watcher {
    fn see(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Answer { client, request, answer: Err(failure), .. }
                    if failure.code() == Code::Full =>
                {
                    assert!(self.open.remove(&(client, request)).is_some());
                }
                Effect::Answer { client, request, .. } => {
                    assert!(self.open.remove(&(client, request)).is_some(), "a second answer to {request}");
                    self.tasks.retain(|_, task| *task != (client, request));
                }
                Effect::Assign { session, lease, queue, task, .. } => {
                    let key = (u64::from(task[0]), u64::from(task[1]) << 8 | u64::from(task[2]));
                    assert!(self.open.contains_key(&key), "an answered task was delivered");
                    self.leases.get_mut(&session).expect("a dead session was given work").insert(lease);
                    assert!(self.tasks.insert(lease, key).is_none(), "a lease was given twice");
                    let running = self.tasks.values().filter(|task| **task == key).count();
                    assert!(running <= if queue == Queue::Leader { 1 } else { 2 }, "{running} leases");
                }
                Effect::Revoke { lease, .. } => {
                    self.tasks.remove(&lease);
                }
            }
        }
    }

    fn session_gone(&mut self, session: u64) {
        for lease in self.leases.remove(&session).unwrap_or_default() {
            self.tasks.remove(&lease);
        }
    }
}

fn history(seed: u64) {
    let mut random = SmallRng::seed_from_u64(seed);
    let (mut queues, mut watcher) = (Queues::new(seed, BOUNDS), Watcher::default());
    let (mut now, mut next) = (Instant::now(), 1u64);
    for _ in 0..2000 {
        now += Duration::from_millis(random.random_range(0..30));
        let sessions: Vec<u64> = watcher.leases.keys().copied().collect();
        let session = if sessions.is_empty() { 0 } else { sessions[random.random_range(0..sessions.len())] };
        let leases: Vec<u64> = watcher.leases.get(&session).into_iter().flatten().copied().collect();
        let client = random.random_range(1..4u64);
        next += 1;
        match random.random_range(0..14) {
            0..4 => {
                let queue = if random.random() { Queue::Leader } else { Queue::Read };
                let deadline = now + Duration::from_millis(random.random_range(1..3000));
                let exclude = (0..random.random_range(0..2)).map(|_| random.random_range(0..4)).collect();
                let task = Bytes::from(vec![client as u8, (next >> 8) as u8, next as u8, 0, 0, 0, 0, 0]);
                watcher.open.insert((client, next), deadline);
                queues.submit(client, Submission { request: next, queue, task, deadline, exclude }, now);
            }
            4 if sessions.len() < 4 => {
                watcher.leases.insert(next, BTreeSet::new());
                queues.connected(next, random.random_range(1..5), now);
            }
            5 if random.random_range(0..3) == 0 => {
                watcher.session_gone(session);
                queues.disconnected(session, now);
            }
            6 => queues.offer_reads(session, random.random_range(0..4), now),
            7 => queues.offer_leading(
                session,
                random.random_range(0..4),
                random.random_range(0..1 + next / 100),
                now,
            ),
            8 => queues.beat(session, random.random(), &leases, now),
            9..12 => {
                for lease in &leases {
                    if random.random() {
                        continue;
                    }
                    watcher.leases.get_mut(&session).expect("it is there").remove(lease);
                    if random.random_range(0..4) == 0 {
                        // What is refused may be delivered anew by this very call.
                        watcher.tasks.remove(lease);
                        queues.refused(session, *lease, &Failure::new(Code::Unavailable, "busy"), now);
                    } else {
                        queues.done(session, *lease, Bytes::new(), now);
                    }
                    watcher.see(queues.take_effects());
                }
            }
            12 if random.random_range(0..20) == 0 => {
                watcher.open.retain(|key, _| key.0 != client);
                queues.client_gone(client);
            }
            _ => queues.tick(now),
        }
        watcher.see(queues.take_effects());
        for queue in [Queue::Leader, Queue::Read] {
            let standing = queues.standing(queue);
            assert!(
                standing.queued <= BOUNDS.items as u64 && standing.bytes <= BOUNDS.bytes as u64,
                "{standing:?}"
            );
        }
        let held = queues.standing(Queue::Leader).bytes + queues.standing(Queue::Read).bytes;
        assert_eq!(held, watcher.open.len() as u64 * 8, "a task was lost or held too long");
    }
    now += Duration::from_secs(5);
    queues.tick(now);
    watcher.see(queues.take_effects());
    assert!(watcher.open.is_empty(), "never answered: {:?}", watcher.open);
    for queue in [Queue::Leader, Queue::Read] {
        let standing = queues.standing(queue);
        assert_eq!((standing.queued, standing.leased, standing.bytes), (0, 0, 0));
    }
}

/// One answer each, at most one lease (two for a read), bounds kept, nothing lost, whatever happens.
#[test]
fn promises_hold() {
    for seed in 0..40 {
        let outcome = std::panic::catch_unwind(|| history(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
