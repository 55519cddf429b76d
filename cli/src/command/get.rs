//! `gossamer get NAME… [PATH]` and `gossamer cat NAME…`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use gossamer_client::{Client, FileSink, GetError, Got, Info, Kind, StreamSink};
use gossamer_proto::name;
use gossamer_world::World;
use serde::Serialize;

use super::{File, client, full_name, put};
use crate::args::{Common, Get};
use crate::failure::{FAILED, Failure, NOT_FOUND, USAGE, combine};
use crate::many::{Failures, LOOKED_AT};
use crate::show::progress::Bar;
use crate::show::{self, size};
use crate::store::folder;
use crate::tree::compare::Plan;
use crate::tree::fetch::fetch;
use crate::tree::outcome::Tally;
use crate::tree::{self, Entry, Options, Pair, survey};

/// A file and where it went, in JSON.
#[derive(Serialize)]
struct Fetched<'a> {
    #[serde(flatten)]
    file: File<'a>,
    path: String,
    resumed_bytes: u64,
}

pub(super) async fn run(common: &Common, get: Get) -> Result<(), Failure> {
    let (names, to) = split(&get)?;
    match names {
        [name] if !get.tree.recursive => one(common, name, to, &get).await,
        names => many(common, names, to, &get).await,
    }
}

/// What is to be fetched, and where to.
fn split(get: &Get) -> Result<(&[String], Option<PathBuf>), Failure> {
    let (names, to) = match (&get.to, &get.names[..]) {
        (Some(to), names) => (names, Some(to.clone())),
        (None, [_] | []) => (&get.names[..], None),
        (None, [names @ .., last]) => (names, Some(PathBuf::from(last))),
    };
    if let (Some(to), [_, _, ..]) = (&to, names)
        && !is_folder(to)
    {
        let to = to.display();
        return Err(Failure::new(
            USAGE,
            format!("there is no folder {to}: several go into one; {to}/ would be made"),
        ));
    }
    Ok((names, to))
}

/// Whether a path is meant as a folder, or is one.
fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir()
}

async fn one(common: &Common, name: &str, to: Option<PathBuf>, get: &Get) -> Result<(), Failure> {
    if let Some(folder) = name.strip_suffix('/') {
        return Err(Failure::new(
            FAILED,
            format!("{folder} is a folder; -r fetches it with all that is in it"),
        ));
    }
    let name = full_name(name)?;
    let client = client(common).await?;
    if to.as_deref() == Some(Path::new("-")) {
        return to_standard_output(&client, &name, common).await.map(drop);
    }
    let path = destination(&name, to)?;
    if get.tree.choice.dry_run {
        return client
            .stat(&name)
            .await
            .map_err(|error| Failure::client(error.kind(), &error))
            .and_then(|_| show::line(&path.display().to_string()));
    }
    let mut sink = match FileSink::new(&World::real(), &path) {
        Ok(sink) => sink,
        Err(error) => {
            let failure = Failure::new(FAILED, format!("get {name} to {}: {error}", path.display()));
            return Err(or_folder(&client, &name, failure).await);
        }
    };
    let bar = Bar::new(&name, common.quiet);
    let got = client.get(&name, &mut sink, &bar).await;
    drop(bar);
    match got {
        Ok(got) => show_fetched(common, &path, &got),
        Err(error) if error.kind() == Kind::NotFound => {
            Err(or_folder(&client, &name, Failure::client(error.kind(), &error)).await)
        }
        Err(error) => Err(Failure::client(error.kind(), &error)),
    }
}

fn show_fetched(common: &Common, path: &Path, got: &Got) -> Result<(), Failure> {
    let shown = path.display().to_string();
    if common.json {
        let (file, resumed_bytes) = (File::from(&got.info), got.resumed_bytes);
        return show::json(&Fetched { file, path: shown, resumed_bytes });
    }
    if got.resumed_bytes > 0 && !common.quiet {
        let (there, all) = (size::bytes(got.resumed_bytes), size::bytes(got.info.size));
        eprintln!("gossamer: {there} of {all} were already here");
    }
    show::line(&shown)
}

/// Of a folder, that it is one says more than the failure.
async fn or_folder(client: &Client, name: &str, failure: Failure) -> Failure {
    if folder::is_there(client, &folder::as_folder(name)).await.unwrap_or(false)
        && client.stat(name).await.is_err()
    {
        let what = format!("{name} is a folder; `gossamer get -r {name}` fetches it with all that is in it");
        return Failure::new(FAILED, what);
    }
    failure
}

