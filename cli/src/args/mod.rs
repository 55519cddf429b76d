//! What may be typed: here what is common to all, in a file each the commands about files, about the cluster, and those
//! that run a part of it.

mod cluster;
mod files;
mod servers;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use cluster::{Config, ConfigAction, Discover, Doctor, Nodes, Status};
pub(crate) use files::{Choice, Cp, Du, Find, Get, Ls, Put, Rm, Stat, Sync};
pub(crate) use servers::{Dev, Node, NodeAction, Queue, RemoveNode, Tuning, Up};

/// A file store that a few machines on a LAN make of themselves.
#[derive(Parser, Debug)]
#[command(name = "gossamer", version, about, disable_help_subcommand = true, max_term_width = 80)]
#[command(after_help = "Try it: `gossamer dev` in one terminal, `gossamer put FILE` in another.\n\
Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 condition not met, 5 no cluster or no quorum, \
6 refused, 130 Ctrl-C.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// GOSSAMER_QUEUE set to nothing names no queue server.
    pub(crate) fn without_empty(mut self) -> Self {
        self.common.queue.retain(|addr| !addr.is_empty());
        self
    }
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
    /// Store files and folders
    #[command(
        override_usage = "gossamer put [OPTIONS] PATH [NAME]\n       gossamer put [OPTIONS] PATH... FOLDER/\n       \
        gossamer put [OPTIONS] PATH... --to NAME",
        after_help = "Examples:\n  gossamer put photo.jpg\n  gossamer put photo.jpg trips/2026/rome.jpg\n  \
        gossamer put *.jpg trips/2026/\n  gossamer put -r photos                  (files/photos/...)\n  \
        gossamer put -r photos/ trips/2026/     (what is in it: trips/2026/...)\n  \
        tar c src | gossamer put - backup/src.tar\n  gossamer put --if-absent lock locks/build\n\n\
        A NAME with a slash begins with its bucket; without one it is in bucket `files`. If a file is here that has \
        the last name, say --to, so that it cannot be meant as one more file to store.\n\
        With -r, files that are there already (size and time, or --checksum) are left out; time of modification and \
        executable bit are kept, symbolic links are followed.\n\
        Interrupted? The same command goes on where it stopped."
    )]
    Put(Put),
    /// Fetch files and folders
    #[command(
        override_usage = "gossamer get [OPTIONS] NAME [PATH]\n       gossamer get [OPTIONS] NAME... FOLDER/\n       \
        gossamer get [OPTIONS] NAME... --to PATH",
        after_help = "Examples:\n  gossamer get photo.jpg\n  gossamer get trips/2026/rome.jpg /tmp/\n  \
        gossamer get -r trips/2026              (./2026/...)\n  \
        gossamer get -r trips/2026/ photos      (what is in it: photos/...)\n  \
        gossamer get backup/src.tar - | tar x\n\n\
        With -r, a PATH is the folder's new name here; with a slash at its end, the folder to put it into. Files that are \
        here already (size and time, or --checksum) are left out.\n\
        Interrupted? The same command goes on where it stopped: what has come is kept in a hidden .part file."
    )]
    Get(Get),
    /// Make a folder and its copy equal, in either direction
    #[command(
        after_help = "Examples:\n  gossamer sync photos trips/2026/              (from here into the store)\n  \
        gossamer sync trips/2026/ ./photos            (from the store to here)\n  \
        gossamer sync --delete --exclude '*.tmp' photos trips/2026/\n  \
        gossamer sync --delete --dry-run photos trips/2026/\n\n\
        A SOURCE that exists here is meant so, otherwise it is in the store. Where that is not clear: ./photos is \
        always here, :photos/ always in the store.\n\
        What is equal (size and time, or --checksum) is left alone. What the target has beyond the source stays, \
        unless --delete is given; what is excluded is neither copied nor deleted.\n\
        A PATTERN without a slash fits the last part of a name (*.tmp), with one the path below SOURCE (cache/**); \
        with a slash at its end it fits folders and all that is in them (target/)."
    )]
    Sync(Sync),
    /// Write files to standard output
    #[command(after_help = "Example:\n  gossamer cat notes.txt | less")]
    Cat {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// List buckets, folders and files
    #[command(
        after_help = "Examples:\n  gossamer ls                    (the buckets)\n  gossamer ls trips/2026/        \
        (one folder)\n  gossamer ls -r trips/          (all that is in it)\n  gossamer ls -r --json | jq .size\n\n\
        A PREFIX with a slash begins with the bucket; without one it is looked for in bucket `files`. It may stop in the \
        middle of a name; if it is the name of a folder, with or without its slash, it shows what is in the folder. \
        With -r, folders are shown only if they are empty.\nIf there is nothing, that is no error: exit code 0."
    )]
    Ls(Ls),
    /// Sum up how much there is
    #[command(
        after_help = "Examples:\n  gossamer du                  (each bucket)\n  gossamer du trips/           \
        (each folder in it)\n  gossamer du --bytes trips/\n\nWhat several names share is stored once, and is counted \
        for each of them here."
    )]
    Du(Du),
    /// Find files by name
    #[command(
        after_help = "Examples:\n  gossamer find rome              (anywhere in the name)\n  gossamer find '*.jpg'           \
        (the last part of the name)\n  gossamer find 'trips/**/rome-?.jpg'\n\n\
        * stands for any letters but the slash, ? for one, [ab] for one of these, ** for any number of folders. \
        Exit code 3: there is none."
    )]
    Find(Find),
    /// Show what is known of a file, and which nodes hold it
    #[command(after_help = "Example:\n  gossamer stat photo.jpg")]
    Stat(Stat),
    /// Copy within the store; no byte moves
    #[command(
        override_usage = "gossamer cp [OPTIONS] NAME NAME\n       gossamer cp [OPTIONS] NAME... FOLDER/",
        after_help = "Examples:\n  gossamer cp photo.jpg trips/2026/rome.jpg\n  gossamer cp photo.jpg trips/2026/\n  \
        gossamer cp -r trips/2026 backup/           (backup/2026/...)\n  \
        gossamer cp -r trips/2026/ backup/          (what is in it: backup/...)\n\nA folder goes into FOLDER/ under its own name; with a slash at its end (trips/2026/) only what is in it does.\n\
        Each file is copied in one step; a folder file by file."
    )]
    Cp(Cp),
    /// Move or rename within the store; no byte moves
    #[command(
        override_usage = "gossamer mv [OPTIONS] NAME NAME\n       gossamer mv [OPTIONS] NAME... FOLDER/",
        after_help = "Examples:\n  gossamer mv photo.jpg trips/2026/rome.jpg\n  gossamer mv -r trips/2026 archive/          (archive/2026/...)\n  \
        gossamer mv -r trips/2026/ archive/         (what is in it: archive/...)\n\n\
        Each file is moved in one step; a folder file by file."
    )]
    Mv(Cp),
    /// Remove files and folders
    #[command(
        after_help = "Examples:\n  gossamer rm photo.jpg trips/2026/rome.jpg\n  gossamer rm -r trips/2026/      \
        (asks first)\n  gossamer rm -r --yes trips/2026/\n  gossamer rm -r --dry-run trips/2026/\n\n\
        With -r it counts first, and removes what it has counted: what is written meanwhile stays, and is reported."
    )]
    Rm(Rm),
    /// Is everything fine? What may fail next?
    #[command(
        after_help = "Examples:\n  gossamer status\n  gossamer status --wait 3   (returns when 3 voters are ready)"
    )]
    Status(Status),
    /// Show every node
    #[command(after_help = "Example:\n  gossamer nodes")]
    Nodes(Nodes),
    /// Find out what is wrong here or in the cluster, and what to do
    #[command(
        after_help = "Example:\n  gossamer doctor\n\nIt looks at the folder, the disk, the clocks of all nodes, ports, \
        broadcasts and versions. Exit code 1: something has to be mended."
    )]
    Doctor(Doctor),
    /// Compare all nodes' catalogues, re-read every chunk from disk
    #[command(
        after_help = "Example:\n  gossamer verify\n\nExit code 1 names the node and the chunk; what is bad is \
        healed from the other nodes."
    )]
    Verify,
    /// Make this machine part of a cluster: queue server and node
    #[command(
        after_help = "Examples:\n  gossamer up                    (the first machine: founds a cluster)\n  \
        gossamer up --token TOKEN      (every other machine, once)\n  gossamer up                    \
        (afterwards, on all of them)\n\nThe first machine prints the line for the others. With a token nothing is ever founded. The machines find each other by broadcast; \
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
        answered)\n\nWithout a token it shows which clusters are there, without any proof."
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
    /// Run a whole cluster in this terminal, to try things out
    #[command(after_help = "Example:\n  gossamer dev --nodes 3")]
    Dev(Dev),
    /// Print what a shell needs to complete commands and options
    #[command(after_help = "Examples:\n  gossamer completions bash > /etc/bash_completion.d/gossamer\n  \
        gossamer completions zsh > ~/.zfunc/_gossamer\n  \
        gossamer completions fish > ~/.config/fish/completions/gossamer.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual: one page for each command
    #[command(after_help = "Examples:\n  gossamer man | man -l -\n  gossamer man /usr/local/share/man/man1")]
    Man {
        /// Where the pages go; without it, the first page is printed
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Show that it works: a killed leader, every byte compared
    #[command(after_help = "Example:\n  gossamer demo\n  gossamer demo some-large-file.iso")]
    Demo {
        /// The large file; default: 256 MiB made for the purpose
        file: Option<PathBuf>,
    },
}

/// `30`, `30s`, `2m`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s or 2m")),
    }
}
