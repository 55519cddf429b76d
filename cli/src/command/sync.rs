//! `gossamer sync SOURCE TARGET`

use std::path::{Path, PathBuf};

use gossamer_proto::name::DEFAULT_BUCKET;

use super::{client, get, put};
use crate::args::{Common, Sync};
use crate::failure::{Failure, USAGE};
use crate::many::Failures;
use crate::show::progress::Bar;
use crate::tree::{Options, Pair, survey};

/// In which direction.
#[derive(Debug, PartialEq, Eq)]
enum Direction {
    ToStore(Pair),
    ToHere(Pair),
}

pub(super) async fn run(common: &Common, sync: Sync) -> Result<(), Failure> {
    let direction = direction(&sync.source, &sync.target, |path| path.is_dir())?;
    let options = Options::of(&sync.choice, sync.delete)?;
    let client = client(common).await?;
    let mut failures = Failures::default();
    let looking = Bar::looking(common.quiet);
    match direction {
        Direction::ToStore(pair) => {
            let plan = survey::to_store(&client, &pair, &options, &mut failures).await?;
            drop(looking);
            put::carry_out(common, &client, &options, &[(pair, plan)], failures).await
        }
        Direction::ToHere(pair) => {
            let plan = survey::to_here(&client, &pair, &options, &mut failures).await?;
            drop(looking);
            get::carry_out(common, &client, &options, &[(pair, plan)], failures).await
        }
    }
}

/// What one side may be.
enum Side {
    Here,
    Store,
    /// It is here, but is not marked as such.
    Either,
    /// It is not here.
    Unknown,
}

/// A source that is here is meant so. What is not here can only be a source in the store; as a target it is the other side of
/// the source.
fn direction(source: &str, target: &str, is_here: impl Fn(&Path) -> bool) -> Result<Direction, Failure> {
    let to_store = || Ok(Direction::ToStore(Pair { here: source.into(), there: store(target)? }));
    let to_here = || Ok(Direction::ToHere(Pair { here: here(target), there: store(source)? }));
    match (side(source, &is_here), side(target, &is_here)) {
        (Side::Here, Side::Store | Side::Unknown) | (Side::Either, Side::Store | Side::Unknown) => to_store(),
        (Side::Store, Side::Here | Side::Either | Side::Unknown) => to_here(),
        (Side::Unknown, Side::Here | Side::Either | Side::Unknown) => to_here(),
        (Side::Here, Side::Either) => to_store(),
        (Side::Either, Side::Here) => to_here(),
        (Side::Either, Side::Either) => Err(usage(format!(
            "{source} and {target} are both here. Which one is in the store? Mark it with a colon: `:{source}` or `:{target}`"
        ))),
        (Side::Here, Side::Here) => Err(usage(format!(
            "{source} and {target} are both here; one has to be in the store, e.g. :photos/"
        ))),
        (Side::Store | Side::Unknown, Side::Store) => {
            Err(usage(format!("{source} and {target} are both in the store; `gossamer cp -r` copies there")))
        }
    }
}

fn side(given: &str, is_here: impl Fn(&Path) -> bool) -> Side {
    let marked = ["/", "./", "../"].iter().any(|begin| given.starts_with(begin));
    match given {
        _ if given.starts_with(':') => Side::Store,
        "." | ".." => Side::Here,
        _ if marked => Side::Here,
        _ if is_here(Path::new(given)) => Side::Either,
        _ => Side::Unknown,
    }
}

fn here(given: &str) -> PathBuf {
    PathBuf::from(given)
}

/// The full name of a folder.
fn store(given: &str) -> Result<String, Failure> {
    let name = given.strip_prefix(':').unwrap_or(given);
    if name.is_empty() || name == "/" {
        return Err(usage(format!("{given:?} is no folder in the store; begin with the bucket: photos/")));
    }
    Ok(match name.contains('/') {
        true => format!("{}/", name.strip_suffix('/').unwrap_or(name)),
        false => format!("{DEFAULT_BUCKET}/{name}/"),
    })
}

fn usage(what: String) -> Failure {
    Failure::new(USAGE, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of every kind of two sides: one is here and the other in the store, or it is said what is unclear.
    #[test]
    fn which_side_is_which() {
        let is_here = |path: &Path| ["photos", "photos/", "trips"].iter().any(|here| Path::new(here) == path);
        let stored =
            |here: &str, there: &str| Direction::ToStore(Pair { here: here.into(), there: there.into() });
        let fetched =
            |there: &str, here: &str| Direction::ToHere(Pair { here: here.into(), there: there.into() });
        for (source, target, expected) in [
            ("photos", "backup/", stored("photos", "backup/")),
            ("photos/", "backup", stored("photos/", "files/backup/")),
            ("photos", ":trips", stored("photos", "files/trips/")),
            ("./photos", "trips", stored("./photos", "files/trips/")),
            (".", "backup/x", stored(".", "backup/x/")),
            ("/tmp/x", "backup/x/", stored("/tmp/x", "backup/x/")),
            ("backup/x", "photos", fetched("backup/x/", "photos")),
            ("backup/x", "new", fetched("backup/x/", "new")),
            ("backup/x/", "/tmp/new", fetched("backup/x/", "/tmp/new")),
            (":trips/", "photos", fetched("trips/", "photos")),
            ("trips", "./photos", fetched("files/trips/", "./photos")),
        ] {
            assert_eq!(direction(source, target, is_here).unwrap(), expected, "{source} {target}");
        }
        for (source, target, word) in [
            ("photos", "trips", "colon"),
            ("./photos", "/tmp/x", "both here"),
            (":photos", ":trips", "cp -r"),
            ("backup/x", ":y/", "cp -r"),
            ("photos", ":", "no folder"),
        ] {
            let failure = direction(source, target, is_here).unwrap_err();
            assert!(
                failure.code == USAGE && failure.message.contains(word),
                "{source} {target}: {failure:?}"
            );
        }
    }
}
