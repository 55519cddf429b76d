//! To here: plans carried out with many files on their way at a time.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gossamer_client::{Client, FileSink};
use gossamer_proto::name;
use gossamer_world::World;

use super::compare::Plan;
use super::outcome::Tally;
use super::{Entry, Pair};
use crate::failure::{FAILED, Failure};
use crate::many::{Budget, Failures, SIDE_BY_SIDE, many};
use crate::show::progress::Bar;

/// What all files share.
struct Fetch<'a> {
    client: &'a Client,
    world: World,
    bar: &'a Bar,
    tally: &'a Tally,
    budget: Budget,
    verbose: bool,
}

/// Carries plans out; what fails is kept in `failures`. At the end everything is on the disk.
pub(crate) async fn fetch(
    client: &Client,
    plans: &[(Pair, Plan)],
    bar: &Bar,
    tally: &Tally,
    verbose: bool,
    failures: &mut Failures,
) {
    let fetch = Fetch { client, world: World::real(), bar, tally, budget: Budget::default(), verbose };
    for (pair, plan) in plans {
        fetch.delete(pair, &plan.clear, failures).await;
        fetch.make_folders(pair, &plan.folders, failures).await;
    }
    let files = plans.iter().flat_map(|(pair, plan)| plan.files.iter().map(move |entry| (pair, entry)));
    many(files, SIDE_BY_SIDE, failures, |(pair, entry)| fetch.file(pair, entry)).await;
    for (pair, plan) in plans {
        fetch.delete(pair, &plan.delete, failures).await;
        fetch.give_times(pair, plan, failures).await;
        fetch.sync(pair, failures).await;
    }
}

impl Fetch<'_> {
    async fn file(&self, pair: &Pair, entry: &Entry) -> Result<(), Failure> {
        let _room = self.budget.room(entry.size).await;
        let name = format!("{}{}", pair.there, entry.path);
        // Names are data: one that breaks the rules might lead out of the folder.
        name::check(&name).map_err(|error| Failure::new(FAILED, format!("{name:?}: {error}")))?;
        let here = pair.here.join(&entry.path);
        let failed =
            |error: io::Error| Failure::new(FAILED, format!("get {name} to {}: {error}", here.display()));
        let mut sink = FileSink::new(&self.world, &here).map_err(failed)?.without_sync();
        let got = self.client.get(&name, &mut sink, &self.bar.of_one()).await;
        let got = got.map_err(|error| Failure::client(error.kind(), &error))?;
        self.tally.files.add(1);
        self.tally.bytes.add(got.info.size);
        self.tally.resumed_bytes.add(got.resumed_bytes);
        self.bar.file_done();
        if self.verbose {
            self.bar.suspend(|| eprintln!("{}", here.display()));
        }
        Ok(())
    }

    /// Makes the folder itself and those in it, from the top down.
    async fn make_folders(&self, pair: &Pair, folders: &[Entry], failures: &mut Failures) {
        let top = std::iter::once(pair.here.clone());
        let paths: Vec<PathBuf> =
            top.chain(folders.iter().map(|entry| pair.here.join(&entry.path))).collect();
        self.blocking(failures, move |failures| {
            for path in paths {
                if let Err(error) = fs::create_dir_all(&path) {
                    failures.push(failed(&path, &error));
                }
            }
        })
        .await;
    }

    /// Deletes files, then folders from the bottom up; those in which something is left stay.
    async fn delete(&self, pair: &Pair, entries: &[Entry], failures: &mut Failures) {
        let doomed = entries.iter().filter(|entry| !entry.is_behind_link).rev();
        let doomed: Vec<(PathBuf, bool)> =
            doomed.map(|entry| (pair.here.join(&entry.path), entry.is_folder())).collect();
        let deleted = self
            .blocking(failures, move |failures| {
                let mut deleted = 0;
                for (path, is_folder) in doomed {
                    match if is_folder { remove_folder(&path) } else { fs::remove_file(&path) } {
                        Ok(()) => deleted += u64::from(!is_folder),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => failures.push(failed(&path, &error)),
                    }
                }
                deleted
            })
            .await;
        self.tally.deleted.add(deleted);
    }

    /// Gives folders the time that they had: writing into them has changed it.
    async fn give_times(&self, pair: &Pair, plan: &Plan, failures: &mut Failures) {
        let touched: BTreeSet<&str> =
            plan.clear.iter().chain(&plan.files).chain(&plan.delete).map(above).collect();
        let same = plan.same_folders.iter().filter(|entry| touched.contains(entry.path.as_str()));
        let times: Vec<_> = plan
            .folders
            .iter()
            .chain(same)
            .filter_map(|entry| Some((pair.here.join(&entry.path), entry.modified?.system_time()?)))
            .collect();
        self.blocking(failures, move |failures| {
            for (path, time) in times {
                if let Err(error) = fs::File::open(&path).and_then(|folder| folder.set_modified(time)) {
                    failures.push(failed(&path, &error));
                }
            }
        })
        .await;
    }

    /// Everything at once: file by file it would take many times as long.
    async fn sync(&self, pair: &Pair, failures: &mut Failures) {
        let path = pair.here.clone();
        self.blocking(failures, move |failures| {
            let synced = fs::File::open(&path).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?));
            if let Err(error) = synced {
                failures.push(failed(&path, &error));
            }
        })
        .await;
    }

    /// Runs what blocks, and keeps what failed in it.
    async fn blocking<T: Send + 'static>(
        &self,
        failures: &mut Failures,
        work: impl FnOnce(&mut Vec<Failure>) -> T + Send + 'static,
    ) -> T {
        let work = move || {
            let mut failed = Vec::new();
            (work(&mut failed), failed)
        };
        let (done, failed) = self.world.blocking.run(work).await;
        failed.into_iter().for_each(|failure| failures.add(failure));
        done
    }
}

/// The path of the folder that an entry lies in.
fn above(entry: &Entry) -> &str {
    let itself = entry.path.strip_suffix('/').unwrap_or(&entry.path);
    itself.rfind('/').map_or("", |at| &entry.path[..=at])
}

/// What was excluded may be left in it: then it stays.
fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed,
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(FAILED, format!("{}: {error}", path.display()))
}
