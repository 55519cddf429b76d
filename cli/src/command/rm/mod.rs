//! `gossamer rm NAME…`: files by their names; with -r, folders with all that is in them.

mod folders;

use gossamer_client::{Client, Condition, DeleteError, StatError};
use serde::Serialize;

use super::{client, full_entry, full_name};
use crate::args::{Common, Rm};
use crate::failure::{Failure, NOT_FOUND, USAGE, combine};
use crate::show;
use crate::store::folder;

#[derive(Serialize)]
struct Removed<'a> {
    name: &'a str,
    version: u64,
}

pub(super) async fn run(common: &Common, rm: Rm) -> Result<(), Failure> {
    // All names are checked before the first is removed.
    if rm.recursive {
        let names = rm.names.iter().map(|given| full_entry(given)).collect::<Result<_, _>>()?;
        return folders::run(common, &rm, names).await;
    }
    let names = rm.names.iter().map(|given| file_name(given)).collect::<Result<Vec<_>, _>>()?;
    let client = client(common).await?;
    let mut failures = Vec::new();
    for name in &names {
        match remove(&client, name, &rm).await {
            Err(failure) => failures.push(failure),
            Ok(version) => say(common, name, version)?,
        }
    }
    combine(&failures)
}

/// The full name of a file, not of a folder.
fn file_name(given: &str) -> Result<String, Failure> {
    match given.strip_suffix('/') {
        Some(_) if full_entry(given).is_ok() => Err(is_folder(USAGE, given)),
        _ => full_name(given),
    }
}

fn is_folder(code: u8, name: &str) -> Failure {
    Failure::new(code, format!("{name} is a folder; with -r it is removed with all that is in it"))
}

/// Removes one file, or looks whether it would be; its version.
async fn remove(client: &Client, name: &str, rm: &Rm) -> Result<u64, Failure> {
    let failure = if rm.dry_run {
        match client.stat(name).await {
            Ok(info) => return Ok(info.version),
            Err(error @ StatError::NotFound(_)) => Failure::client(error.kind(), &error),
            Err(error) => return Err(Failure::client(error.kind(), &error)),
        }
    } else {
        match client.delete(name, rm.if_version.map(Condition::IfVersion)).await {
            Ok(version) => return Ok(version),
            Err(error @ DeleteError::NotFound(_)) => Failure::client(error.kind(), &error),
            Err(error) => return Err(Failure::client(error.kind(), &error)),
        }
    };
    match folder::is_there(client, &folder::as_folder(name)).await? {
        true => Err(is_folder(NOT_FOUND, name)),
        false => Err(failure),
    }
}

/// What was removed, or would be.
fn say(common: &Common, name: &str, version: u64) -> Result<(), Failure> {
    let printed = if common.json { show::json(&Removed { name, version }) } else { show::line(name) };
    show::unless_closed(printed)
}
