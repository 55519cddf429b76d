//! The token: where it comes from, and where it is kept.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gossamer_proto::token::Token;
use gossamer_proto::trust::Trust;

use crate::args::Common;
use crate::failure::{FAILED, Failure, REFUSED, USAGE};
use crate::show;

/// A file beside the token's, in the folder of the machine that may let a node found the cluster.
const FOUNDER: &str = "founder";

/// A token kept in a folder.
pub(crate) struct Kept {
    pub(crate) token: Token,
    /// Whether the cluster was, or is yet to be, founded by the machine that this folder is of.
    pub(crate) founder: bool,
    /// Made by this process.
    pub(crate) is_new: bool,
    /// Whether it is in the folder already.
    pub(crate) is_kept: bool,
}

/// The token that the user gave: a file before all else, since GOSSAMER_TOKEN may be set for ever.
pub(crate) fn given(common: &Common) -> Result<Option<Token>, Failure> {
    if let Some(file) = &common.token_file {
        let text = match file.to_str() {
            Some("-") => io::read_to_string(io::stdin().take(LONGEST)),
            _ => fs::read_to_string(file),
        };
        let text = text.map_err(|error| Failure::new(FAILED, format!("{}: {error}", file.display())))?;
        return parse(text.lines().next().unwrap_or_default(), &file.display().to_string()).map(Some);
    }
    // A variable that is set to nothing is as good as not set.
    let token = common.token.as_deref().filter(|text| !text.is_empty());
    token.map(|text| parse(text, "--token or GOSSAMER_TOKEN")).transpose()
}

/// Longest token file that is read, bytes.
const LONGEST: u64 = 4096;

fn parse(text: &str, from: &str) -> Result<Token, Failure> {
    text.parse().map_err(|error| Failure::new(USAGE, format!("{from}: {error}")))
}

/// The file in a folder that keeps its token.
pub(crate) fn file(dir: &Path) -> PathBuf {
    dir.join("token")
}

/// The token that the folder keeps, if it keeps one.
pub(crate) fn kept(dir: &Path) -> Result<Option<Kept>, Failure> {
    let path = file(dir);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(Failure::new(FAILED, format!("{}: {error}", path.display()))),
    };
    let token = parse(text.lines().next().unwrap_or_default(), &path.display().to_string())?;
    let of = fs::read_to_string(dir.join(FOUNDER)).unwrap_or_default();
    let founder = of.trim() == show::hex(token.cluster());
    Ok(Some(Kept { token, founder, is_new: false, is_kept: true }))
}

/// Keeps a token in a folder, durably, and readable for its owner only.
pub(crate) fn keep(dir: &Path, kept: &Kept) -> Result<(), Failure> {
    let path = file(dir);
    let failed = |error| Failure::new(FAILED, format!("{}: {error}", path.display()));
    let new = dir.join("token.new");
    let write = || {
        fs::create_dir_all(dir)?;
        if kept.founder {
            // First: a token without it would never let anybody found.
            let mut founder = fs::File::create(dir.join(FOUNDER))?;
            writeln!(founder, "{}", show::hex(kept.token.cluster()))?;
            founder.sync_all()?;
        }
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        // One that was left behind may have had other rights.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        writeln!(file, "{}", kept.token)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        fs::File::open(dir)?.sync_all()
    };
    write().map_err(failed)
}

/// The token for a server in `dir`: the one given, which is to be kept once it is known to fit, else the one kept before.
/// `is_member`: the folder is part of a cluster, so that no other token can be right.
pub(crate) fn of_server(common: &Common, dir: &Path, is_member: bool) -> Result<Option<Kept>, Failure> {
    match (given(common)?, kept(dir)?) {
        (Some(given), Some(kept)) if given != kept.token && (is_member || kept.founder) => Err(Failure::new(
            REFUSED,
            format!(
                "{} belongs to cluster {}, and the token given is another; leave it out, or give another --dir",
                dir.display(),
                kept.token.name(),
            ),
        )),
        (Some(token), kept) => {
            let is_kept = kept.as_ref().is_some_and(|kept| kept.token == token);
            let founder = kept.is_some_and(|kept| kept.founder);
            Ok(Some(Kept { token, founder, is_new: false, is_kept }))
        }
        (None, kept) => Ok(kept),
    }
}

/// Whom a process with or without a token trusts.
pub(crate) fn trust(token: Option<Token>, common: &Common) -> Trust {
    match token {
        Some(token) => Trust::Token(token),
        None if common.insecure => Trust::Insecure,
        None => Trust::Loopback,
    }
}

#[cfg(test)]
mod tests {
    use gossamer_world::random::Kernel;

    use super::*;

    /// What is kept is read again, by nobody else; a damaged file is not taken for none.
    #[test]
    fn kept_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        assert!(kept(dir.path()).unwrap().is_none());
        for founder in [false, true] {
            let token = Token::draw("lab", &Kernel).unwrap();
            keep(dir.path(), &Kept { token: token.clone(), founder, is_new: true, is_kept: false }).unwrap();
            let read = kept(dir.path()).unwrap().unwrap();
            assert_eq!((read.token, read.founder), (token, founder));
        }
        let rights = fs::metadata(file(dir.path())).unwrap().permissions().mode();
        assert_eq!(rights & 0o777, 0o600);
        fs::write(file(dir.path()), "lab.abc").unwrap();
        assert_eq!(kept(dir.path()).err().unwrap().code, USAGE);
    }
}
