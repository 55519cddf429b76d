//! Commands that run a part of the cluster.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::duration;

#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Its folder; default /var/lib/gossamer as root, else ~/.local/share/gossamer
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Name of the cluster, if this is its first machine
    #[arg(long, value_name = "NAME", default_value = "gossamer")]
    pub(crate) cluster: String,
    /// The queue server's address
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:4068")]
    pub(crate) listen: SocketAddr,
    /// /healthz and /metrics; default: the same host, the next port
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
    /// The node's gRPC; default 0.0.0.0:4168, else the next free port
    #[arg(long, value_name = "ADDR")]
    pub(crate) node_listen: Option<SocketAddr>,
    /// The node's bytes; default the port after --node-listen's, else the next free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) node_data: Option<SocketAddr>,
    /// Host under which others reach this machine; default: found out, and again whenever the network changes
    #[arg(long, value_name = "HOST")]
    pub(crate) advertise: Option<String>,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
}

#[derive(Args, Debug)]
pub(crate) struct Queue {
    /// Name of the cluster, if this queue server is the first
    #[arg(long, value_name = "NAME", default_value = "gossamer")]
    pub(crate) cluster: String,
    /// Its folder; default /var/lib/gossamer/queue-server as root, else ~/.local/share/gossamer/queue-server
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Where clients and nodes come in; default 0.0.0.0:4068, without token and --insecure 127.0.0.1:4068
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// /healthz and /metrics; default: the same host, the next port
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum NodeAction {
    /// Remove a node from the cluster for ever
    #[command(after_help = "Examples:\n  gossamer node remove 5\n  gossamer node remove 5 --yes\n\n\
        A node that votes is replaced by one that does not yet. If there is none, fewer nodes vote from then on: that \
        has to be agreed to.\n\
        The node's folder is not let in again; with an empty folder the machine comes back as a new node.")]
    Remove(RemoveNode),
}

#[derive(Args, Debug)]
pub(crate) struct RemoveNode {
    /// The node, as `gossamer nodes` prints it
    pub(crate) id: u64,
    /// Also if fewer nodes vote from then on
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Node {
    #[command(subcommand)]
    pub(crate) action: Option<NodeAction>,
    /// Its folder; default /var/lib/gossamer as root, else ~/.local/share/gossamer
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// gRPC; default 0.0.0.0:4168 (without token and --insecure 127.0.0.1:4168), else the next free port
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Bytes; default the port after --listen's, else the next free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) data: Option<SocketAddr>,
    /// Host under which others reach this node; default: the address it listens on
    #[arg(long, value_name = "HOST")]
    pub(crate) advertise: Option<String>,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
}

/// Rarely needed options stand apart.
const TUNING: &str = "Tuning";

/// What tests and unusual machines change.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Tuning {
    /// Disk space kept for the log, the catalogue and deletes, MiB
    #[arg(long, value_name = "MIB", help_heading = TUNING)]
    pub(crate) reserve: Option<u64>,
    /// How often chunks that no file names may be freed
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = TUNING)]
    pub(crate) collect_every: Option<Duration>,
    /// Log entries after which a snapshot is built
    #[arg(long, value_name = "N", help_heading = TUNING)]
    pub(crate) snapshot_entries: Option<u64>,
    /// Log entries kept behind a snapshot
    #[arg(long, value_name = "N", help_heading = TUNING)]
    pub(crate) keep_entries: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Dev {
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub(crate) nodes: u16,
    /// Keep the files here; default: a temporary folder, removed at the end
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
