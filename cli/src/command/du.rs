//! `gossamer du [PREFIX]`: how much there is in each bucket, or in each folder of one; one pass over all names.

use gossamer_client::Client;
use serde::Serialize;

use super::client;
use crate::args::{Common, Du};
use crate::failure::Failure;
use crate::listing::Listing;
use crate::show::output::Output;
use crate::show::size;
use crate::store::folder::{self, Place};
use crate::store::prefix;
use crate::store::sum::Sum;

/// Letters of `10,000,000 files`.
const FILES: usize = 16;

/// A line in JSON.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    size: u64,
    files: u64,
}

pub(super) async fn run(common: &Common, du: Du) -> Result<(), Failure> {
    let prefix = prefix::complete(du.prefix.as_deref())?;
    let client = client(common).await?;
    let prefix = prefix::enter(&client, prefix).await?;
    let mut lines = Lines { out: Output::new(), json: common.json, bytes: du.bytes };
    match sum_up(&client, &prefix, &mut lines).await? {
        true => Ok(()),
        false => prefix::say_nothing(common, &client, &prefix).await,
    }
}

/// Writes all lines; whether there was anything.
async fn sum_up(client: &Client, prefix: &str, lines: &mut Lines) -> Result<bool, Failure> {
    let (mut listing, own) = (Listing::new(client, prefix), folder::own_part(prefix));
    let (mut found, mut total) = (false, Sum::default());
    // All names of one folder come one after the other.
    let mut current: Option<(String, Sum)> = None;
    while let Some(info) = listing.next().await? {
        found = true;
        total = total + Sum::of(&info);
        match (&mut current, folder::entry(&info.name, own)) {
            (_, None) => {}
            (Some((name, sum)), Some(entry)) if name == entry => *sum = *sum + Sum::of(&info),
            (_, Some(entry)) => {
                lines.end(current.take())?;
                current = Some((entry.to_owned(), Sum::of(&info)));
            }
        }
        if listing.is_page_done() {
            lines.out.flush()?;
        }
    }
    lines.end(current)?;
    lines.line(Place::Total(prefix), total, "total")?;
    lines.out.flush()?;
    Ok(found)
}

/// Size, files and name below each other.
struct Lines {
    out: Output,
    json: bool,
    bytes: bool,
}

impl Lines {
    /// Of the folder or file that was summed up, if there is one.
    fn end(&mut self, summed: Option<(String, Sum)>) -> Result<(), Failure> {
        summed.map_or(Ok(()), |(name, sum)| self.line(Place::of(&name), sum, &name))
    }

    fn line(&mut self, place: Place<'_>, sum: Sum, name: &str) -> Result<(), Failure> {
        let Sum { files, bytes: size } = sum;
        if self.json {
            return self.out.json(&Line { place, size, files });
        }
        let (width, size) = (size::width(self.bytes), size::of(size, self.bytes));
        // The figures line up although one of a thing has no s.
        let files = size::files(files) + if files == 1 { " " } else { "" };
        self.out.line(&format!("{size:>width$}  {files:>FILES$}  {name}"))
    }
}
