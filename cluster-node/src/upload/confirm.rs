//! The voter's side of a seal: all chunks on this disk, fetched if need be.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{PART_CHUNKS, SEAL_FETCHES};
use gossamer_proto::v1::{self, Code, Failure};

use super::Shared;
use super::answer::chunks_failed;
use super::hold::{HoldError, hold};
use crate::data::fetch::fetch;
use crate::storage::extents::Purpose;

/// Answers within the time that the request leaves.
pub(super) async fn confirm(shared: &Shared, request: v1::SealRequest) -> v1::SealAnswer {
    let time_left = Duration::from_millis(request.time_left_ms);
    let confirmed = tokio::time::timeout(time_left, Box::pin(attempt(shared, request))).await;
    let late = || Err(Failure::new(Code::Deadline, format!("not all chunks came within {time_left:?}")));
    confirmed
        .unwrap_or_else(|_| late())
        .unwrap_or_else(|failure| v1::SealAnswer { failure: Some(failure), ..Default::default() })
}

async fn attempt(shared: &Shared, request: v1::SealRequest) -> Result<v1::SealAnswer, Failure> {
    let hashes =
        Hash::list(&request.chunks).map_err(|error| Failure::new(Code::Invalid, error.to_string()))?;
    loop {
        let held = hold(shared, hashes.clone(), request.depth).await.map_err(hold_failed)?;
        if held.missing.is_empty() {
            // What was held when it was looked up had been written before: this makes it durable.
            shared.chunks(|chunks| chunks.sync()).await.map_err(|error| chunks_failed(&error))?;
            let collect_number = held.collect_number;
            return Ok(v1::SealAnswer { sealed: true, collect_number, ..Default::default() });
        }
        if fetch_all(shared, request.holder, &held.missing).await? == 0 {
            return Ok(v1::SealAnswer { missing: Hash::join(&held.missing), ..Default::default() });
        }
    }
}

fn hold_failed(error: HoldError) -> Failure {
    match error {
        HoldError::Chunks(error) => chunks_failed(&error),
        HoldError::List(..) => Failure::new(Code::Corrupt, error.to_string()),
    }
}

/// Fetches and stores in groups, a few side by side; how many came.
async fn fetch_all(shared: &Shared, holder: u64, missing: &[Hash]) -> Result<usize, Failure> {
    let groups: Vec<Vec<Hash>> = missing.chunks(PART_CHUNKS).map(<[Hash]>::to_vec).collect();
    stream::iter(groups.into_iter().map(|group| fetch_group(shared, holder, group)))
        .buffer_unordered(SEAL_FETCHES)
        .try_fold(0, |sum, fetched| async move { Ok(sum + fetched) })
        .await
}

async fn fetch_group(shared: &Shared, holder: u64, group: Vec<Hash>) -> Result<usize, Failure> {
    let _place = shared.fetches.acquire().await.expect("it is never closed");
    let config = &shared.config;
    let fetched = match fetch(&config.channels, &config.peers, holder, &group).await {
        Ok(fetched) => fetched,
        Err(error) => {
            tracing::info!(%error, "chunks of an upload could not be fetched");
            return Ok(0);
        }
    };
    let count = fetched.len();
    let stored = shared.chunks(move |chunks| {
        fetched.iter().try_for_each(|(hash, bytes)| chunks.put(*hash, bytes, Purpose::Upload))
    });
    stored.await.map_err(|error| chunks_failed(&error))?;
    Ok(count)
}
