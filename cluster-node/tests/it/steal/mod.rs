//! The session of a node with a queue server.

mod queue;

use bytes::Bytes;
use gossamer_cluster_node::peers::{Cluster, Peers};
use gossamer_cluster_node::raft::View;
use gossamer_cluster_node::steal::{self, Claim};
use gossamer_cluster_node::storage::position::Position;
use gossamer_proto::channel::Channels;
use gossamer_proto::limits::{LEADER_CREDITS, READ_CREDITS};
use gossamer_proto::trust::Trust;
use gossamer_proto::v1::{self, Code, Credit, Failure, Outcome, from_node, outcome, task, to_node};
use gossamer_world::World;
use prost::Message;
use queue::{Queue, SOON};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

const LEADER: v1::Queue = v1::Queue::LeaderQueue;
const READ: v1::Queue = v1::Queue::ReadQueue;

/// Node 2, whose consumers are the test.
struct Node {
    view: watch::Sender<View>,
    leader_claims: mpsc::Receiver<Claim>,
    read_claims: mpsc::Receiver<Claim>,
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

/// A member that serves reads and does not lead.
fn follower() -> View {
    View { id: 2, term: 3, leader: Some(1), voters: vec![1, 2, 3], ..View::default() }
}

impl Node {
    /// `room`: of its channel of read claims.
    fn start(queues: &[&Queue], room: usize) -> Self {
        let world = World::real();
        let (view, view_of) = watch::channel(follower());
        let (_, report) = watch::channel(v1::NodeReport { id: 2, pid: 77, ..Default::default() });
        let (leader, leader_claims) = mpsc::channel(4 * LEADER_CREDITS as usize);
        let (read, read_claims) = mpsc::channel(room);
        let shutdown = CancellationToken::new();
        let config = steal::Config {
            channels: Channels::new(&world, Trust::Loopback),
            world,
            queues: watch::channel(queues.iter().map(|queue| queue.addr.to_string()).collect()).1,
            cluster_id: Bytes::from_static(&[9; 16]),
            cluster_name: "test".to_owned(),
            peers: Peers::new(
                Channels::new(&World::real(), Trust::Loopback),
                Cluster { id: Bytes::from_static(&[9; 16]), epoch: 0 },
            ),
            view: view_of,
            report,
            leader_claims: leader,
            read_claims: read,
        };
        let running = tokio::spawn(steal::run(config, shutdown.clone()));
        Node { view, leader_claims, read_claims, shutdown, running }
    }

    async fn read_claim(&mut self) -> Claim {
        tokio::time::timeout(SOON, self.read_claims.recv()).await.unwrap().unwrap()
    }

    async fn leader_claim(&mut self) -> Claim {
        tokio::time::timeout(SOON, self.leader_claims.recv()).await.unwrap().unwrap()
    }

