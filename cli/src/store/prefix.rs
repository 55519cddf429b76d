//! Where a listing begins.

use gossamer_client::Client;
use gossamer_proto::name::{self, DEFAULT_BUCKET};

use super::folder;
use crate::args::Common;
use crate::failure::{Failure, USAGE};

/// The beginning of full names that was typed: without a slash it is looked for in bucket `files`.
pub(crate) fn complete(given: Option<&str>) -> Result<String, Failure> {
    let prefix = match given {
        None | Some("") => String::new(),
        Some(given) if given.contains('/') => given.to_owned(),
        Some(given) => format!("{DEFAULT_BUCKET}/{given}"),
    };
    let bucket = prefix.split_once('/').map_or(Ok(()), |(bucket, _)| name::check(&format!("{bucket}/x")));
    bucket
        .and_then(|()| name::check_prefix(&prefix))
        .map_err(|error| Failure::new(USAGE, format!("{prefix:?}: {error}")))?;
    Ok(prefix)
}

/// Goes into a folder that was typed without its slash. If there is a file of the name, or no folder, the prefix stays as
/// it is.
pub(crate) async fn enter(client: &Client, prefix: String) -> Result<String, Failure> {
    if prefix.is_empty() || name::is_folder(&prefix) {
        return Ok(prefix);
    }
    // A file of exactly this name would be the first.
    let first = client.list(&prefix, "", 1).await.map_err(|error| Failure::client(error.kind(), &error))?;
    match first.0.first() {
        Some(first) if first.name != prefix => {
            let inside = format!("{prefix}/");
            Ok(if folder::is_there(client, &inside).await? { inside } else { prefix })
        }
        _ => Ok(prefix),
    }
}

/// Says on standard error that nothing begins so, and what may have been meant.
pub(crate) async fn say_nothing(common: &Common, client: &Client, prefix: &str) -> Result<(), Failure> {
    if common.quiet {
        return Ok(());
    }
    if prefix.is_empty() {
        eprintln!("gossamer: there are no files yet; `gossamer put FILE` stores one");
        return Ok(());
    }
    eprintln!("gossamer: nothing begins with {prefix}");
    if let Some(bucket) = prefix.strip_prefix(DEFAULT_BUCKET).and_then(|key| key.strip_prefix('/'))
        && !bucket.is_empty()
        && !bucket.contains('/')
        && folder::is_there(client, &format!("{bucket}/")).await?
    {
        eprintln!("gossamer: there is a bucket of that name: {bucket}/");
    }
    Ok(())
}
