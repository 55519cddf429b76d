//! `gossamer rm -r NAME…`: counts first, asks, then removes what was counted.

use std::cell::Cell;
use std::io::IsTerminal;

use gossamer_client::{Client, Condition, DeleteError, Info, StatError};
use gossamer_proto::name;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::say;
use crate::args::{Common, Rm};
use crate::command::client;
use crate::failure::{FAILED, Failure, NOT_FOUND, USAGE, combine};
use crate::listing::Listing;
use crate::many::{Failures, SIDE_BY_SIDE, many};
use crate::show::output::Output;
use crate::show::progress::Bar;
use crate::store::folder;
use crate::store::shown::Shown;
use crate::store::sum::Sum;

/// Names in memory at a time.
const AT_A_TIME: usize = 4_000;

pub(super) async fn run(common: &Common, rm: &Rm, names: Vec<String>) -> Result<(), Failure> {
    let client = client(common).await?;
    let looking = Bar::looking(common.quiet);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in without_inner(&names) {
        match count(&client, name).await {
            Ok(counted) => found.push(counted),
            Err(failure) => failures.push(failure),
        }
    }
    drop(looking);
    if found.is_empty() {
        return combine(&failures);
    }
    if rm.dry_run {
        dry_run(common, &client, &found).await?;
        return combine(&failures);
    }
    if !rm.yes {
        ask(&found).await?;
    }
    let mut all = Failures::default();
    failures.into_iter().for_each(|failure| all.add(failure));
    remove(common, &client, &found, all).await
}

/// What one name stands for: the file of that name, the folder, or both.
struct Counted {
    name: String,
    file: Option<Info>,
    /// With its slash.
    folder: Option<String>,
    sum: Sum,
    /// The newest version there was. What is newer was written afterwards, and stays.
    newest: u64,
}

/// The names that are not within another one.
fn without_inner(names: &[String]) -> Vec<&String> {
    let mut outer: Vec<&String> = names.iter().collect();
    outer.sort();
    outer.dedup();
    let is_inner = |name: &&String| {
        names.iter().any(|other| other != *name && name.starts_with(&folder::as_folder(other)))
    };
    outer.retain(|name| !is_inner(name));
    outer
}

/// Looks at all there is of a name.
async fn count(client: &Client, name: &str) -> Result<Counted, Failure> {
    let file = if name::is_folder(name) { None } else { stat(client, name).await? };
    let inside = folder::as_folder(name);
    let (mut sum, mut newest, mut is_there) = (Sum::default(), 0, false);
    let mut listing = Listing::new(client, &inside);
    while let Some(info) = listing.next().await? {
        is_there = true;
        newest = newest.max(info.version);
        sum = sum + Sum::of(&info);
    }
    if file.is_none() && !is_there {
        let what = format!("{name}: no such file or folder, nothing was removed");
        return Err(Failure::new(NOT_FOUND, what));
    }
    Ok(Counted { name: name.to_owned(), file, folder: is_there.then_some(inside), sum, newest })
}

/// What there is of exactly this name.
async fn stat(client: &Client, name: &str) -> Result<Option<Info>, Failure> {
    match client.stat(name).await {
        Ok(info) => Ok(Some(info)),
        Err(StatError::NotFound(_)) => Ok(None),
        Err(error) => Err(Failure::client(error.kind(), &error)),
    }
}

/// Prints every name that would be removed.
async fn dry_run(common: &Common, client: &Client, found: &[Counted]) -> Result<(), Failure> {
    let mut out = Output::new();
    let mut sum = Sum::default();
    for counted in found {
        if let Some(file) = &counted.file {
            sum = sum + Sum::of(file);
            say(common, &file.name, file.version)?;
        }
        let Some(folder) = &counted.folder else { continue };
        sum = sum + counted.sum;
        let mut shown = Shown::new(client, folder);
        while let Some(info) = shown.next().await? {
            match common.json {
                true => out.json(&super::Removed { name: &info.name, version: info.version })?,
                false => out.line(&info.name)?,
            }
        }
        out.flush()?;
    }
    if !common.quiet {
        eprintln!("gossamer: would remove {sum}");
    }
    Ok(())
}

