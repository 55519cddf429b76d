//! To here: plans carried out with many files on their way at a time.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gossamer_client::{Attributes, Client, FileSink};
use gossamer_world::World;

use super::compare::Plan;
use super::outcome::Tally;
use super::{Entry, Pair, may_delete};
use crate::failure::{FAILED, Failure};
use crate::many::{Budget, FETCHED_SIDE_BY_SIDE, Failures, many};
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
    let before = failures.count();
    for (pair, plan) in plans {
        fetch.make_folders(pair, plan.files.iter().map(above), failures).await;
    }
    fetch.files(plans, |plan| &plan.files, failures).await;
    for (pair, plan) in plans {
        fetch.delete(pair, &plan.clear, failures).await;
        fetch.make_folders(pair, plan.folders.iter().map(|folder| folder.path.as_str()), failures).await;
    }
    fetch.files(plans, |plan| &plan.blocked, failures).await;
    let may_delete = may_delete(plans, failures.count() - before);
    for (pair, plan) in plans {
        if may_delete {
            fetch.remove_parts(&plan.parts).await;
            fetch.delete(pair, &plan.delete, failures).await;
        }
        fetch.give_times(pair, plan, failures).await;
        fetch.sync(pair, failures).await;
    }
}

impl Fetch<'_> {
    async fn files(
        &self,
        plans: &[(Pair, Plan)],
        of: impl Fn(&Plan) -> &Vec<Entry>,
        failures: &mut Failures,
    ) {
        let files = plans.iter().flat_map(|(pair, plan)| of(plan).iter().map(move |entry| (pair, entry)));
        many(files, FETCHED_SIDE_BY_SIDE, failures, |(pair, entry)| self.file(pair, entry)).await;
    }

    async fn file(&self, pair: &Pair, entry: &Entry) -> Result<(), Failure> {
        let _room = self.budget.room(entry.size).await;
        let name = format!("{}{}", pair.there, entry.path);
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
    async fn make_folders(&self, pair: &Pair, folders: impl Iterator<Item = &str>, failures: &mut Failures) {
        if failures.is_final() {
            return;
        }
        let folders: BTreeSet<&str> = std::iter::once("").chain(folders).collect();
        let paths: Vec<PathBuf> = folders.into_iter().map(|folder| pair.here.join(folder)).collect();
        self.blocking(failures, move |failures| {
            for path in paths {
                if let Err(error) = fs::create_dir_all(&path) {
                    failures.push(failed(&path, &error));
                }
            }
        })
        .await;
    }

    /// Deletes files, then folders from the bottom up; those in which something is left stay. What was changed since it was
    /// compared stays, too: it is not what was meant.
    async fn delete(&self, pair: &Pair, entries: &[Entry], failures: &mut Failures) {
        if failures.is_final() {
            return;
        }
        let doomed = entries.iter().filter(|entry| entry.is_deletable()).rev();
        let doomed: Vec<(PathBuf, Entry)> =
            doomed.map(|entry| (pair.here.join(entry.path.trim_end_matches('/')), entry.clone())).collect();
        let deleted = self
            .blocking(failures, move |failures| {
                let mut deleted = 0;
                for (path, entry) in doomed {
                    match remove(&path, &entry) {
                        Ok(()) => deleted += u64::from(!entry.is_folder()),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => failures.push(failed(&path, &error)),
                    }
                }
                deleted
            })
            .await;
        self.tally.deleted.add(deleted);
    }

    /// Removes what earlier attempts left of files that there are no more; not what another process is writing.
    async fn remove_parts(&self, parts: &[PathBuf]) {
        let parts = parts.to_vec();
        let remove = move || parts.iter().for_each(|part| FileSink::remove_part(part));
        self.world.blocking.run(remove).await;
    }

    /// Gives folders the time that they had: writing into them has changed it.
    async fn give_times(&self, pair: &Pair, plan: &Plan, failures: &mut Failures) {
        let touched: BTreeSet<&str> = touched(plan).map(above).collect();
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

/// All that is written or deleted: what changes the times of the folders it lies in.
fn touched(plan: &Plan) -> impl Iterator<Item = &Entry> {
    let copied = plan.files.iter().chain(&plan.blocked).chain(&plan.folders);
    copied.chain(&plan.clear).chain(&plan.delete)
}

/// The path of the folder that an entry lies in.
fn above(entry: &Entry) -> &str {
    let itself = entry.path.strip_suffix('/').unwrap_or(&entry.path);
    itself.rfind('/').map_or("", |at| &entry.path[..=at])
}

/// Removes a file, a link, or an empty folder.
fn remove(path: &Path, entry: &Entry) -> io::Result<()> {
    if entry.is_link {
        return fs::remove_file(path);
    }
    if entry.is_folder() {
        // What was excluded may be left in it: then it stays.
        return match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed,
        };
    }
    let now = fs::metadata(path)?;
    if now.len() != entry.size || Some(Attributes::of(&now).modified) != entry.modified {
        return Err(io::Error::other("it was changed meanwhile and not deleted; run the command again"));
    }
    fs::remove_file(path)
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(FAILED, format!("{}: {error}", path.display()))
}
