//! `gossamer put PATH… [NAME]`

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use gossamer_client::{Client, Condition, FileSource, PutOptions, StreamSource};
use gossamer_proto::name::DEFAULT_BUCKET;
use gossamer_world::World;
use serde::Serialize;

use super::{client, full_name};
use crate::args::{Common, Put};
use crate::failure::{FAILED, Failure, USAGE};
use crate::many::{Failures, LOOKED_AT};
use crate::show::progress::Bar;
use crate::show::{self, size};
use crate::store::free;
use crate::tree;
use crate::tree::compare::Plan;
use crate::tree::outcome::Tally;
use crate::tree::store::store;
use crate::tree::{Entry, Options, Pair, survey};

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
    let (paths, to) = split(&put)?;
    match paths {
        [path] if !(put.tree.recursive && path.is_dir()) => {
            one(common, path, &name(path, to.as_deref())?, &put).await
        }
        paths => many(common, paths, to.as_deref(), &put).await,
    }
}

/// What is to be stored, and where to.
fn split(put: &Put) -> Result<(&[PathBuf], Option<String>), Failure> {
    let is_folder = |to: &str| to.ends_with('/');
    match (&put.to, &put.paths[..]) {
        (Some(to), paths) if paths.len() > 1 && !is_folder(to) => {
            Err(usage(format!("--to {to}: several go into a folder, whose name ends with a slash: {to}/")))
        }
        (Some(to), paths) => Ok((paths, Some(to.clone()))),
        (None, [_]) => Ok((&put.paths, None)),
        (None, [paths @ .., last]) => {
            let shown = last.display();
            if last.symlink_metadata().is_ok() {
                let first = paths[0].display();
                return Err(usage(format!(
                    "{shown} is here too: a name in the store, or one more to be stored? Say `put {first} --to {shown}`, or \
                     `put {first} {shown} --to FOLDER/`"
                )));
            }
            let to = last
                .to_str()
                .ok_or_else(|| usage(format!("{shown} is not UTF-8, as names in the store are")))?;
            if paths.len() > 1 && !is_folder(to) {
                return Err(usage(format!(
                    "{shown} is not here. If it is the folder in the store for the others, end it with a slash: {shown}/"
                )));
            }
            Ok((paths, Some(to.to_owned())))
        }
        (None, []) => Err(usage("nothing to store".to_owned())),
    }
}

/// The full name for one file.
fn name(path: &Path, to: Option<&str>) -> Result<String, Failure> {
    match to {
        Some(to) if !to.ends_with('/') => full_name(to),
        to => full_name(&format!("{}{}", to.unwrap_or_default(), file_name(path)?)),
    }
}

fn file_name(path: &Path) -> Result<&str, Failure> {
    if path == Path::new("-") {
        return Err(usage("standard input has no name: give one, `gossamer put - NAME`".to_owned()));
    }
    let shown = path.display();
    let name = path.file_name().ok_or_else(|| usage(format!("{shown} has no file name: give a NAME")))?;
    name.to_str().ok_or_else(|| usage(format!("{shown} is not UTF-8: give a NAME for it")))
}

async fn one(common: &Common, path: &Path, name: &str, put: &Put) -> Result<(), Failure> {
    let condition = match (put.if_absent, put.if_version) {
        (true, _) => Some(Condition::IfAbsent),
        (false, Some(version)) => Some(Condition::IfVersion(version)),
        (false, None) => None,
    };
    if path.is_dir() {
        let shown = path.display();
        return Err(Failure::new(
            FAILED,
            format!("put {shown}: it is a folder; `put -r {shown}` stores it with all that is in it"),
        ));
    }
    let source = match path == Path::new("-") {
        true => None,
        false => Some(
            FileSource::open(&World::real(), path)
                .await
                .map_err(|error| Failure::new(FAILED, format!("put {}: {error}", path.display())))?,
        ),
    };
    let client = client(common).await?;
    free::file(&client, name).await?;
    if put.tree.choice.dry_run {
        return show::line(name);
    }
    let bar = Bar::new(name, common.quiet);
    let stored = match source {
        None => {
            let options = PutOptions { condition, attributes: None };
            client.put(name, StreamSource::new(tokio::io::stdin()), options, &bar).await
        }
        Some(source) => {
            let options = PutOptions { condition, attributes: Some(source.attributes()) };
            client.put(name, source, options, &bar).await
        }
    };
    drop(bar);
    show_stored(common, stored.map_err(|error| Failure::client(error.kind(), &error))?)
}

