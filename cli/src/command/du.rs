//! `gossamer du [PREFIX]`: how much there is in each bucket, or in each folder of one; one pass over all names.

use serde::Serialize;

use super::client;
use crate::args::{Common, Du};
use crate::failure::Failure;
use crate::listing::Listing;
use crate::show::output::Output;
use crate::show::size;
use crate::store::folder::Place;
use crate::store::prefix;
use crate::store::sum::Sum;

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
    let mut listing = Listing::new(&client, &prefix);
    let own = prefix.rfind('/').map_or(0, |at| at + 1);
    let (mut found, mut total) = (false, Sum::default());
    // All names of one folder come one after the other.
    let mut current: Option<(String, Sum)> = None;
    while let Some(info) = listing.next().await? {
        found = true;
        let end = info.name[own..].find('/').map_or(info.name.len(), |end| own + end + 1);
        // Nothing is left of the folder's own record.
        if end > own && current.as_ref().is_none_or(|(name, _)| *name != info.name[..end]) {
            lines.end(&mut current, &mut total)?;
            current = Some((info.name[..end].to_owned(), Sum::default()));
        }
        if let Some((_, sum)) = &mut current {
            sum.add(&info);
        }
        if listing.is_page_done() {
            lines.out.flush()?;
        }
    }
    lines.end(&mut current, &mut total)?;
    lines.line(Place::Total(&prefix), total, "total")?;
    lines.out.flush()?;
    if found { Ok(()) } else { prefix::say_nothing(common, &client, &prefix).await }
}

/// Size, files and name below each other.
struct Lines {
    out: Output,
    json: bool,
    bytes: bool,
}

impl Lines {
    /// Writes the line of what was summed up, which counts in the total.
    fn end(&mut self, current: &mut Option<(String, Sum)>, total: &mut Sum) -> Result<(), Failure> {
        let Some((name, sum)) = current.take() else { return Ok(()) };
        total.join(sum);
        self.line(Place::of(&name), sum, &name)
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

/// Letters of `10,000,000 files`.
const FILES: usize = 16;
