//! What may be typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};

/// A file store that a few machines on a LAN make of themselves.
#[derive(Parser, Debug)]
#[command(name = "gossamer", version, about, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "Try it: `gossamer dev` in one terminal, `gossamer put FILE` in another.\n\
Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 condition not met, 5 no cluster or no quorum, \
6 refused, 130 Ctrl-C.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command. Help shows them below a command's own.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Common {
    /// Queue server to talk to (may be given several times); default: found on the LAN by the token, without one
    /// 127.0.0.1:4068
    #[arg(
        long,
        global = true,
        env = "GOSSAMER_QUEUE",
        hide_env_values = true,
        value_name = "ADDR",
        value_delimiter = ','
    )]
    pub(crate) queue: Vec<String>,

    /// The cluster's token; better in a file or in GOSSAMER_TOKEN, as others on this machine see command lines
    #[arg(long, global = true, env = "GOSSAMER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,

    /// A file with the cluster's token; default: the one that `gossamer up` keeps in its folder
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Without a token: allow addresses other than loopback although nothing is proven or encrypted
    #[arg(long, global = true, env = "GOSSAMER_INSECURE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) insecure: bool,

    /// One JSON object per line on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Give up after this long without progress, e.g. 30s or 2m
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) timeout: Duration,

    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more (twice: much more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Store a file
    #[command(
        after_help = "Examples:\n  gossamer put photo.jpg\n  gossamer put photo.jpg trips/2026/rome.jpg\n  \
        tar c src | gossamer put - backup/src.tar\n  gossamer put --if-absent lock locks/build\n\n\
        A NAME with a slash begins with its bucket; without one it is in bucket `files`.\n\
        Interrupted? The same command goes on where it stopped."
    )]
    Put(Put),
    /// Fetch a file
    #[command(
        after_help = "Examples:\n  gossamer get photo.jpg\n  gossamer get trips/2026/rome.jpg /tmp/\n  \
        gossamer get backup/src.tar - | tar x"
    )]
    Get(Get),
    /// Write files to standard output
    #[command(after_help = "Example:\n  gossamer cat notes.txt | less")]
    Cat {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// List files
    #[command(
        after_help = "Examples:\n  gossamer ls\n  gossamer ls trips/2026/\n  gossamer ls --json | jq .size\n\n\
        A PREFIX with a slash begins with the bucket; without one it is looked for in bucket `files`."
    )]
    Ls {
        /// Only names that begin so
        prefix: Option<String>,
    },
    /// Show what is known of a file
    #[command(after_help = "Example:\n  gossamer stat photo.jpg")]
    Stat {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Remove files
    #[command(after_help = "Example:\n  gossamer rm photo.jpg trips/2026/rome.jpg")]
    Rm(Rm),
    /// Is everything fine? Leader, voters, how many more machines may fail
    #[command(
        after_help = "Examples:\n  gossamer status\n  gossamer status --wait 3   (returns when 3 voters are ready)"
    )]
    Status {
        /// Wait until this many voters are ready
        #[arg(long, value_name = "N")]
        wait: Option<usize>,
    },
    /// Show every node
    #[command(after_help = "Example:\n  gossamer nodes")]
    Nodes,
    /// Compare the catalogues of all nodes and re-read every chunk from disk
    #[command(
        after_help = "Example:\n  gossamer verify\n\nExit code 1 names the node and the chunk; what is bad is \
        healed from the other nodes."
    )]
    Verify,
    /// Make this machine part of a cluster: queue server and node in one process
    #[command(
        after_help = "Examples:\n  gossamer up                    (the first machine: founds a cluster, prints the line for \
        the others)\n  gossamer up --token TOKEN      (every other machine, once)\n  gossamer up                    \
        (afterwards, on all of them)\n\nWith a token nothing is ever founded. The machines find each other by broadcast; \
        across routers say --queue ADDR.\nPorts: TCP 4068 (queue server), 4069 (metrics), 4168 and 4169 (node); UDP 8888 \
        (discovery)."
    )]
    Up(Up),
    /// Print the token: what other machines and clients need
    #[command(after_help = "Example:\n  gossamer token > lab.token; scp lab.token other-machine:\n  \
        gossamer up --token-file lab.token    (there)")]
    Token {
        /// The folder of `gossamer up`; default /var/lib/gossamer as root, else ~/.local/share/gossamer
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Show which queue servers are on this LAN
    #[command(
        after_help = "Examples:\n  gossamer discover\n  gossamer discover --explain    (what was sent where, who \
        answered, what was ignored and why)\n\nWithout a token it shows which clusters are there, without any proof."
    )]
    Discover(Discover),
    /// Run a queue server: the door of the cluster
    #[command(after_help = "Example:\n  gossamer queue --cluster lab --dir /var/lib/gossamer/queue-server")]
    Queue(Queue),
    /// Show and change settings of the whole cluster
    #[command(
        disable_help_subcommand = true,
        after_help = "Examples:\n  gossamer config\n  gossamer config get voters\n  gossamer config set voters 3\n  \
        gossamer config set replace-after 90s\n\n\
        `voters`: how many nodes vote, 1, 3, 5 or 7. `replace-after`: how long one of them may be silent before another \
        takes its place. Settings are kept by the cluster itself and hold for every node from then on."
    )]
    Config(Config),
    /// Run a node: stores everything, votes, serves reads; or remove one
    #[command(
        disable_help_subcommand = true,
        args_conflicts_with_subcommands = true,
        override_usage = "gossamer node [OPTIONS]\n       gossamer node remove ID",
        after_help = "Examples:\n  gossamer node --queue 127.0.0.1:4068 --dir /srv/gossamer\n  gossamer node remove 5\n\n\
        Without a subcommand it runs a node."
    )]
    Node(Node),
    /// Run a whole cluster in this terminal, on loopback, to try things out
    #[command(after_help = "Example:\n  gossamer dev --nodes 3")]
    Dev(Dev),
    /// Show that it works: real processes, a killed leader, every byte compared
    #[command(after_help = "Example:\n  gossamer demo\n  gossamer demo some-large-file.iso")]
    Demo {
        /// The large file; default: 256 MiB made for the purpose
        file: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Put {
    /// The file; `-` is standard input
    pub(crate) path: PathBuf,
    /// Its name in the store; default: the file's own name
    pub(crate) name: Option<String>,
    /// Only if there is no file of this name
    #[arg(long, conflicts_with = "if_version")]
    pub(crate) if_absent: bool,
    /// Only if the file has this version
    #[arg(long, value_name = "N")]
    pub(crate) if_version: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Get {
    /// Its name
    pub(crate) name: String,
    /// Where to: a file, a folder, or `-` for standard output; default: the last part of the name, here
    pub(crate) path: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Rm {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
    /// Only if the file has this version
    #[arg(long, value_name = "N")]
    pub(crate) if_version: Option<u64>,
}

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
pub(crate) struct Discover {
    /// Show every datagram: what was sent where, who answered, what was ignored and why
    #[arg(long)]
    pub(crate) explain: bool,
    /// How long to listen
    #[arg(long = "for", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) time: Duration,
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
        after_help = "Examples:\n  gossamer config set voters 3\n  gossamer config set replace-after 5m"
    )]
    Set {
        /// Its name
        key: String,
        /// Its value: a number, or a time such as 90s or 5m
        value: String,
    },
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

/// `30`, `30s`, `2m`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s or 2m")),
    }
}
