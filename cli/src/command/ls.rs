//! `gossamer ls [PREFIX]`: the buckets, one folder, or with -r everything; page after page, so that memory stays bounded.

use gossamer_client::{Client, Info};

use super::{File, client};
use crate::args::{Common, Ls};
use crate::failure::Failure;
use crate::show::output::Output;
use crate::show::size;
use crate::store::folder::Place;
use crate::store::level::{Entry, Level};
use crate::store::prefix;
use crate::store::shown::Shown;

/// Letters of a time.
const TIME: usize = 20;

pub(super) async fn run(common: &Common, ls: Ls) -> Result<(), Failure> {
    let prefix = prefix::complete(ls.prefix.as_deref())?;
    let client = client(common).await?;
    let prefix = prefix::enter(&client, prefix).await?;
    let mut lines = Lines { out: Output::new(), json: common.json, bytes: ls.bytes };
    let found = match ls.recursive {
        true => everything(&client, &prefix, &mut lines).await?,
        false => one_level(&client, &prefix, &mut lines).await?,
    };
    lines.out.flush()?;
    if found { Ok(()) } else { prefix::say_nothing(common, &client, &prefix).await }
}

async fn everything(client: &Client, prefix: &str, lines: &mut Lines) -> Result<bool, Failure> {
    let (mut shown, mut found) = (Shown::new(client, prefix), false);
    while let Some(info) = shown.next().await? {
        found = true;
        match info.is_folder() {
            true => lines.folder(&info.name, &size::modified_short(info.modified()))?,
            false => lines.file(&info)?,
        }
        if shown.is_page_done() {
            lines.out.flush()?;
        }
    }
    Ok(found)
}

async fn one_level(client: &Client, prefix: &str, lines: &mut Lines) -> Result<bool, Failure> {
    let mut level = Level::new(client, prefix);
    while let Some(entry) = level.next().await? {
        match entry {
            Entry::File(info) => lines.file(&info)?,
            Entry::Folder(name, modified) => {
                lines.folder(&name, &modified.map_or_else(String::new, size::modified_short))?
            }
        }
        if level.is_page_done() {
            lines.out.flush()?;
        }
    }
    Ok(level.found())
}

/// Size, time and name below each other.
struct Lines {
    out: Output,
    json: bool,
    bytes: bool,
}

impl Lines {
    fn file(&mut self, info: &Info) -> Result<(), Failure> {
        if self.json {
            return self.out.json(&File::from(info));
        }
        let (size, time) = (size::of(info.size, self.bytes), size::modified_short(info.modified()));
        self.columns(&size, &time, &info.name)
    }

    /// Of a bucket there is nothing but its name.
    fn folder(&mut self, name: &str, time: &str) -> Result<(), Failure> {
        match Place::of(name) {
            place if self.json => self.out.json(&place),
            Place::Bucket(_) => self.out.line(name),
            _ => self.columns("", time, name),
        }
    }

    fn columns(&mut self, size: &str, time: &str, name: &str) -> Result<(), Failure> {
        let width = size::width(self.bytes);
        self.out.line(&format!("{size:>width$}  {time:TIME$}  {name}"))
    }
}
