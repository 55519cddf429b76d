//! `gossamer stat NAME…`

use super::{File, client, full_name};
use crate::args::Common;
use crate::failure::{Failure, combine};
use crate::show::{self, size, table};

pub(super) async fn run(common: &Common, names: Vec<String>) -> Result<(), Failure> {
    let client = client(common).await?;
    let mut failures = Vec::new();
    for given in names {
        let name = full_name(&given)?;
        match client.stat(&name).await {
            Err(error) => failures.push(Failure::client(error.kind(), &error)),
            Ok(info) if common.json => show::json(&File::from(&info))?,
            Ok(info) => {
                let size = match info.size {
                    1 => "1 byte".to_owned(),
                    size @ ..1024 => format!("{size} bytes"),
                    size => format!("{} ({size} bytes)", size::bytes(size)),
                };
                let rows = [
                    ("name", info.name.clone()),
                    ("size", size),
                    ("version", info.version.to_string()),
                    ("blake3", info.blake3.to_string()),
                    ("modified", size::time(info.modified_ms)),
                ];
                let rows: Vec<Vec<String>> =
                    rows.into_iter().map(|(key, value)| vec![key.to_owned(), value]).collect();
                table::lines(&rows, &[]).iter().try_for_each(|line| show::line(line))?;
            }
        }
    }
    combine(&failures)
}
