//! `gossamer put PATH [NAME]`

use std::path::Path;

use gossamer_client::{Condition, FileSource, PutOptions, StreamSource};
use gossamer_world::World;
use serde::Serialize;

use super::{client, full_name};
use crate::args::{Common, Put};
use crate::failure::{FAILED, Failure, USAGE};
use crate::show::progress::Bar;
use crate::show::{self, size};

#[derive(Serialize)]
struct Stored {
    name: String,
    size: u64,
    version: u64,
    blake3: String,
    modified: String,
    modified_ms: u64,
    sent_bytes: u64,
    resumed_bytes: u64,
}

pub(super) async fn run(common: &Common, put: Put) -> Result<(), Failure> {
    let name = full_name(&name(&put)?)?;
    let condition = match (put.if_absent, put.if_version) {
        (true, _) => Some(Condition::IfAbsent),
        (false, Some(version)) => Some(Condition::IfVersion(version)),
        (false, None) => None,
    };
    let options = PutOptions { condition, attributes: None };
    let client = client(common).await?;
    let bar = Bar::new(&name, common.quiet);
    let stored = if put.paths[0] == Path::new("-") {
        client.put(&name, StreamSource::new(tokio::io::stdin()), options, &bar).await
    } else {
        let source = FileSource::open(&World::real(), &put.paths[0])
            .await
            .map_err(|error| Failure::new(FAILED, format!("put {}: {error}", put.paths[0].display())))?;
        client.put(&name, source, options, &bar).await
    };
    drop(bar);
    let stored = stored.map_err(|error| Failure::client(error.kind(), &error))?;
    if common.json {
        return show::json(&Stored {
            name: stored.name,
            size: stored.size,
            version: stored.version,
            blake3: stored.blake3.to_string(),
            modified: size::time(stored.modified_ms),
            modified_ms: stored.modified_ms,
            sent_bytes: stored.sent_bytes,
            resumed_bytes: stored.resumed_bytes,
        });
    }
    if stored.resumed_bytes > 0 && !common.quiet {
        eprintln!(
            "gossamer: {} of {} were already there",
            size::bytes(stored.resumed_bytes),
            size::bytes(stored.size)
        );
    }
    show::line(&stored.name)
}

fn name(put: &Put) -> Result<String, Failure> {
    let path = &put.paths[0];
    if let Some(name) = &put.to {
        return Ok(name.clone());
    }
    if *path == Path::new("-") {
        return Err(Failure::new(USAGE, "standard input has no name: give one, `gossamer put - NAME`"));
    }
    match path.file_name() {
        None => Err(Failure::new(USAGE, format!("{} has no file name: give a NAME", path.display()))),
        Some(name) => name.to_str().map(str::to_owned).ok_or_else(|| {
            Failure::new(USAGE, format!("{} is not UTF-8: give a NAME for it", path.display()))
        }),
    }
}