    fn leads(&self, term: u64) {
        self.view.send_modify(|view| (view.leading, view.leader, view.term) = (true, Some(2), term));
    }
}

fn credit(queue: v1::Queue, count: u32, term: u64) -> from_node::Kind {
    from_node::Kind::Credit(Credit { queue: queue as i32, count, term, withdraw: false })
}

fn withdraw(queue: v1::Queue, term: u64) -> from_node::Kind {
    from_node::Kind::Credit(Credit { queue: queue as i32, count: 0, term, withdraw: true })
}

fn a_read() -> task::Kind {
    task::Kind::Read(v1::Read { name: "files/a".to_owned(), record_only: false })
}

fn an_outcome() -> outcome::Kind {
    outcome::Kind::Marked(v1::Marked { index: 5 })
}

/// Hello comes first and says who it is; then credits follow the view: reads while a leader is known, the leader queue
/// while leading, each term anew.
#[tokio::test]
async fn credits_follow_the_view() {
    let mut queue = Queue::start("127.0.0.1:0").await;
    let node = Node::start(&[&queue], 1000);
    let (mut session, hello) = queue.session().await;
    assert_eq!((hello.cluster_id.as_ref(), hello.cluster_name.as_str()), ([9; 16].as_ref(), "test"));
    assert_eq!(hello.report.unwrap().pid, 77);
    assert_eq!(session.word().await, credit(READ, READ_CREDITS, 0));

    node.leads(4);
    assert_eq!(session.word().await, credit(LEADER, LEADER_CREDITS, 4));
    node.leads(6);
    assert_eq!(session.word().await, credit(LEADER, LEADER_CREDITS, 6));
    // No quorum for a while, in the same term.
    node.view.send_modify(|view| view.leading = false);
    assert_eq!(session.word().await, withdraw(LEADER, 6));
    node.leads(6);
    assert_eq!(session.word().await, credit(LEADER, LEADER_CREDITS, 6));

    node.view.send_modify(|view| (view.leading, view.leader) = (false, None));
    assert_eq!(session.word().await, withdraw(LEADER, 6));
    assert_eq!(session.word().await, withdraw(READ, 0));
    node.view.send_modify(|view| view.leader = Some(3));
    assert_eq!(session.word().await, credit(READ, READ_CREDITS, 0));
}

/// A claim carries task and term, is beaten for while it is worked on, and its outcome goes back with node and applied
/// index; refusing, dropping and nonsense each have their own end. Each end makes one new credit.
#[tokio::test]
async fn claims_are_answered() {
    let mut queue = Queue::start("127.0.0.1:0").await;
    let mut node = Node::start(&[&queue], 1000);
    let (mut session, _) = queue.session().await;
    node.leads(4);
    session.assign(11, READ, a_read()).await;
    let claim = node.read_claim().await;
    assert_eq!((&claim.task, claim.term), (&a_read(), 0));
    assert_eq!(session.beat_with(&[11]).await.pid, 77);
    node.view.send_modify(|view| view.applied = Some(Position { index: 42, ..Position::default() }));
    claim.done(an_outcome());
    let from_node::Kind::Done(done) = session.result().await else { panic!("not done") };
    let expected = Outcome { kind: Some(an_outcome()), applied_index: 42, node: 2 };
    assert_eq!((done.lease, Outcome::decode(done.outcome).unwrap()), (11, expected));
    assert_eq!(session.word().await, credit(READ, 1, 0));
    session.beat_with(&[]).await;

    session.assign(12, LEADER, task::Kind::Mark(v1::Mark {})).await;
    let claim = node.leader_claim().await;
    assert_eq!(claim.term, 4);
    let failure = Failure::new(Code::Unavailable, "no longer");
    claim.refuse(failure.clone());
    let refused = v1::Refused { lease: 12, failure: Some(failure) };
    assert_eq!(session.result().await, from_node::Kind::Refused(refused));
    assert_eq!(session.word().await, credit(LEADER, 1, 4));

    session.assign(13, READ, a_read()).await;
    drop(node.read_claim().await);
    assert!(matches!(session.result().await, from_node::Kind::Refused(refused) if refused.lease == 13));

    let task = Bytes::from_static(b"\xff\xff\xff");
    let nonsense = v1::Assign { lease: 14, queue: READ as i32, time_left_ms: 1, task };
    session.say(to_node::Kind::Assign(nonsense)).await;
    let from_node::Kind::Done(done) = session.result().await else { panic!("not done") };
    let Some(outcome::Kind::Failure(failure)) = Outcome::decode(done.outcome).unwrap().kind else { panic!() };
    assert_eq!((done.lease, failure.code()), (14, Code::Invalid));
}

/// A revoked lease is no longer beaten for and its answer is never sent, while others go on.
#[tokio::test]
async fn revoked_leases_are_not_answered() {
    let mut queue = Queue::start("127.0.0.1:0").await;
    let mut node = Node::start(&[&queue], 1000);
    let (mut session, _) = queue.session().await;
    session.assign(1, READ, a_read()).await;
    session.assign(2, READ, a_read()).await;
    let (first, second) = (node.read_claim().await, node.read_claim().await);
    session.beat_with(&[1, 2]).await;
    session.say(to_node::Kind::Revoke(v1::Revoke { leases: vec![1] })).await;
    session.beat_with(&[2]).await;
    first.done(an_outcome());
    second.done(an_outcome());
    // Answers go up in the order in which they were given.
    assert!(matches!(session.result().await, from_node::Kind::Done(done) if done.lease == 2));
}

/// A consumer that does not keep up is offered no more than it has room for, and what is assigned all the same is given
/// back at once, though nobody takes a claim.
#[tokio::test]
async fn a_full_consumer_refuses() {
    let mut queue = Queue::start("127.0.0.1:0").await;
    let _node = Node::start(&[&queue], 1);
    let (mut session, _) = queue.session().await;
    assert_eq!(session.word().await, credit(READ, 1, 0));
    session.assign(1, READ, a_read()).await;
    session.assign(2, READ, a_read()).await;
    let from_node::Kind::Refused(refused) = session.result().await else { panic!("not refused") };
    assert_eq!((refused.lease, refused.failure.unwrap().code()), (2, Code::Unavailable));
    session.beat_with(&[1]).await;
}

/// After the queue server died and came back, the node says hello again and offers everything again; a claim of the
/// broken stream is answered into the void.
#[tokio::test]
async fn connects_again() {
    let mut queue = Queue::start("127.0.0.1:0").await;
    let mut node = Node::start(&[&queue], 1000);
    let (session, _) = queue.session().await;
    session.assign(1, READ, a_read()).await;
    let old = node.read_claim().await;
    let addr = queue.addr.to_string();
    drop(session);
    queue.stop().await;

    let mut queue = Queue::start(&addr).await;
    let (mut session, _) = queue.session().await;
    assert_eq!(session.word().await, credit(READ, READ_CREDITS, 0));
    old.done(an_outcome());
    session.assign(2, READ, a_read()).await;
    node.read_claim().await.done(an_outcome());
    assert!(matches!(session.result().await, from_node::Kind::Done(done) if done.lease == 2));
}

/// A queue server that never says anything does not keep the node from another.
#[tokio::test]
async fn sessions_are_independent() {
    let silent = Queue::start("127.0.0.1:0").await;
    let mut queue = Queue::start("127.0.0.1:0").await;
    let mut node = Node::start(&[&silent, &queue], 1000);
    let (mut session, _) = queue.session().await;
    session.assign(1, READ, a_read()).await;
    node.read_claim().await.done(an_outcome());
    assert!(matches!(session.result().await, from_node::Kind::Done(done) if done.lease == 1));
}

/// At shutdown credits are withdrawn, what comes after is refused, what was begun is still answered, and then the node
/// closes the stream and is through.
#[tokio::test]
async fn shutdown_finishes_what_was_begun() {
    let mut queue = Queue::start("127.0.0.1:0").await;
    let mut node = Node::start(&[&queue], 1000);
    let (mut session, _) = queue.session().await;
    assert_eq!(session.word().await, credit(READ, READ_CREDITS, 0));
    session.assign(1, READ, a_read()).await;
    session.assign(2, READ, a_read()).await;
    let (begun, waiting) = (node.read_claim().await, node.read_claim().await);
    node.shutdown.cancel();
    assert_eq!(session.word().await, withdraw(READ, 0));
    session.assign(3, READ, a_read()).await;
    assert!(matches!(session.word().await, from_node::Kind::Refused(refused) if refused.lease == 3));
    drop(waiting);
    assert!(matches!(session.word().await, from_node::Kind::Refused(refused) if refused.lease == 2));
    begun.done(an_outcome());
    assert!(matches!(session.word().await, from_node::Kind::Done(done) if done.lease == 1));
    while session.next().await.is_some() {}
    drop(session);
    tokio::time::timeout(SOON, node.running).await.unwrap().unwrap();
}