async fn many(common: &Common, names: &[String], to: Option<PathBuf>, get: &Get) -> Result<(), Failure> {
    let options = Options::of(&get.tree.choice, false)?;
    if to.as_deref() == Some(Path::new("-")) {
        return Err(Failure::new(
            USAGE,
            "one file at a time goes to standard output, or `gossamer cat NAME...`",
        ));
    }
    let client = client(common).await?;
    let _looking = Bar::looking(common.quiet);
    let (client, options, to) = (&client, &options, to.as_deref());
    let planned = names.iter().map(|given| planned(client, given, to, options, get.tree.recursive));
    let planned: Vec<_> = stream::iter(planned).buffered(LOOKED_AT).collect().await;
    let (mut failures, mut plans, mut targets) = (Failures::default(), Vec::new(), Vec::new());
    for planned in planned {
        match planned {
            Ok(Planned { plan, target, problems }) => {
                failures.append(problems);
                targets.push(target);
                plans.push(plan);
            }
            // Of several names, those that are there are fetched.
            Err(failure) if names.len() > 1 && failure.code == NOT_FOUND => failures.add(failure),
            Err(failure) => return Err(failure),
        }
    }
    tree::refuse_twice(targets.into_iter())?;
    drop(_looking);
    carry_out(common, client, options, &plans, failures).await
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
        tally.would(common, plans, "get", |pair, entry| pair.here.join(&entry.path).display().to_string())?;
    } else {
        let bar = tree::bar(plans, common.quiet);
        fetch(client, plans, &bar, &tally, common.verbose > 0, &mut failures).await;
    }
    tally.end(common, options, "fetched", plans.iter().map(|(_, plan)| plan), failures)
}

/// What is to be done for one of several names.
struct Planned {
    plan: (Pair, Plan),
    target: PathBuf,
    problems: Failures,
}

async fn planned(
    client: &Client,
    given: &str,
    to: Option<&Path>,
    options: &Options,
    recursive: bool,
) -> Result<Planned, Failure> {
    let into = to.unwrap_or_else(|| Path::new("."));
    if name::is_folder(given) {
        if !recursive {
            let what = format!("{given} is a folder; -r fetches folders with all that is in them");
            return Err(Failure::new(FAILED, what));
        }
        return folder(client, into.to_owned(), given.to_owned(), options).await;
    }
    let name = full_name(given)?;
    let (above, last) = name.rsplit_once('/').unwrap_or_default();
    match client.stat(&name).await {
        Ok(info) => file(&info, above, last, into, options, recursive).await,
        Err(error) if error.kind() == Kind::NotFound && recursive => {
            // Whether the folder is there does not count: the same command must lead to the same place again.
            let here = match to {
                Some(to) if !put::is_content(to) => to.to_owned(),
                _ => into.join(last),
            };
            folder(client, here, format!("{name}/"), options).await
        }
        Err(error) => Err(Failure::client(error.kind(), &error)),
    }
}

async fn folder(
    client: &Client,
    here: PathBuf,
    there: String,
    options: &Options,
) -> Result<Planned, Failure> {
    let (target, mut problems) = (here.clone(), Failures::default());
    let pair = Pair { here, there };
    let plan = survey::to_here(client, &pair, options, &mut problems).await?;
    Ok(Planned { plan: (pair, plan), target, problems })
}

/// One of several files goes into a folder; a single one may get another name, but not with -r, which is about folders.
async fn file(
    info: &Info,
    above: &str,
    last: &str,
    into: &Path,
    options: &Options,
    recursive: bool,
) -> Result<Planned, Failure> {
    if !is_folder(into) {
        let (name, into) = (&info.name, into.display());
        let what = format!("{name} is a file: `gossamer get {name} {into}` fetches it, without -r");
        return Err(Failure::new(USAGE, what));
    }
    let pair = Pair { here: into.to_owned(), there: format!("{above}/") };
    let (target, mut problems) = (into.join(last), Failures::default());
    let entry = Entry::there(last.to_owned(), info);
    let plan = match recursive {
        true => survey::file_to_here(&pair, entry, options, &mut problems).await?,
        false => Plan { files: vec![entry], ..Plan::default() },
    };
    Ok(Planned { plan: (pair, plan), target, problems })
}

pub(super) async fn cat(common: &Common, names: Vec<String>) -> Result<(), Failure> {
    let names = names.iter().map(|given| full_name(given)).collect::<Result<Vec<_>, _>>()?;
    let client = client(common).await?;
    let mut failures = Vec::new();
    for name in names {
        match to_standard_output(&client, &name, common).await {
            // What is not there leaves nothing out of the rest; what broke off in the middle does.
            Err(failure) if failure.code == NOT_FOUND => failures.push(failure),
            ended => drop(ended?),
        }
    }
    combine(&failures)
}

async fn to_standard_output(client: &Client, name: &str, common: &Common) -> Result<Got, Failure> {
    let bar = Bar::new(name, common.quiet);
    let mut sink = StreamSink::new(tokio::io::stdout());
    let got = client.get(name, &mut sink, &bar).await;
    got.map_err(|error| match error {
        // Whoever read the pipe has seen enough.
        GetError::Sink { error, .. } if error.kind() == ErrorKind::BrokenPipe => Failure::new(0, ""),
        GetError::Sink { name, error } => {
            let what = format!("{name} was not read to its end: standard output: {error}");
            Failure::new(FAILED, what)
        }
        error => Failure::client(error.kind(), &error),
    })
}

/// A folder takes the last part of the name; that part is never `.` or `..`, by the rules for names.
fn destination(name: &str, given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let last = name.rsplit('/').next().unwrap_or(name);
    match given {
        None => Ok(PathBuf::from(last)),
        Some(path) if path.is_dir() => Ok(path.join(last)),
        Some(path) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
            let why = format!("{name} was not read: there is no folder {}; make it first", path.display());
            Err(Failure::new(FAILED, why))
        }
        Some(path) => Ok(path),
    }
}
