//! Exactly one node founds, ever.

use bytes::Bytes;
use gossamer_proto::v1::*;
use prost::Message;
use tokio::time::Duration;

use crate::wire::{CLUSTER, Running};

/// The grant goes to one storage id and outlives a restart; everybody else waits for a leader.
#[tokio::test]
async fn one_founder() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path(), Duration::ZERO).await;
    let grant = server.enter(1, Bytes::new()).await.unwrap();
    assert!(grant.found && grant.cluster_id.len() == 16 && grant.node_id == 1);
    server.stop().await;
    let server = Running::start(dir.path(), Duration::ZERO).await;
    assert_eq!(server.enter(1, Bytes::new()).await.unwrap(), grant);
    let other = server.enter(2, Bytes::new()).await.unwrap();
    assert!(!other.found && other.retry_after_ms > 0 && other.waiting_for.contains("leader"), "{other:?}");
    server.stop().await;
}

/// While the grace lasts nobody founds; a member heard within it makes its cluster ours, durably.
#[tokio::test]
async fn adopts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path(), Duration::from_secs(600)).await;
    let answer = server.enter(1, Bytes::new()).await.unwrap();
    assert!(!answer.found && answer.retry_after_ms > 0);
    server.node(4, 4, CLUSTER).await.unwrap();
    server.stop().await;
    let server = Running::start(dir.path(), Duration::ZERO).await;
    let description = server.door().describe(DescribeRequest {}).await.unwrap().into_inner();
    assert_eq!((description.cluster_id, &description.cluster_name[..]), (CLUSTER, "theirs"));
    assert!(!server.enter(1, Bytes::new()).await.unwrap().found);
    let refused = server.node(5, 5, Bytes::from_static(&[8; 16])).await.err().unwrap();
    let failure = Failure::from(refused);
    assert_eq!(failure.code(), Code::Refused);
    assert!(failure.message.contains("0707") && failure.message.contains("0808"), "{}", failure.message);
    let refused = Failure::from(server.enter(6, Bytes::from_static(&[8; 16])).await.unwrap_err());
    assert_eq!(refused.code(), Code::Refused);
    server.stop().await;
}

/// A newcomer's wish becomes a task for the leader, whose answer it gets.
#[tokio::test]
async fn joins_through_the_leader() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path(), Duration::ZERO).await;
    let mut leader = server.node(1, 1, CLUSTER).await.unwrap();
    leader.credit(Queue::LeaderQueue, 1, 1).await;
    let serve = async {
        let assign = leader.assigned().await;
        let Some(task::Kind::Join(join)) = Task::decode(assign.task).unwrap().kind else {
            panic!("not a join")
        };
        assert_eq!(&join.storage_id[..], [2; 16]);
        let joined = Joined { cluster_id: CLUSTER, node_id: 2, cluster_name: "theirs".into(), epoch: 0 };
        let outcome = Outcome { kind: Some(outcome::Kind::Joined(joined)), ..Outcome::default() };
        let done = Done { lease: assign.lease, outcome: outcome.encode_to_vec().into() };
        leader.send(from_node::Kind::Done(done)).await;
    };
    let (answer, ()) = tokio::join!(server.enter(2, Bytes::new()), serve);
    let answer = answer.unwrap();
    assert_eq!((answer.node_id, answer.cluster_id, answer.found), (2, CLUSTER, false));
    server.stop().await;
}
