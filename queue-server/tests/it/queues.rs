//! Each rule of the queues as a short scenario, without any IO.

use bytes::Bytes;
use gossamer_proto::limits::{DELIVERIES, LEASE, SILENCE};
use gossamer_proto::v1::{Code, Failure};
use gossamer_queue_server::queue::{Bounds, Effect, Queue, Queues, Submission};
use tokio::time::{Duration, Instant};

const CLIENT: u64 = 9;

/// Queues, and a clock that moves when told.
struct Scene {
    queues: Queues,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        Scene::bounded(Bounds::default())
    }

    fn bounded(bounds: Bounds) -> Self {
        Scene { queues: Queues::new(1, bounds), now: Instant::now() }
    }

    /// A node whose session bears its own id, with read credits.
    fn reader(&mut self, node: u64, credits: u32) {
        self.queues.connected(node, node, self.now);
        self.queues.offer_reads(node, credits, self.now);
    }

    fn submit(&mut self, request: u64, queue: Queue, exclude: &[u64]) {
        let deadline = self.now + Duration::from_secs(60);
        let submission = Submission {
            request,
            queue,
            task: Bytes::from_static(b"task"),
            deadline,
            exclude: exclude.to_vec(),
        };
        self.queues.submit(CLIENT, submission, self.now);
    }

    /// Moves the clock in ticks while these nodes beat.
    fn pass(&mut self, time: Duration, beating: &[(u64, &[u64])]) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(10);
            for (session, leases) in beating {
                self.queues.beat(*session, false, leases, self.now);
            }
            self.queues.tick(self.now);
        }
    }

    /// Who was given what since the last call: (session, lease).
    fn assigned(&mut self) -> Vec<(u64, u64)> {
        let assign = |effect| match effect {
            Effect::Assign { session, lease, .. } => Some((session, lease)),
            _ => None,
        };
        self.queues.take_effects().into_iter().filter_map(assign).collect()
    }

    /// What was answered since the last call: (request, code; None for an outcome).
    fn answered(&mut self) -> Vec<(u64, Option<Code>)> {
        let answer = |effect| match effect {
            Effect::Answer { request, answer, .. } => {
                Some((request, answer.err().map(|failure| failure.code())))
            }
            _ => None,
        };
        self.queues.take_effects().into_iter().filter_map(answer).collect()
    }

    fn refuse(&mut self, session: u64, lease: u64) {
        self.queues.refused(session, lease, &Failure::new(Code::Unavailable, "busy"), self.now);
    }
}

/// Reads go one at a time to the node that has waited longest, whatever its number of credits.
#[test]
fn reads_rotate() {
    let mut scene = Scene::new();
    scene.reader(1, 8);
    scene.reader(2, 8);
    for request in 0..4 {
        scene.submit(request, Queue::Read, &[]);
    }
    let order: Vec<u64> = scene.assigned().into_iter().map(|(session, _)| session).collect();
    assert_eq!(order, [1, 2, 1, 2]);
}

/// The leader serves reads only while no other live node does, a busy one included.
#[test]
fn leader_reads_last() {
    let mut scene = Scene::new();
    scene.reader(1, 8);
    scene.queues.beat(1, true, &[], scene.now);
    scene.reader(2, 1);
    scene.submit(0, Queue::Read, &[]);
    scene.submit(1, Queue::Read, &[]);
    assert_eq!(scene.assigned().len(), 1, "the second read waits for node 2");
    scene.queues.disconnected(2, scene.now);
    let order: Vec<u64> = scene.assigned().into_iter().map(|(session, _)| session).collect();
    assert_eq!(order, [1, 1]);
}

/// An excluded node gets nothing; when all live nodes are excluded the client hears so at once.
#[test]
fn exclusion() {
    let mut scene = Scene::new();
    scene.reader(1, 8);
    scene.submit(0, Queue::Read, &[1]);
    assert_eq!(scene.answered(), [(0, Some(Code::Unavailable))]);
    scene.reader(2, 8);
    scene.submit(1, Queue::Read, &[1]);
    assert_eq!(scene.assigned()[0].0, 2);
}

/// A task that the idle nodes may not have does not hold up those behind it, and is served when its node is free.
#[test]
fn exclusion_blocks_nobody() {
    let mut scene = Scene::new();
    scene.reader(1, 8);
    scene.queues.connected(2, 2, scene.now);
    scene.submit(0, Queue::Read, &[1]);
    scene.submit(1, Queue::Read, &[]);
    assert_eq!(scene.assigned()[0].0, 1);
    scene.queues.offer_reads(2, 1, scene.now);
    scene.pass(Duration::from_millis(30), &[(1, &[]), (2, &[])]);
    assert!(scene.assigned().iter().any(|(session, _)| *session == 2));
}

