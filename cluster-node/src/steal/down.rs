//! What comes down: tasks, revocations, the directory.

use std::time::Duration;

use gossamer_proto::v1::{self, Code, Failure, Queue, to_node};
use prost::Message;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use tonic::Streaming;

use super::Config;
use super::claim::{Claim, Right};
use super::stream::{Ended, LEASES, Shared};
use crate::peers::{Address, Since};

/// No client waits longer; bounds what a queue server may say.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Reads the stream to its end.
pub(super) async fn run(mut down: Streaming<v1::ToNode>, config: &Config, shared: &Shared) -> Ended {
    loop {
        let message = match down.message().await {
            Ok(Some(message)) => message,
            Ok(None) => return Ended::Closed,
            Err(status) => return Ended::Status(Box::new(status)),
        };
        match message.kind {
            Some(to_node::Kind::Assign(assign)) => {
                if let Err(ended) = accept(assign, config, shared) {
                    return ended;
                }
            }
            Some(to_node::Kind::Revoke(revoke)) => shared.state().leases.revoke(&revoke.leases),
            Some(to_node::Kind::Directory(directory)) => learn(directory, config),
            // A second welcome says nothing new; an unknown kind is from a later version.
            Some(to_node::Kind::Welcome(_)) | None => {}
        }
    }
}

/// Begins an assigned task, or gives it back at once.
fn accept(assign: v1::Assign, config: &Config, shared: &Shared) -> Result<(), Ended> {
    let (lease, queue) = (assign.lease, assign.queue());
    let (term, refusal) = {
        let mut state = shared.state();
        if state.leases.len() >= LEASES {
            return Err(Ended::TooMany);
        }
        if !state.leases.begin(lease, queue) {
            return Ok(());
        }
        state.credits.used(queue);
        let term = if queue == Queue::LeaderQueue { state.credits.term() } else { 0 };
        (term, refusal(queue, state.leases.unfinished(queue), state.stopping))
    };
    let right = Right::new(lease, shared.answers.clone());
    if let Some(message) = refusal {
        right.refuse(Failure::new(Code::Unavailable, message));
        return Ok(());
    }
    let Ok(v1::Task { kind: Some(task) }) = v1::Task::decode(assign.task) else {
        let failure = Failure::new(Code::Invalid, "this node cannot read the task");
        right.done(v1::outcome::Kind::Failure(failure));
        return Ok(());
    };
    let wait = Duration::from_millis(assign.time_left_ms).min(LONGEST_WAIT);
    deliver(Claim::assigned(task, Instant::now() + wait, term, right), queue, config);
    Ok(())
}

/// Why a task is not even looked at.
fn refusal(queue: Queue, unfinished: u32, stopping: bool) -> Option<&'static str> {
    let limit = match queue {
        Queue::LeaderQueue => gossamer_proto::limits::LEADER_CREDITS,
        Queue::ReadQueue => gossamer_proto::limits::READ_CREDITS,
        Queue::Unspecified => return Some("this node knows no such queue"),
    };
    if stopping {
        Some("this node stops")
    } else {
        (unfinished > limit).then_some("this node works on as many tasks as it offered to")
    }
}

fn deliver(claim: Claim, queue: Queue, config: &Config) {
    let consumer = if queue == Queue::LeaderQueue { &config.leader_claims } else { &config.read_claims };
    match consumer.try_send(claim) {
        Ok(()) => {}
        Err(TrySendError::Full(claim)) => claim.refuse(Failure::new(Code::Unavailable, "this node is busy")),
        Err(TrySendError::Closed(claim)) => claim.refuse(Failure::new(Code::Unavailable, "this node stops")),
    }
}

fn learn(directory: v1::Directory, config: &Config) {
    let own = config.view.borrow().id;
    for peer in directory.peers {
        if peer.id != own && peer.id != 0 {
            let since = Since { run: peer.run, moves: peer.moves };
            config.peers.learn(peer.id, Address { control: peer.control_addr, data: peer.data_addr }, since);
        }
    }
}
