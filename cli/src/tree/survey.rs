//! Looking at both sides before anything is written.

use std::io;
use std::path::Path;

use gossamer_client::{Client, Kind};
use gossamer_proto::name;
use gossamer_world::World;

use super::checksum;
use super::compare::Plan;
use super::exclude::Exclude;
use super::there::there;
use super::walk::{Walked, walk};
use super::{Entry, Options, Pair};
use crate::failure::{FAILED, Failure, NOT_FOUND, USAGE};
use crate::many::Failures;
use crate::store::free;

/// Names of conflicts that are shown.
const SHOWN: usize = 10;

/// What is to be done to bring a folder into the store.
pub(crate) async fn to_store(
    client: &Client,
    pair: &Pair,
    options: &Options,
    failures: &mut Failures,
) -> Result<Plan, Failure> {
    check(pair)?;
    let mut walked = walked(&pair.here, &options.exclude)
        .await
        .map_err(|error| Failure::new(FAILED, format!("{}: {error}", pair.here.display())))?;
    let there = there(client, &pair.there, &options.exclude).await?;
    free::folder(client, &pair.there).await?;
    if options.checksum {
        checksum::hash(&pair.here, &mut walked.entries, &there, failures).await;
    }
    walked.problems.into_iter().for_each(|problem| failures.add(problem));
    Plan::new(walked.entries, there, options.delete, &walked.unknown).map_err(|names| conflict(pair, &names))
}

/// What is to be done to bring one file into the store.
pub(crate) async fn file_to_store(
    client: &Client,
    pair: &Pair,
    entry: Entry,
    options: &Options,
    failures: &mut Failures,
) -> Result<Plan, Failure> {
    let there = match client.stat(&format!("{}{}", pair.there, entry.path)).await {
        Ok(info) => vec![Entry::there(entry.path.clone(), &info)],
        Err(error) if error.kind() == Kind::NotFound => Vec::new(),
        Err(error) => return Err(Failure::client(error.kind(), &error)),
    };
    let mut here = vec![entry];
    if options.checksum {
        checksum::hash(&pair.here, &mut here, &there, failures).await;
    }
    Plan::new(here, there, false, &[]).map_err(|names| conflict(pair, &names))
}

/// What is to be done to bring one file of the store to here.
pub(crate) async fn file_to_here(
    pair: &Pair,
    entry: Entry,
    options: &Options,
    failures: &mut Failures,
) -> Result<Plan, Failure> {
    let (path, there) = (entry.path.clone(), vec![entry]);
    let mut here = match std::fs::metadata(pair.here.join(&path)) {
        Ok(metadata) if metadata.is_file() => vec![Entry::here(path, &metadata, false)],
        _ => Vec::new(),
    };
    if options.checksum {
        checksum::hash(&pair.here, &mut here, &there, failures).await;
    }
    Plan::new(there, here, false, &[]).map_err(|names| conflict(pair, &names))
}

/// What is to be done to bring a folder of the store to here.
pub(crate) async fn to_here(
    client: &Client,
    pair: &Pair,
    options: &Options,
    failures: &mut Failures,
) -> Result<Plan, Failure> {
    check(pair)?;
    let there = there(client, &pair.there, &options.exclude).await?;
    if there.is_empty() {
        let what = format!("{}: there is nothing in it; `gossamer ls` shows what there is", pair.there);
        return Err(Failure::new(NOT_FOUND, what));
    }
    let mut walked = match walked(&pair.here, &options.exclude).await {
        Ok(walked) => walked,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Walked::default(),
        Err(error) => return Err(Failure::new(FAILED, format!("{}: {error}", pair.here.display()))),
    };
    if options.checksum {
        checksum::hash(&pair.here, &mut walked.entries, &there, failures).await;
    }
    // What is here and cannot be stored is in nobody's way; with --delete it is what is left over.
    if options.delete {
        walked.problems.into_iter().for_each(|problem| failures.add(problem));
    }
    let plan =
        Plan::new(there, walked.entries, options.delete, &[]).map_err(|names| conflict(pair, &names))?;
    Ok(Plan { parts: if options.delete { walked.parts } else { Vec::new() }, ..plan })
}

async fn walked(root: &Path, exclude: &Exclude) -> io::Result<Walked> {
    let (root, exclude) = (root.to_owned(), exclude.clone());
    World::real().blocking.run(move || walk(&root, &exclude)).await
}

/// The folder's name itself: bucket and all.
fn check(pair: &Pair) -> Result<(), Failure> {
    let within = format!("{}x", pair.there);
    name::check(&within).map_err(|error| Failure::new(USAGE, format!("{:?}: {error}", pair.there)))
}

fn conflict(pair: &Pair, paths: &[String]) -> Failure {
    let names: Vec<String> =
        paths.iter().take(SHOWN).map(|path| format!("\n  {}{path}", pair.there)).collect();
    let more = match paths.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    let what = "a file and a folder would have the same name; nothing was written. Rename one of each:";
    Failure::new(FAILED, format!("{what}{}{more}", names.concat()))
}
