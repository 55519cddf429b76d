//! Commands about files.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

#[derive(Args, Debug)]
pub(crate) struct Put {
    /// The files, and with -r folders; `-` is standard input. The last of several is the name in the store, or, with a slash
    /// at its end, the folder there
    #[arg(value_name = "PATH", required = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) paths: Vec<PathBuf>,
    /// The name in the store or, with a slash at its end, the folder; then every PATH is stored
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Only if there is no file of this name
    #[arg(long, conflicts_with_all = ["if_version", "recursive"])]
    pub(crate) if_absent: bool,
    /// Only if the file has this version
    #[arg(long, value_name = "N", conflicts_with = "recursive")]
    pub(crate) if_version: Option<u64>,
    #[command(flatten)]
    pub(crate) tree: Tree,
}

#[derive(Args, Debug)]
pub(crate) struct Get {
    /// The names, and with -r folders. The last of several is where to: a file, a folder, or `-` for standard output; default:
    /// the last part of the name, here
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
    /// Where to; then every NAME is fetched
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tree: Tree,
}

/// How folders are treated.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Tree {
    /// Folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) choice: Choice,
}

/// Which files of a folder are copied.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Choice {
    /// Compare what is in the files, not size and time
    #[arg(long)]
    pub(crate) checksum: bool,
    /// Leave out what fits (may be given several times), e.g. '*.tmp' or target/
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Only say what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Sync {
    /// A folder, here or in the store
    pub(crate) source: String,
    /// Its copy, in the store or here
    pub(crate) target: String,
    /// Delete what the target has and the source has not
    #[arg(long)]
    pub(crate) delete: bool,
    #[command(flatten)]
    pub(crate) choice: Choice,
}

#[derive(Args, Debug)]
pub(crate) struct Ls {
    /// A folder, or how names begin; default: the buckets
    pub(crate) prefix: Option<String>,
    /// All names, not only those of one folder
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Exact sizes, in bytes
    #[arg(long)]
    pub(crate) bytes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Du {
    /// A folder, or how names begin; default: each bucket
    pub(crate) prefix: Option<String>,
    /// Exact sizes, in bytes
    #[arg(long)]
    pub(crate) bytes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Find {
    /// What the name is like; without any of * ? [ it may be anywhere in it
    pub(crate) pattern: String,
}

#[derive(Args, Debug)]
pub(crate) struct Stat {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Cp {
    /// What to copy or move and, last, the new name or, with a slash at its end, the folder
    #[arg(value_name = "NAME", required = true, num_args = 2..)]
    pub(crate) names: Vec<String>,
    /// Folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Only if there is no file of the new name
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Only say what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Rm {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
    /// Folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Only say what would be removed
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Only if the file has this version
    #[arg(long, value_name = "N", conflicts_with = "recursive")]
    pub(crate) if_version: Option<u64>,
}
