//! `gossamer get NAME [PATH]` and `gossamer cat NAME…`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use gossamer_client::{Client, FileSink, GetError, Got, StreamSink};
use gossamer_world::World;

use super::{File, client, full_name};
use crate::args::{Common, Get};
use crate::failure::{FAILED, Failure};
use crate::show;
use crate::show::progress::Bar;

pub(super) async fn run(common: &Common, get: Get) -> Result<(), Failure> {
    let name = full_name(&get.names[0])?;
    let client = client(common).await?;
    if get.to.as_deref() == Some(Path::new("-")) {
        return to_standard_output(&client, &name, common).await.map(|_| ());
    }
    let path = destination(&name, get.to)?;
    let mut sink = FileSink::new(&World::real(), &path)
        .map_err(|error| Failure::new(FAILED, format!("get {name} to {}: {error}", path.display())))?;
    let bar = Bar::new(&name, common.quiet);
    let got = client.get(&name, &mut sink, &bar).await;
    drop(bar);
    let info = got.map_err(|error| Failure::client(error.kind(), &error))?;
    if common.json { show::json(&File::from(&info.info)) } else { show::line(&path.display().to_string()) }
}

pub(super) async fn cat(common: &Common, names: Vec<String>) -> Result<(), Failure> {
    let client = client(common).await?;
    for name in names {
        to_standard_output(&client, &full_name(&name)?, common).await?;
    }
    Ok(())
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
