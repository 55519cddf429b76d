//! CommitWrite: seal, then propose one small record.

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::SEALS;
use gossamer_proto::v1::{self, command, outcome::Kind};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::answer::{self, Stop};
use super::hold::{HoldError, hold};
use super::plausible;
use super::seal::Seal;
use crate::raft::View;
use crate::storage::catalogue::Applied;
use crate::storage::position::Position;

/// Seals and proposes; seals again when membership or Collect overtook it.
pub(super) async fn commit(
    shared: &Shared,
    task: v1::CommitWrite,
    term: u64,
    deadline: Instant,
) -> Result<Kind, Stop> {
    answer::check_name(&task.name)?;
    let operation = answer::check_operation(task.operation.clone())?;
    let hashes = plausible::check(task.size, &task.blake3, &task.chunks, task.depth)
        .map_err(|error| answer::invalid(error.to_string()))?;
    for _ in 0..SEALS {
        let (view, under) = settled(shared, term, deadline).await?;
        let held = hold(shared, hashes.clone(), task.depth).await.map_err(hold_failed)?;
        if !held.missing.is_empty() {
            return missing(shared, operation, &task.name, &held.missing).await;
        }
        if held.content != plausible::content_chunks(task.size) {
            return Err(answer::invalid(format!("the hash lists name {} chunks", held.content)));
        }
        let seal = Seal { shared, chunks: task.chunks.clone(), depth: task.depth, view: &view, deadline };
        let seal_number = Box::pin(seal.run(held.collect_number)).await?;
        let commit = command::Kind::Commit(record(&task, under, seal_number));
        let command = v1::Command { operation: Some(operation.clone()), kind: Some(commit) };
        // Not while sealing, which may take long: a seal that a change of membership overtakes is refused at apply.
        let _open = timeout_at(deadline, shared.gate.read()).await.map_err(changing)?;
        match shared.proposer.propose(command, term).await {
            Ok(Applied::SealAgain) => {}
            applied => return answer::of(applied, &task.name),
        }
    }
    Err(answer::unavailable(format!("changes of membership or collections overtook {SEALS} seals")))
}

/// What this node lacks; unless the commit was applied before, sealed by others under another leader: then nothing needs
/// to be sent, and a client that streamed could not.
async fn missing(
    shared: &Shared,
    operation: v1::Operation,
    name: &str,
    missing: &[Hash],
) -> Result<Kind, Stop> {
    shared.up_to_date().await?;
    match shared.catalogue(move |catalogue| catalogue.outcome(&operation)).await? {
        Some(applied) => answer::of(Ok(applied), name),
        None => Ok(Kind::Missing(v1::Missing { hashes: Hash::join(missing) })),
    }
}

fn record(task: &v1::CommitWrite, under: Position, seal_number: u64) -> v1::Commit {
    v1::Commit {
        name: task.name.clone(),
        condition: task.condition,
        size: task.size,
        blake3: task.blake3.clone(),
        chunks: task.chunks.clone(),
        depth: task.depth,
        sealed_under: Some(under.into()),
        seal_number,
        attributes: task.attributes,
    }
}

fn hold_failed(error: HoldError) -> Stop {
    match error {
        HoldError::Chunks(error) => error.into(),
        HoldError::List(..) => answer::invalid(error.to_string()),
    }
}

/// Waits until no change of membership is under way.
async fn settled(shared: &Shared, term: u64, deadline: Instant) -> Result<(View, Position), Stop> {
    let mut views = shared.config.raft.view();
    loop {
        shared.leads(term)?;
        let view = views.borrow_and_update().clone();
        if let Some(under) = view.membership_at {
            return Ok((view, under));
        }
        timeout_at(deadline, views.changed()).await.map_err(changing)?.map_err(|_| answer::not_leading())?;
    }
}

fn changing(_: Elapsed) -> Stop {
    answer::unavailable("a change of membership is under way")
}
