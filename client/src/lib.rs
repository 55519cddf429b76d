//! The client library of Gossamer: everything outside the cluster, the command line included, uses it.
//!
//! # Layout
//! - [`Client`], [`Config`]: the entry; one file for each thing a client does: [`put`], [`get`], `stat`, `holders`, `list`, `copy`,
//!   `delete`, `describe`, [`verify`], `settings`, `remove_node`
//! - [`source`], [`sink`]: where content comes from and goes to; [`progress`]: how far it is
//! - `ask`, `retry`, `door`, `operation`: a task through a queue server, again and again, done once
//! - `http`: what uploads and reads share at a node's data port
//! - [`kind`]: what an error means to a program
//!
//! # Invariants
//! - A change is named once ([`gossamer_proto::v1::Operation`]) and sent as often as need be under that name: it is
//!   applied once. A new name is never given to a change whose outcome is in doubt.
//! - Nothing reaches a sink unchecked: every chunk is compared with its hash as it arrives.
//! - A get is of one version from the first byte to the last.
//! - At most about 96 MiB are in memory for one operation, whatever the size; and 32 bytes for each MiB of a put.
//!
//! # What it does not guarantee
//! - An error of kind [`Kind::Unknown`] means what it says.
//! - A change of a source file that keeps its size and its modification time goes unnoticed.

mod ask;
mod attributes;
mod config;
mod copy;
mod delete;
mod describe;
mod door;
pub mod get;
mod holders;
mod http;
mod info;
pub mod kind;
mod list;
mod operation;
pub mod progress;
pub mod put;
mod remove_node;
mod retry;
mod settings;
pub mod sink;
pub mod source;
mod stat;
pub mod verify;

use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::channel::Channels;
use gossamer_world::World;

pub use attributes::{Attributes, Modified};
pub use config::Config;
pub use copy::CopyError;
pub use delete::DeleteError;
pub use describe::DescribeError;
pub use get::{GetError, Got};
pub use gossamer_proto::channel::ConnectError;
pub use holders::{Holder, Holding};
pub use info::{Condition, Info};
pub use kind::Kind;
pub use list::ListError;
pub use progress::{Progress, Silent};
pub use put::{PutError, PutOptions, Stored};
pub use remove_node::{Removal, RemoveNodeError};
pub use retry::AskError;
pub use settings::{SettingInfo, SettingsError};
pub use sink::{BytesSink, FileSink, Held, Sink, StreamSink};
pub use source::{BytesSource, FileSource, Source, SourceError, StreamSource};
pub use stat::StatError;
pub use verify::{MarkError, NodeVerify, VerifyError, VerifyReport};

/// A client of one cluster. Cheap to clone; clones share connections and the session.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    world: World,
    channels: Channels,
    door: door::Door,
    operations: operation::Operations,
    patience: Duration,
    progress: Arc<dyn Progress>,
    duplicates: bool,
}

impl Client {
    /// A client that connects when first used. Must be called within a tokio runtime. Fails only for addresses that
    /// are none or not allowed.
    pub fn new(config: Config) -> Result<Client, ConnectError> {
        let Config { world, mut queues, trust, patience, progress, duplicates } = config;
        if queues.is_empty() {
            queues.push(Config::DEFAULT_QUEUE.to_owned());
        }
        let channels = Channels::new(&world, trust);
        let door = door::Door::new(&channels, &queues)?;
        let operations = operation::Operations::new(&world);
        Ok(Client(Arc::new(Inner { world, channels, door, operations, patience, progress, duplicates })))
    }
}
