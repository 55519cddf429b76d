//! One file per command.

mod clocks;
mod config;
mod cp;
mod demo;
mod dev;
mod discover;
mod doctor;
mod du;
mod find;
mod get;
mod ls;
mod manual;
mod node;
mod nodes;
mod put;
mod queue;
mod remove_node;
mod rm;
mod stat;
mod status;
mod sync;
mod token;
mod up;
mod verify;

use std::sync::Arc;

use gossamer_client::{Client, Config, ConnectError, Info};
use gossamer_proto::name::{self, NameError};
use gossamer_proto::trust::Trust;
use gossamer_world::World;
use serde::Serialize;

use crate::args::{Arguments, Command, Common, Node, NodeAction};
use crate::failure::{FAILED, Failure, INTERRUPTED, REFUSED, USAGE};
use crate::show::progress::Waiting;
use crate::show::size;
use crate::store::folder;
use crate::whereabouts;

/// Runs the command that was typed. Servers end by signals in their own way; everything else stops at Ctrl-C.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { common, command } = arguments;
    match command {
        Command::Up(up) => Box::pin(up::run(&common, up)).await,
        Command::Queue(queue) => Box::pin(queue::run(&common, queue)).await,
        Command::Node(node @ Node { action: None, .. }) => Box::pin(node::run(&common, node)).await,
        Command::Dev(dev) => Box::pin(dev::run(&common, dev)).await,
        command => {
            let interrupted = interrupted(&command);
            tokio::select! {
                ended = Box::pin(run_client(&common, command)) => ended,
                pressed = tokio::signal::ctrl_c() => Err(match pressed {
                    Ok(()) => Failure::new(INTERRUPTED, interrupted),
                    Err(error) => Failure::new(FAILED, format!("Ctrl-C cannot be watched: {error}")),
                }),
            }
        }
    }
}

/// What Ctrl-C means for a command.
fn interrupted(command: &Command) -> &'static str {
    match command {
        Command::Put(put) if !put.tree.recursive && put.paths.len() + usize::from(put.to.is_some()) < 3 => {
            "interrupted; unless its end was near, nothing was stored; the same command goes on where it stopped"
        }
        Command::Put(_) | Command::Sync(_) => "interrupted; the same command goes on where it stopped",
        Command::Get(_) => {
            "interrupted; the same command goes on where it stopped (what has come of a large file is in a hidden .part file)"
        }
        Command::Cp(_) | Command::Mv(_) => {
            "interrupted; what was begun may be done all the same, and the same command does the rest"
        }
        Command::Rm(_) => "interrupted; the files may be removed all the same, see `gossamer ls`",
        Command::Node(_) => "interrupted; the node may be removed all the same, see `gossamer nodes`",
        Command::Config(_) => "interrupted; the setting may be changed all the same, see `gossamer config`",
        _ => "interrupted",
    }
}

async fn run_client(common: &Common, command: Command) -> Result<(), Failure> {
    match command {
        Command::Put(put) => put::run(common, put).await,
        Command::Get(get) => get::run(common, get).await,
        Command::Cat { names } => get::cat(common, names).await,
        Command::Sync(sync) => sync::run(common, sync).await,
        Command::Ls(ls) => ls::run(common, ls).await,
        Command::Du(du) => du::run(common, du).await,
        Command::Find(find) => find::run(common, find).await,
        Command::Stat(stat) => stat::run(common, stat.names).await,
        Command::Cp(cp) => cp::run(common, cp, false).await,
        Command::Mv(mv) => cp::run(common, mv, true).await,
        Command::Rm(rm) => rm::run(common, rm).await,
        Command::Status(status) => status::run(common, status).await,
        Command::Nodes(nodes) => nodes::run(common, nodes).await,
        Command::Doctor(doctor) => doctor::run(common, doctor).await,
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { dir } => manual::pages(dir),
        Command::Config(config) => config::run(common, config).await,
        Command::Node(Node { action: Some(NodeAction::Remove(remove)), .. }) => {
            remove_node::run(common, remove).await
        }
        Command::Verify => verify::run(common).await,
        Command::Demo { file } => demo::run(common, file).await,
        Command::Token { dir } => token::run(dir),
        Command::Discover(discover) => discover::run(common, discover).await,
        Command::Up(_) | Command::Queue(_) | Command::Node(Node { action: None, .. }) | Command::Dev(_) => {
            Ok(())
        }
    }
}

/// A client for the cluster that the options name, or that is on the LAN.
async fn client(common: &Common) -> Result<Client, Failure> {
    let whereabouts::Cluster { queues, trust } = whereabouts::cluster(common).await?;
    client_of(common, queues, trust)
}

/// A client for these queue servers.
fn client_of(common: &Common, queues: Vec<String>, trust: Trust) -> Result<Client, Failure> {
    let progress = Arc::new(Waiting::new(common.quiet));
    let config = Config { trust, patience: common.timeout, progress, ..Config::new(World::real(), queues) };
    Client::new(config).map_err(|error| match error {
        ConnectError::Address(_) => Failure::new(USAGE, format!("--queue: {error}")),
        error => Failure::new(REFUSED, format!("--queue: {error}")),
    })
}

/// The full name of what the user typed.
fn full_name(given: &str) -> Result<String, Failure> {
    name::complete(given).map_err(|error| bad_name(given, &error))
}

/// The same of a file or, with a slash at its end, of a folder or bucket.
fn full_entry(given: &str) -> Result<String, Failure> {
    if !name::is_folder(given) {
        return full_name(given);
    }
    // A bucket has no record, and is no name; what is in it has.
    let checked = if folder::is_bucket(given) { format!("{given}x") } else { given.to_owned() };
    name::check_entry(&checked).map_err(|error| bad_name(given, &error))?;
    Ok(given.to_owned())
}

fn bad_name(given: &str, error: &NameError) -> Failure {
    // An endless name would hide the reason.
    let (shown, rest) = match given.char_indices().nth(NAME_SHOWN) {
        Some((end, _)) => (&given[..end], "…"),
        None => (given, ""),
    };
    Failure::new(USAGE, format!("{shown:?}{rest}: {error}"))
}

/// Characters of a bad name that are repeated in the error.
const NAME_SHOWN: usize = 60;

/// A file in JSON. Fields are only ever added.
#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    size: u64,
    version: u64,
    blake3: String,
    modified: String,
    modified_ms: u64,
    /// When it was last modified where it came from, if that is known.
    source_modified: Option<String>,
    executable: bool,
}

impl<'a> From<&'a Info> for File<'a> {
    fn from(info: &'a Info) -> Self {
        File {
            name: &info.name,
            size: info.size,
            version: info.version,
            blake3: info.blake3.to_string(),
            modified: size::time(info.modified_ms),
            modified_ms: info.modified_ms,
            source_modified: info.attributes.map(|attributes| size::modified(attributes.modified)),
            executable: info.is_executable(),
        }
    }
}