/// A broken stream gives its tasks back at once, oldest first, ahead of what still waits.
#[test]
fn broken_stream() {
    let mut scene = Scene::new();
    scene.queues.connected(1, 1, scene.now);
    scene.queues.offer_leading(1, 2, 1, scene.now);
    for request in 0..3 {
        scene.submit(request, Queue::Leader, &[]);
    }
    scene.assigned();
    scene.queues.disconnected(1, scene.now);
    scene.queues.connected(2, 2, scene.now);
    scene.queues.offer_leading(2, 8, 2, scene.now);
    let leases: Vec<u64> = scene.assigned().into_iter().map(|(_, lease)| lease).collect();
    for lease in leases {
        scene.queues.done(2, lease, Bytes::new(), scene.now);
    }
    assert_eq!(scene.answered(), [(0, None), (1, None), (2, None)]);
    assert_eq!(scene.queues.counts().redelivered, 2);
}

/// A higher term revokes the lower one's leases, whose answers are late; a lower term's credits are ignored.
#[test]
fn terms() {
    let mut scene = Scene::new();
    scene.queues.connected(1, 1, scene.now);
    scene.queues.connected(2, 2, scene.now);
    scene.queues.offer_leading(1, 8, 5, scene.now);
    scene.submit(0, Queue::Leader, &[]);
    let old = scene.assigned()[0].1;
    scene.queues.offer_leading(2, 8, 6, scene.now);
    let effects = scene.queues.take_effects();
    assert!(matches!(effects[0], Effect::Revoke { session: 1, lease } if lease == old), "{effects:?}");
    let Effect::Assign { session: 2, lease, .. } = effects[1] else { panic!("{effects:?}") };
    scene.queues.done(1, old, Bytes::new(), scene.now);
    assert_eq!((scene.answered(), scene.queues.counts().late), (vec![], 1));
    scene.queues.done(2, lease, Bytes::new(), scene.now);
    assert_eq!(scene.answered(), [(0, None)]);
    scene.queues.withdraw(2, Queue::Leader, scene.now);
    scene.queues.offer_leading(1, 8, 5, scene.now);
    scene.submit(1, Queue::Leader, &[]);
    assert_eq!(scene.assigned(), []);
}

/// A silent node gets no new work, and its reads are offered to another; whoever answers second is late.
#[test]
fn silence_and_hedge() {
    let mut scene = Scene::new();
    scene.reader(1, 8);
    scene.submit(0, Queue::Read, &[]);
    let first = scene.assigned()[0];
    scene.reader(2, 8);
    scene.pass(SILENCE + Duration::from_millis(20), &[(2, &[])]);
    let second = scene.assigned();
    assert_eq!(second.len(), 1, "exactly one hedge");
    assert_eq!((first.0, second[0].0), (1, 2));
    scene.submit(1, Queue::Read, &[]);
    scene.submit(2, Queue::Read, &[]);
    assert!(scene.assigned().iter().all(|(session, _)| *session == 2));
    scene.queues.done(2, second[0].1, Bytes::new(), scene.now);
    scene.queues.done(1, first.1, Bytes::new(), scene.now);
    assert_eq!(scene.answered(), [(0, None)]);
    assert_eq!(scene.queues.counts().late, 1);
}

/// A slow read is hedged even though its node beats; a task of the leader queue never is.
#[test]
fn slow_is_hedged() {
    let mut scene = Scene::new();
    scene.reader(1, 8);
    scene.reader(2, 8);
    scene.queues.connected(3, 3, scene.now);
    scene.queues.offer_leading(3, 8, 1, scene.now);
    scene.submit(0, Queue::Read, &[]);
    scene.submit(1, Queue::Leader, &[]);
    let leases: Vec<u64> = scene.assigned().into_iter().map(|(_, lease)| lease).collect();
    scene.pass(Duration::from_millis(40), &[(1, &leases), (2, &[]), (3, &leases)]);
    assert_eq!(scene.assigned(), []);
    scene.pass(Duration::from_millis(30), &[(1, &leases), (2, &[]), (3, &leases)]);
    let hedges: Vec<u64> = scene.assigned().into_iter().map(|(session, _)| session).collect();
    assert_eq!(hedges, [2]);
}

/// Beats that name a lease keep it; one that is not named ends, and the task is delivered again.
#[test]
fn lease_ends_unless_named() {
    let mut scene = Scene::new();
    scene.queues.connected(1, 1, scene.now);
    scene.queues.offer_leading(1, 2, 1, scene.now);
    scene.submit(0, Queue::Leader, &[]);
    let lease = scene.assigned()[0].1;
    scene.pass(LEASE * 3, &[(1, &[lease])]);
    assert_eq!(scene.assigned(), []);
    scene.pass(LEASE + Duration::from_millis(20), &[(1, &[])]);
    assert_eq!(scene.assigned().len(), 1);
}

/// A task lost as often as [`DELIVERIES`] says is parked, and its client hears so.
#[test]
fn parked() {
    let mut scene = Scene::new();
    scene.submit(0, Queue::Read, &[]);
    for node in 1..=u64::from(DELIVERIES) {
        assert_eq!(scene.answered(), []);
        scene.reader(node, 1);
        scene.queues.disconnected(node, scene.now);
    }
    assert_eq!(scene.answered(), [(0, Some(Code::Parked))]);
    assert_eq!((scene.queues.counts().parked, scene.queues.parked().count()), (1, 1));
}

