//! Tasks and answers over the wire.

use gossamer_proto::limits::SILENCE;
use gossamer_proto::v1::*;
use gossamer_queue_server::queue::Bounds;
use tokio::time::{Duration, sleep};

use crate::wire::{CLUSTER, Running};

async fn start() -> (tempfile::TempDir, Running) {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), Duration::ZERO).await;
    (dir, running)
}

/// A task reaches a node and its answer the client, byte for byte, through both queues; metrics count them.
#[tokio::test]
async fn relays() {
    let (_dir, server) = start().await;
    let mut node = server.node(1, 1, CLUSTER).await.unwrap();
    let mut client = server.client().await;
    for (queue, term) in [(Queue::LeaderQueue, 3), (Queue::ReadQueue, 0)] {
        client.ask(5, queue, b"not even a task").await;
        node.credit(queue, 1, term).await;
        let assign = node.assigned().await;
        assert_eq!((&assign.task[..], assign.queue()), (&b"not even a task"[..], queue));
        node.done(assign.lease, b"an answer").await;
        let answer = client.answer().await;
        assert_eq!((answer.id, &answer.outcome[..], answer.failure), (5, &b"an answer"[..], None));
    }
    let metrics = server.http_get("/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(metrics.contains("gossamer_queue_answered_total{queue=\"leader\"} 1"), "{metrics}");
    assert!(metrics.contains("gossamer_queue_connected_nodes 1"), "{metrics}");
    assert!(server.http_get("/healthz").await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

/// A node that breaks off loses its task to another one, which answers.
#[tokio::test]
async fn broken_stream_requeues() {
    let (_dir, server) = start().await;
    let mut first = server.node(1, 1, CLUSTER).await.unwrap();
    first.credit(Queue::ReadQueue, 1, 0).await;
    let mut client = server.client().await;
    client.ask(1, Queue::ReadQueue, b"read").await;
    first.assigned().await;
    drop(first);
    let mut second = server.node(2, 2, CLUSTER).await.unwrap();
    second.credit(Queue::ReadQueue, 1, 0).await;
    let assign = second.assigned().await;
    second.done(assign.lease, b"found").await;
    assert_eq!(&client.answer().await.outcome[..], b"found");
    server.stop().await;
}

/// A node that falls silent gets nothing new although its credits stand; once it beats again it does.
#[tokio::test]
async fn silent_node_rests() {
    let (_dir, server) = start().await;
    let mut node = server.node(1, 1, CLUSTER).await.unwrap();
    node.credit(Queue::ReadQueue, 8, 0).await;
    node.beat(vec![]).await;
    // Silence is the event that is waited for here: nothing announces it.
    sleep(SILENCE * 2).await;
    let mut client = server.client().await;
    client.ask(1, Queue::ReadQueue, b"read").await;
    let queued = loop {
        let state = server.door().describe(DescribeRequest {}).await.unwrap().into_inner().queue.unwrap();
        if state.read_queued + state.read_leased > 0 {
            break (state.read_queued, state.read_leased);
        }
    };
    assert_eq!(queued, (1, 0));
    node.beat(vec![]).await;
    let assign = node.assigned().await;
    node.done(assign.lease, b"found").await;
    assert_eq!(&client.answer().await.outcome[..], b"found");
    server.stop().await;
}

/// The leader of a higher term takes the work of the lower one, whose answer no longer counts.
#[tokio::test]
async fn two_leaders() {
    let (_dir, server) = start().await;
    let mut old = server.node(1, 1, CLUSTER).await.unwrap();
    let mut new = server.node(2, 2, CLUSTER).await.unwrap();
    let mut client = server.client().await;
    old.credit(Queue::LeaderQueue, 1, 4).await;
    client.ask(1, Queue::LeaderQueue, b"put").await;
    let before = old.assigned().await;
    new.credit(Queue::LeaderQueue, 1, 5).await;
    let after = new.assigned().await;
    assert!(
        matches!(old.next().await, Some(to_node::Kind::Revoke(revoke)) if revoke.leases == [before.lease])
    );
    old.done(before.lease, b"old").await;
    new.done(after.lease, b"new").await;
    assert_eq!(&client.answer().await.outcome[..], b"new");
    server.stop().await;
}

/// A full queue says so, with a time to wait, and the stream goes on.
#[tokio::test]
async fn full_queue() {
    let dir = tempfile::tempdir().unwrap();
    let server =
        Running::start_with(dir.path(), |config| config.bounds = Bounds { items: 1, bytes: 100 }).await;
    let mut client = server.client().await;
    client.ask(1, Queue::LeaderQueue, b"first").await;
    client.ask(2, Queue::LeaderQueue, b"second").await;
    let answer = client.answer().await;
    let failure = answer.failure.unwrap();
    assert_eq!((answer.id, failure.code()), (2, Code::Full));
    assert!(failure.retry_after_ms > 0);
    server.stop().await;
}

/// A folder copied to two machines: while one process lives under a node's name, no other gets in, and is told where the
/// first is. One that was killed is silent, so its successor gets in.
#[tokio::test]
async fn one_process_per_node() {
    let (_dir, server) = start().await;
    let process = |process: u8| NodeReport {
        id: 1,
        storage_id: vec![1; 16].into(),
        process: vec![process; 16].into(),
        control_addr: "10.0.0.1:4168".to_owned(),
        ..NodeReport::default()
    };
    let _first = server.node_saying(process(1), CLUSTER).await.unwrap();
    let refused = Failure::from(server.node_saying(process(2), CLUSTER).await.err().unwrap());
    assert_eq!(refused.code(), Code::Refused);
    assert!(refused.message.contains("10.0.0.1:4168") && refused.retry_after_ms > 0, "{refused:?}");
    // It never beats, so it is silent in a moment.
    tokio::time::sleep(SILENCE).await;
    let _second = server.node_saying(process(2), CLUSTER).await.unwrap();
    server.stop().await;
}

/// A session that lives stays: a second one, by another address of the queue server, is put off; once the first is silent
/// it takes its place. Another folder with the same id is refused.
#[tokio::test]
async fn one_session_per_node() {
    let (_dir, server) = start().await;
    let mut older = server.node(1, 1, CLUSTER).await.unwrap();
    let copied = server.node(1, 2, CLUSTER).await.err().unwrap();
    assert_eq!(Failure::from(copied).code(), Code::Refused);
    let second = server.node(1, 1, CLUSTER).await.err().unwrap();
    assert_eq!(Failure::from(second).code(), Code::Unavailable);
    tokio::time::sleep(SILENCE).await;
    let mut newer = server.node(1, 1, CLUSTER).await.unwrap();
    assert_eq!(older.next().await, None);
    newer.credit(Queue::ReadQueue, 1, 0).await;
    let client = server.client().await;
    client.ask(1, Queue::ReadQueue, b"read").await;
    newer.assigned().await;
    server.stop().await;
}