fn show_stored(common: &Common, stored: gossamer_client::Stored) -> Result<(), Failure> {
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

async fn many(common: &Common, paths: &[PathBuf], to: Option<&str>, put: &Put) -> Result<(), Failure> {
    if put.if_absent || put.if_version.is_some() {
        return Err(usage("--if-absent and --if-version are for one file".to_owned()));
    }
    let options = Options::of(&put.tree.choice, false)?;
    let mut places = Vec::new();
    for path in paths {
        places.push(place(path, to, put.tree.recursive)?);
    }
    let client = client(common).await?;
    let _looking = Bar::looking(common.quiet);
    let (client, options) = (&client, &options);
    let recursive = put.tree.recursive;
    let planned = places.into_iter().map(|place| planned(client, place, options, recursive));
    let planned: Vec<_> = stream::iter(planned).buffered(LOOKED_AT).try_collect().await?;
    let (mut failures, mut plans, mut targets) = (Failures::default(), Vec::new(), Vec::new());
    for Planned { plan, target, problems } in planned {
        failures.append(problems);
        targets.extend(target);
        plans.extend(plan);
    }
    tree::refuse_twice(targets.into_iter())?;
    drop(_looking);
    carry_out(common, client, options, &plans, failures).await
}

/// What is to be done for one of several paths.
#[derive(Default)]
struct Planned {
    plan: Option<(Pair, Plan)>,
    target: Option<PathBuf>,
    problems: Failures,
}

async fn planned(
    client: &Client,
    place: Place,
    options: &Options,
    recursive: bool,
) -> Result<Planned, Failure> {
    let mut problems = Failures::default();
    let (pair, plan, target) = match place {
        Place::Nothing(failure) => {
            problems.add(failure);
            return Ok(Planned { problems, ..Planned::default() });
        }
        Place::Folder(pair) => {
            let plan = survey::to_store(client, &pair, options, &mut problems).await?;
            let target = pair.there.clone();
            (pair, plan, target)
        }
        Place::File(pair, entry) => {
            let name = format!("{}{}", pair.there, entry.path);
            free::file(client, &name).await?;
            // Without -r files are stored whatever is there, as `cp` does.
            let plan = match recursive {
                true => survey::file_to_store(client, &pair, entry, options, &mut problems).await?,
                false => Plan { files: vec![entry], ..Plan::default() },
            };
            (pair, plan, name)
        }
    };
    Ok(Planned { plan: Some((pair, plan)), target: Some(target.into()), problems })
}

/// Does what the plans say, or says it.
pub(super) async fn carry_out(
    common: &Common,
    client: &Client,
    options: &Options,
    plans: &[(Pair, Plan)],
    mut failures: Failures,
) -> Result<(), Failure> {
    let tally = Tally::begin();
    if options.dry_run {
        tally.would(common, plans, "put", |pair, entry| format!("{}{}", pair.there, entry.path))?;
    } else {
        let bar = tree::bar(plans, common.quiet);
        store(client, plans, &bar, &tally, common.verbose > 0, &mut failures).await;
    }
    tally.end(common, options, "stored", plans.iter().map(|(_, plan)| plan), failures)
}

/// What one of several paths is.
enum Place {
    Folder(Pair),
    File(Pair, Entry),
    Nothing(Failure),
}

fn place(path: &Path, to: Option<&str>, recursive: bool) -> Result<Place, Failure> {
    let shown = path.display();
    let folder = match to {
        None => format!("{DEFAULT_BUCKET}/"),
        Some(to) => to.to_owned(),
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Ok(Place::Nothing(Failure::new(FAILED, format!("put {shown}: {error}")))),
    };
    if metadata.is_dir() && !recursive {
        return Err(Failure::new(
            FAILED,
            format!("{shown} is a folder; -r stores folders with all that is in them"),
        ));
    }
    if metadata.is_dir() {
        let there = match (is_content(path), folder.strip_suffix('/')) {
            // `put -r DIR/ x/` and `put -r DIR x`: what is in it goes there.
            (true, Some(_)) => folder,
            (_, None) => full_name(&folder)? + "/",
            (false, Some(_)) => format!("{folder}{}/", file_name(path)?),
        };
        return Ok(Place::Folder(Pair { here: path.to_owned(), there }));
    }
    let name = name(path, to)?;
    let (there, last) = name.rsplit_once('/').unwrap_or_default();
    if file_name(path)? != last {
        return Err(usage(format!("{shown} and others go into a folder, whose name ends with a slash")));
    }
    let here = path.parent().map(Path::to_owned).unwrap_or_default();
    let entry = Entry::here(last.to_owned(), &metadata, false);
    Ok(Place::File(Pair { here, there: format!("{there}/") }, entry))
}

/// Whether what is in a folder is meant, not the folder: `DIR/`, `.`, `..`.
pub(super) fn is_content(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    bytes.ends_with(b"/") || bytes.ends_with(b"/.") || path.file_name().is_none()
}

fn usage(what: String) -> Failure {
    Failure::new(USAGE, what)
}
