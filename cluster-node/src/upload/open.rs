//! OpenWrite: the right to bring the chunks of a file to this node, and which of them need not come.

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, FILE_BYTES, HAVE_HASHES};
use gossamer_proto::v1::{self, Code, Failure, condition, outcome::Kind};

use super::Shared;
use super::answer::{self, Stop};
use crate::data;
use crate::data::ticket::Grant;

/// Checks and issues a ticket. Proposes nothing.
pub(super) async fn open(shared: &Shared, task: v1::OpenWrite, term: u64) -> Result<Kind, Stop> {
    answer::check_name(&task.name)?;
    let upload_id =
        task.upload_id[..].try_into().map_err(|_| answer::invalid("an upload id has 16 bytes"))?;
    if task.length.is_some_and(|length| length > FILE_BYTES) {
        return Err(answer::invalid(format!("a file may have at most {FILE_BYTES} bytes")));
    }
    if task.known.len() > HAVE_HASHES * Hash::BYTES {
        return Err(answer::invalid(format!("at most {HAVE_HASHES} hashes may be asked for at once")));
    }
    let known = Hash::list(&task.known).map_err(|error| answer::invalid(error.to_string()))?;
    shared.leads(term)?;
    if let Some(condition) = task.condition.and_then(|condition| condition.kind) {
        may_hold(shared, task.name, condition).await?;
    }
    let held: Bytes = shared.chunks(move |chunks| data::held(chunks, &known)).await?;
    let here = held.iter().map(|held| u64::from(*held)).sum::<u64>() * CHUNK_BYTES as u64;
    let to_come = task.length.unwrap_or(CHUNK_BYTES as u64).saturating_sub(here);
    has_space(shared, to_come).await?;
    Ok(Kind::Opened(v1::Opened {
        ticket: shared.config.tickets.issue(&Grant::Upload { upload_id }),
        data_addr: shared.config.whereabouts.data(),
        chunk_bytes: CHUNK_BYTES as u32,
        held,
    }))
}

/// A courtesy: a condition that fails now saves the client the upload. The truth is at apply.
async fn may_hold(shared: &Shared, name: String, condition: condition::Kind) -> Result<(), Stop> {
    let holds = |found: Option<u64>| match condition {
        condition::Kind::IfAbsent(absent) => !absent || found.is_none(),
        condition::Kind::IfVersion(version) => found == Some(version),
    };
    if holds(version(shared, &name).await?) {
        return Ok(());
    }
    // Only what was acknowledged may refuse: the client would take it for the truth.
    shared.up_to_date().await?;
    let found = version(shared, &name).await?;
    if holds(found) {
        return Ok(());
    }
    Err(answer::failed(Failure::new(Code::Condition, answer::condition(&name, found))))
}

async fn version(shared: &Shared, name: &str) -> Result<Option<u64>, Stop> {
    let name = name.to_owned();
    let file = shared.catalogue(move |catalogue| catalogue.file(&name)).await?;
    Ok(file.map(|record| record.version))
}

/// Refuses early what would fill the disk; the truth is when chunks are stored.
async fn has_space(shared: &Shared, to_come: u64) -> Result<(), Stop> {
    let (files, dir) = (shared.config.world.files.clone(), shared.config.dir.clone());
    let space = shared.config.world.blocking.run(move || files.space(&dir)).await;
    let space = space.map_err(|error| answer::failed(Failure::new(Code::Internal, error.to_string())))?;
    let (free, reserve) = (space.free, shared.config.reserve_bytes);
    if free.saturating_sub(reserve) >= to_come {
        return Ok(());
    }
    let why =
        format!("the leader's disk has {free} bytes free, {reserve} are kept back, {to_come} are to come");
    Err(answer::failed(Failure::new(Code::NoSpace, why)))
}
