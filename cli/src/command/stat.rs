//! `gossamer stat NAME…`: what is known of a file or folder, and which nodes hold it.

use gossamer_client::{Client, DescribeError, Holder, Holding, Info, Kind};
use gossamer_proto::name;
use serde::Serialize;

use super::{File, client};
use crate::args::Common;
use crate::failure::{Failure, NOT_FOUND, USAGE, combine};
use crate::show::{self, size, table, width};
use crate::store::folder;

/// Fields are only ever added.
#[derive(Serialize)]
struct Looked<'a> {
    #[serde(flatten)]
    file: File<'a>,
    /// Those that hold all of it.
    nodes: Vec<u64>,
    /// Members of which that cannot be said, and why.
    other_nodes: Vec<Other>,
}

#[derive(Serialize)]
struct Other {
    id: u64,
    holds: &'static str,
}

pub(super) async fn run(common: &Common, names: Vec<String>) -> Result<(), Failure> {
    // All of them, before anybody is asked.
    let entries = names.iter().map(|given| {
        name::complete_entry(given)
            .map_err(|error| Failure::new(USAGE, format!("{:?}: {error}", width::cut(given, 60))))
    });
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let client = client(common).await?;
    let mut failures = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        match look(&client, entry).await {
            Err(failure) => failures.push(failure),
            Ok((info, holders)) if common.json => show::json(&looked(&info, &holders))?,
            Ok((info, holders)) => {
                if at > 0 {
                    show::line("")?;
                }
                let rows: Vec<Vec<String>> = rows(&info, &holders)
                    .into_iter()
                    .map(|(key, value)| vec![key.to_owned(), value])
                    .collect();
                table::lines(&rows, &[]).iter().try_for_each(|line| show::line(line))?;
            }
        }
    }
    combine(&failures)
}

async fn look(client: &Client, entry: &str) -> Result<(Info, Vec<Holder>), Failure> {
    let info = match client.stat(entry).await {
        Ok(info) => info,
        Err(error) => {
            let inside = folder::as_folder(entry);
            if error.kind() == Kind::NotFound && folder::is_there(client, &inside).await? {
                let what = format!(
                    "{entry} is a folder without a record; `gossamer du {inside}` sums up what is in it"
                );
                return Err(Failure::new(NOT_FOUND, what));
            }
            return Err(Failure::client(error.kind(), &error));
        }
    };
    let unknown = |error: DescribeError| Failure::of(format!("stat {entry}"), error.kind(), &error);
    let holders = client.holders(&info).await.map_err(unknown)?;
    Ok((info, holders))
}

fn looked<'a>(info: &'a Info, holders: &[Holder]) -> Looked<'a> {
    let others = holders
        .iter()
        .filter_map(|holder| word(holder.holding).map(|(holds, _)| Other { id: holder.node, holds }));
    Looked { file: File::from(info), nodes: of(holders, Holding::Whole), other_nodes: others.collect() }
}

fn rows(info: &Info, holders: &[Holder]) -> Vec<(&'static str, String)> {
    let mut rows = vec![("name", info.name.clone())];
    if info.is_folder() {
        rows.push(("kind", "folder".to_owned()));
    } else {
        rows.push(("size", file_size(info.size)));
    }
    rows.push(("version", info.version.to_string()));
    if !info.is_folder() {
        rows.push(("blake3", info.blake3.to_string()));
    }
    match info.attributes {
        Some(attributes) => {
            rows.push(("modified", size::modified(attributes.modified)));
            rows.push(("stored", size::time(info.modified_ms)));
            if !info.is_folder() {
                rows.push(("executable", if attributes.executable { "yes" } else { "no" }.to_owned()));
            }
        }
        None => rows.push(("modified", size::time(info.modified_ms))),
    }
    rows.push(("nodes", list(&of(holders, Holding::Whole), holders.len())));
    for holding in [Holding::Partly, Holding::Behind, Holding::Unknown, Holding::Silent] {
        let ids = of(holders, holding);
        if let (Some((_, meaning)), false) = (word(holding), ids.is_empty()) {
            rows.push(("", format!("{} {meaning}", ids_of(&ids))));
        }
    }
    rows
}

/// How a program and how people are told that a node does not, or may not, hold all of it.
fn word(holding: Holding) -> Option<(&'static str, &'static str)> {
    match holding {
        Holding::Whole => None,
        Holding::Partly => Some(("partly", "still fetching some of it")),
        Holding::Behind => Some(("behind", "behind, not there yet")),
        Holding::Unknown => Some(("unknown", "fetching chunks, of this file or of others")),
        Holding::Silent => Some(("silent", "not heard; `gossamer nodes` says since when")),
    }
}

fn of(holders: &[Holder], holding: Holding) -> Vec<u64> {
    holders.iter().filter(|holder| holder.holding == holding).map(|holder| holder.node).collect()
}

fn list(ids: &[u64], members: usize) -> String {
    match ids {
        [] => format!("none of {members} for certain"),
        ids => {
            let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
            format!("{} ({} of {members} hold it)", ids.join(" "), ids.len())
        }
    }
}

fn ids_of(ids: &[u64]) -> String {
    let list: Vec<String> = ids.iter().map(u64::to_string).collect();
    format!("{} {}:", if ids.len() == 1 { "node" } else { "nodes" }, list.join(" "))
}

fn file_size(size: u64) -> String {
    match size {
        1 => "1 byte".to_owned(),
        size @ ..1024 => format!("{size} bytes"),
        size => format!("{} ({size} bytes)", size::bytes(size)),
    }
}