/// Whatever answers a change of which a delivery was lost says so: that node may yet carry it out. A read changes nothing.
#[test]
fn in_doubt() {
    let mut scene = Scene::new();
    let mut doubts = Vec::new();
    for (queue, lose) in [(Queue::Leader, true), (Queue::Leader, false), (Queue::Read, true)] {
        for session in 1..=if lose { 2 } else { 1 } {
            scene.queues.connected(session, session, scene.now);
            scene.queues.offer_reads(session, 1, scene.now);
            scene.queues.offer_leading(session, 1, session, scene.now);
            if session == 1 {
                scene.submit(0, queue, &[]);
            }
            if lose {
                scene.queues.disconnected(1, scene.now);
            }
        }
        let (session, lease) = *scene.assigned().last().unwrap();
        scene.queues.done(session, lease, Bytes::new(), scene.now);
        doubts.extend(scene.queues.take_effects().into_iter().filter_map(|effect| match effect {
            Effect::Answer { in_doubt, .. } => Some(in_doubt),
            _ => None,
        }));
        scene = Scene::new();
    }
    assert_eq!(doubts, [true, false, false]);
}

/// A refused task goes to another node at once and counts no delivery; refused for ever it is given up.
#[test]
fn refusals() {
    let mut scene = Scene::new();
    scene.reader(1, 60);
    scene.reader(2, 60);
    scene.submit(0, Queue::Read, &[]);
    let (session, lease) = scene.assigned()[0];
    scene.refuse(session, lease);
    let (other, lease) = scene.assigned()[0];
    assert_ne!(session, other);
    scene.refuse(other, lease);
    assert_eq!(scene.assigned(), [], "from the second refusal on there is a pause");
    let code = 'given_up: loop {
        scene.pass(Duration::from_millis(10), &[(1, &[]), (2, &[])]);
        for effect in scene.queues.take_effects() {
            match effect {
                Effect::Assign { session, lease, .. } => scene.refuse(session, lease),
                Effect::Answer { answer, .. } => break 'given_up answer.unwrap_err().code(),
                Effect::Revoke { .. } => panic!("a refused lease is over already"),
            }
        }
    };
    assert_eq!((code, scene.queues.counts().refused), (Code::Unavailable, 64));
    assert_eq!(scene.queues.counts().parked, 0);
}

/// Both bounds answer FULL with a time to wait, and leases count: what comes back has room.
#[test]
fn full() {
    for bounds in [Bounds { items: 2, bytes: 1000 }, Bounds { items: 1000, bytes: 8 }] {
        let mut scene = Scene::bounded(bounds);
        scene.reader(1, 1);
        scene.submit(0, Queue::Read, &[]);
        scene.submit(1, Queue::Read, &[]);
        scene.queues.take_effects();
        scene.submit(2, Queue::Read, &[]);
        match &scene.queues.take_effects()[..] {
            [Effect::Answer { request: 2, answer: Err(failure), .. }] => {
                assert_eq!(failure.code(), Code::Full);
                assert!(failure.retry_after_ms > 0);
            }
            other => panic!("{other:?}"),
        }
        scene.submit(3, Queue::Leader, &[]);
        assert_eq!(scene.answered(), [], "the other queue has room");
    }
}

/// What nobody takes in time is answered DEADLINE; what the leader has begun, UNKNOWN.
#[test]
fn deadlines() {
    let mut scene = Scene::new();
    scene.queues.connected(1, 1, scene.now);
    scene.queues.offer_leading(1, 1, 1, scene.now);
    scene.submit(0, Queue::Leader, &[]);
    scene.submit(1, Queue::Leader, &[]);
    let lease = scene.assigned()[0].1;
    scene.now += Duration::from_secs(59);
    scene.queues.beat(1, true, &[lease], scene.now);
    scene.now += Duration::from_secs(1);
    scene.queues.tick(scene.now);
    assert_eq!(scene.answered(), [(0, Some(Code::Unknown)), (1, Some(Code::Deadline))]);
}

/// Cancelled tasks and those of a client that left are not delivered, and nobody is answered.
#[test]
fn cancelled() {
    let mut scene = Scene::new();
    for request in 0..3 {
        scene.submit(request, Queue::Read, &[]);
    }
    scene.queues.cancel(CLIENT, 1);
    scene.reader(1, 1);
    scene.queues.client_gone(CLIENT);
    scene.queues.offer_reads(1, 8, scene.now);
    assert_eq!(scene.queues.standing(Queue::Read).bytes, 0);
    let effects = scene.queues.take_effects();
    assert!(matches!(effects[..], [Effect::Assign { .. }, Effect::Revoke { .. }]), "{effects:?}");
}