/// Asks before files are removed that nobody has named.
async fn ask(found: &[Counted]) -> Result<(), Failure> {
    let mut folders = found.iter().filter(|counted| counted.sum.files > 0);
    let Some(first) = folders.next() else { return Ok(()) };
    let (mut sum, mut more) = (first.sum, 0);
    folders.for_each(|counted| {
        sum = sum + counted.sum;
        more += 1;
    });
    let folder = folder::as_folder(&first.name);
    let folder = if more == 0 { folder } else { format!("{folder} and {more} more") };
    if !std::io::stdin().is_terminal() {
        let why = format!("{folder} has {sum}, and there is nobody to ask; add --yes to remove them");
        return Err(Failure::new(USAGE, why));
    }
    eprint!("remove {sum} in {folder}? [y/N] ");
    let mut answer = String::new();
    // An end of input or an error is no yes.
    let _ = BufReader::new(tokio::io::stdin()).read_line(&mut answer).await;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(FAILED, "nothing was removed")),
    }
}

/// Removes what was counted, side by side.
async fn remove(
    common: &Common,
    client: &Client,
    found: &[Counted],
    mut failures: Failures,
) -> Result<(), Failure> {
    let files = found.iter().map(|counted| counted.sum.files + u64::from(counted.file.is_some())).sum();
    let bar = Bar::of_files(files, common.quiet);
    let removing = Removing { common, client, bar, done: Cell::default() };
    for counted in found {
        if let Some(file) = &counted.file {
            many([file.clone()], 1, &mut failures, |file| removing.one(file, u64::MAX, true)).await;
        }
        if let Some(folder) = &counted.folder
            && let Err(failure) = removing.folder(folder, counted.newest, &mut failures).await
        {
            failures.add(failure);
        }
    }
    let Removing { bar, done, .. } = removing;
    drop(bar);
    let done = format!("removed {}", done.get());
    if failures.count() == 0 && !common.quiet && found.iter().any(|counted| counted.folder.is_some()) {
        eprintln!("gossamer: {done}");
    }
    failures.end(&done)
}

struct Removing<'a> {
    common: &'a Common,
    client: &'a Client,
    bar: Bar,
    done: Cell<Sum>,
}

impl Removing<'_> {
    async fn folder(&self, folder: &str, newest: u64, failures: &mut Failures) -> Result<(), Failure> {
        let mut listing = Listing::new(self.client, folder);
        let shown = self.common.json || self.common.verbose > 0;
        while !failures.is_final() {
            let names = listing.several(AT_A_TIME).await?;
            if names.is_empty() {
                break;
            }
            many(names, SIDE_BY_SIDE, failures, |info| self.one(info, newest, shown)).await;
        }
        Ok(())
    }

    /// Removes this very version. Whoever else has removed it has done the same.
    async fn one(&self, info: Info, newest: u64, shown: bool) -> Result<(), Failure> {
        let stays = || Failure::new(FAILED, format!("{} was written meanwhile and stays", info.name));
        if info.version > newest {
            return Err(stays());
        }
        match self.client.delete(&info.name, Some(Condition::IfVersion(info.version))).await {
            Ok(version) => {
                self.done.update(|done| done + Sum::of(&info));
                if shown && !info.is_folder() {
                    self.bar.suspend(|| say(self.common, &info.name, version))?;
                }
            }
            // Another version than this one, or none.
            Err(DeleteError::Condition { .. }) if stat(self.client, &info.name).await?.is_some() => {
                return Err(stays());
            }
            Err(DeleteError::Condition { .. } | DeleteError::NotFound(_)) => {}
            Err(error) => return Err(Failure::client(error.kind(), &error)),
        }
        if !info.is_folder() {
            self.bar.step();
        }
        Ok(())
    }
}
