//! `gossamer cp NAME… NAME` and `gossamer mv`: within the store, where no byte moves.
//!
//! - [`item`]: what was typed, and where it goes
//! - [`check`]: what is refused before anything is done

mod check;
mod item;

use std::cell::Cell;

use gossamer_client::{Client, Condition, DeleteError};
use gossamer_proto::name;
use serde::Serialize;

use self::item::Item;
use super::client;
use crate::args::{Common, Cp};
use crate::failure::{Failure, NOT_FOUND};
use crate::listing::Listing;
use crate::many::{Failures, SIDE_BY_SIDE, many};
use crate::show::output::Output;
use crate::show::progress::Bar;
use crate::show::{self, size};
use crate::store::folder;
use crate::store::sum::Sum;

/// Names in memory at a time.
const AT_A_TIME: usize = 4_000;

#[derive(Serialize)]
struct Copied<'a> {
    name: &'a str,
    from: &'a str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

/// Copies or, with `remove`, moves.
pub(super) async fn run(common: &Common, cp: Cp, remove: bool) -> Result<(), Failure> {
    let typed = item::typed(&cp)?;
    let client = client(common).await?;
    let looking = Bar::looking(common.quiet);
    let mut failures = Failures::default();
    let items = found(&client, &typed, cp.recursive, &mut failures).await?;
    let sum = check::check(&client, &items).await?;
    drop(looking);
    let bar = Bar::of_files(sum.files, common.quiet);
    let done = Cell::default();
    let copying = Copying { common, client: &client, bar, remove, if_absent: cp.if_absent, done };
    if cp.dry_run {
        copying.would(&items).await?;
    } else if let ([file @ Item::File { .. }], true) = (&items[..], typed.sources.len() == 1) {
        // One thing was asked for: its failure is the command's.
        return copying.one(file.single(), true).await;
    } else {
        copying.all(&items, &mut failures).await;
    }
    copying.end(&items, cp.dry_run, failures)
}

/// What there is of what was typed. If there is nothing of the only thing, that is the command's failure.
async fn found(
    client: &Client,
    typed: &item::Typed,
    recursive: bool,
    failures: &mut Failures,
) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for source in &typed.sources {
        match item::find(client, source, &typed.target, recursive).await {
            Ok(item) => items.push(item),
            Err(failure) if typed.sources.len() > 1 && failure.code == NOT_FOUND => failures.add(failure),
            Err(failure) => return Err(failure),
        }
    }
    Ok(items)
}

/// One name and what it becomes.
struct Pair {
    from: String,
    to: String,
    size: u64,
}

struct Copying<'a> {
    common: &'a Common,
    client: &'a Client,
    bar: Bar,
    remove: bool,
    if_absent: bool,
    done: Cell<Sum>,
}

impl Copying<'_> {
    /// Everything, files that were named first; failures are kept, and the rest goes on.
    async fn all(&self, items: &[Item], failures: &mut Failures) {
        let files = items.iter().filter(|item| matches!(item, Item::File { .. })).map(Item::single);
        many(files, SIDE_BY_SIDE, failures, |pair| self.one(pair, true)).await;
        for item in items {
            if let Item::Folder { from, to } = item
                && let Err(failure) = self.folder(from, to, failures).await
            {
                failures.add(failure);
            }
        }
    }

    /// Page after page; the files of a page side by side.
    async fn folder(&self, from: &str, to: &str, failures: &mut Failures) -> Result<(), Failure> {
        let mut listing = Listing::new(self.client, from);
        while !failures.is_final() {
            let page = listing.several(AT_A_TIME).await?;
            if page.is_empty() {
                break;
            }
            let pairs = page.into_iter().map(|info| {
                let to = format!("{to}{}", &info.name[from.len()..]);
                Pair { from: info.name, to, size: info.size }
            });
            many(pairs, SIDE_BY_SIDE, failures, |pair| self.one(pair, self.common.verbose > 0)).await;
        }
        Ok(())
    }

    /// One file, or a folder's own record.
    async fn one(&self, pair: Pair, shown: bool) -> Result<(), Failure> {
        let Pair { from, to, size } = &pair;
        if folder::is_bucket(to) {
            return self.to_bucket(from).await;
        }
        let is_folder = name::is_folder(to);
        // A folder that is there already is as good.
        let condition = (self.if_absent && !is_folder).then_some(Condition::IfAbsent);
        let copied = match self.remove {
            true => self.client.rename(from, to, condition).await,
            false => self.client.copy(from, to, condition).await,
        };
        let version = copied.map_err(|error| Failure::client(error.kind(), &error))?;
        if is_folder {
            return Ok(());
        }
        self.done.update(|done| done + Sum::file(*size));
        self.bar.step();
        let printed = self.bar.suspend(|| match (self.common.json, shown) {
            (true, _) => show::json(&Copied { name: to, from, size: *size, version: Some(version) }),
            (false, true) => show::line(to),
            (false, false) => Ok(()),
        });
        show::unless_closed(printed)
    }

    /// A bucket has no record that a folder's could become.
    async fn to_bucket(&self, from: &str) -> Result<(), Failure> {
        if !self.remove {
            return Ok(());
        }
        match self.client.delete(from, None).await {
            Ok(_) | Err(DeleteError::NotFound(_)) => Ok(()),
            Err(error) => Err(Failure::client(error.kind(), &error)),
        }
    }

    /// Prints what would become what.
    async fn would(&self, items: &[Item]) -> Result<(), Failure> {
        let mut out = Output::new();
        for item in items {
            if let Item::File { .. } = item {
                self.would_be(&mut out, &item.single())?;
            }
            let Item::Folder { from, to } = item else { continue };
            let mut listing = Listing::new(self.client, from);
            while let Some(info) = listing.next().await? {
                if !info.is_folder() {
                    let to = format!("{to}{}", &info.name[from.len()..]);
                    self.would_be(&mut out, &Pair { from: info.name, to, size: info.size })?;
                }
            }
        }
        out.flush()
    }

    fn would_be(&self, out: &mut Output, pair: &Pair) -> Result<(), Failure> {
        let Pair { from, to, size } = pair;
        self.done.update(|done| done + Sum::file(*size));
        match self.common.json {
            true => out.json(&Copied { name: to, from, size: *size, version: None }),
            false => out.line(&format!("{from} -> {to}")),
        }
    }

    /// One line on what was done, if it was more than was named, and all failures.
    fn end(self, items: &[Item], dry_run: bool, failures: Failures) -> Result<(), Failure> {
        let Copying { bar, done, remove, common, .. } = self;
        drop(bar);
        let Sum { files, bytes } = done.get();
        let did = match (dry_run, remove) {
            (true, true) => "would move",
            (true, false) => "would copy",
            (false, true) => "moved",
            (false, false) => "copied",
        };
        let done = format!("{did} {}, {}", size::files(files), size::bytes(bytes));
        let many = items.iter().any(|item| matches!(item, Item::Folder { .. }));
        if failures.count() == 0 && !common.quiet && (many || dry_run) {
            eprintln!("gossamer: {done}");
        }
        failures.end(&done)
    }
}
