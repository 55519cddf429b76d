//! `gossamer ls [PREFIX]`: page after page, so that memory stays bounded.

use gossamer_proto::limits::LIST_PAGE;
use gossamer_proto::name::{self, DEFAULT_BUCKET};

use super::{File, client};
use crate::args::{Common, Ls};
use crate::failure::{Failure, USAGE};
use crate::show::{self, size, table};

pub(super) async fn run(common: &Common, ls: Ls) -> Result<(), Failure> {
    let prefix = match ls.prefix {
        None => String::new(),
        Some(prefix) if prefix.contains('/') || prefix.is_empty() => prefix,
        Some(prefix) => format!("{DEFAULT_BUCKET}/{prefix}"),
    };
    name::check_prefix(&prefix).map_err(|error| Failure::new(USAGE, format!("{prefix:?}: {error}")))?;
    let client = client(common).await?;
    let mut after = String::new();
    loop {
        let page = client.list(&prefix, &after, LIST_PAGE).await;
        let (files, more) = page.map_err(|error| Failure::client(error.kind(), &error))?;
        if common.json {
            files.iter().try_for_each(|info| show::json(&File::from(info)))?;
        } else {
            let row = |info: &gossamer_client::Info| {
                vec![size::bytes(info.size), size::time_short(info.modified_ms), info.name.clone()]
            };
            let rows: Vec<Vec<String>> = files.iter().map(row).collect();
            table::lines(&rows, &[0]).iter().try_for_each(|line| show::line(line))?;
        }
        match files.last() {
            Some(last) if more => after.clone_from(&last.name),
            _ => return Ok(()),
        }
    }
}
