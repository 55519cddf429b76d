//! Commands that look at the cluster, or change it as a whole.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::duration;

#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Wait until this many voters are ready
    #[arg(long, value_name = "N")]
    pub(crate) wait: Option<usize>,
    /// Exact sizes, in bytes
    #[arg(long)]
    pub(crate) bytes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Nodes {
    /// Exact sizes, in bytes
    #[arg(long)]
    pub(crate) bytes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// The folder of `gossamer up`; default /var/lib/gossamer as root, else ~/.local/share/gossamer
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Discover {
    /// Show every datagram: what was sent where, who answered, what was ignored and why
    #[arg(long)]
    pub(crate) explain: bool,
    /// How long to listen
    #[arg(long = "for", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) time: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) action: Option<ConfigAction>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ConfigAction {
    /// Show one setting's value
    #[command(after_help = "Example:\n  gossamer config get replace-after")]
    Get {
        /// Its name
        key: String,
    },
    /// Change one setting
    #[command(
        after_help = "Examples:\n  gossamer config set voters 3\n  gossamer config set replace-after 5m\n  gossamer config set scrub-rate 50MiB"
    )]
    Set {
        /// Its name
        key: String,
        /// Its value: a number, or a time such as 90s or 5m
        value: String,
    },
}
