//! `gossamer rm NAME…`

use gossamer_client::Condition;
use serde::Serialize;

use super::{client, full_name};
use crate::args::{Common, Rm};
use crate::failure::{Failure, combine};
use crate::show;

#[derive(Serialize)]
struct Removed<'a> {
    name: &'a str,
    version: u64,
}

pub(super) async fn run(common: &Common, rm: Rm) -> Result<(), Failure> {
    // All names are checked before the first is removed.
    let names = rm.names.iter().map(|given| full_name(given)).collect::<Result<Vec<_>, _>>()?;
    let client = client(common).await?;
    let mut failures = Vec::new();
    for name in &names {
        match client.delete(name, rm.if_version.map(Condition::IfVersion)).await {
            Err(error) => failures.push(Failure::client(error.kind(), &error)),
            Ok(version) if common.json => show::json(&Removed { name, version })?,
            Ok(_) => show::line(name)?,
        }
    }
    combine(&failures)
}
