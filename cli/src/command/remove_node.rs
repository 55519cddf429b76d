//! `gossamer node remove ID`

use std::io::{IsTerminal, Write};

use gossamer_client::{Client, Removal};
use serde::Serialize;

use super::client;
use crate::args::{Common, RemoveNode};
use crate::failure::{FAILED, Failure, USAGE};
use crate::show;

/// Fields are only ever added.
#[derive(Serialize)]
struct Removed {
    id: u64,
    removed: bool,
    /// It had been removed before.
    already: bool,
}

pub(super) async fn run(common: &Common, args: RemoveNode) -> Result<(), Failure> {
    let client = client(common).await?;
    let removal = match remove(&client, args.id, args.yes).await? {
        Removal::FewerVoters { now, then } => {
            agreed(args.id, now, then).await?;
            remove(&client, args.id, true).await?
        }
        done => done,
    };
    let Removal::Done { before } = removal else {
        return Err(Failure::new(FAILED, format!("node {} was not removed, although agreed to", args.id)));
    };
    if common.json {
        return show::json(&Removed { id: args.id, removed: true, already: before });
    }
    show::line(&match before {
        true => format!("node {} had been removed before", args.id),
        false => format!("node {} is removed; its folder is not let in again", args.id),
    })
}

async fn remove(client: &Client, id: u64, fewer_voters: bool) -> Result<Removal, Failure> {
    client.remove_node(id, fewer_voters).await.map_err(|error| Failure::client(error.kind(), &error))
}

/// Asks whoever sits at the terminal.
async fn agreed(id: u64, now: u64, then: u64) -> Result<(), Failure> {
    let meaning = meaning(id, now, then);
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::new(
            USAGE,
            format!("{meaning}. Nothing was done; --yes removes it all the same"),
        ));
    }
    eprint!("{meaning}. Remove it? [y/N] ");
    // What cannot be written to a terminal cannot be answered there either.
    let _ = std::io::stderr().flush();
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let answer = answer.await.map_err(|error| Failure::new(FAILED, error))?;
    let answer = answer.map_err(|error| Failure::new(FAILED, format!("standard input: {error}")))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::new(FAILED, "nothing was done")),
    }
}

/// What fewer voters mean.
fn meaning(id: u64, now: u64, then: u64) -> String {
    let may_fail = |voters: u64| match voters.saturating_sub(1) / 2 {
        0 => "none may fail".to_owned(),
        1 => "one may fail".to_owned(),
        more => format!("{more} may fail"),
    };
    format!(
        "no other node is ready to take the place of node {id}: {then} instead of {now} nodes would vote, and of those {} \
         ({} now) without stopping the cluster",
        may_fail(then),
        may_fail(now)
    )
}
