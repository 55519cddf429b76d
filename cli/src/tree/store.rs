//! Into the store: plans carried out with many files on their way at a time.

use gossamer_client::{Client, Condition, DeleteError, FileSource, Kind, PutOptions};
use gossamer_proto::name;
use gossamer_world::World;

use super::compare::Plan;
use super::outcome::Tally;
use super::{Entry, Pair, may_delete};
use crate::failure::{FAILED, Failure};
use crate::many::{Budget, Failures, SIDE_BY_SIDE, many};
use crate::show::progress::Bar;

/// What all files share.
struct Store<'a> {
    client: &'a Client,
    world: World,
    bar: &'a Bar,
    tally: &'a Tally,
    budget: Budget,
    verbose: bool,
}

/// Carries plans out; what fails is kept in `failures`.
pub(crate) async fn store(
    client: &Client,
    plans: &[(Pair, Plan)],
    bar: &Bar,
    tally: &Tally,
    verbose: bool,
    failures: &mut Failures,
) {
    let store = Store { client, world: World::real(), bar, tally, budget: Budget::default(), verbose };
    let before = failures.count();
    store.each(plans, |plan| &plan.files, failures, async |pair, entry| store.file(pair, entry).await).await;
    store
        .each(plans, |plan| &plan.clear, failures, async |pair, entry| store.delete(pair, entry).await)
        .await;
    store
        .each(plans, |plan| &plan.blocked, failures, async |pair, entry| store.file(pair, entry).await)
        .await;
    store
        .each(plans, |plan| &plan.folders, failures, async |pair, entry| store.folder(pair, entry).await)
        .await;
    if may_delete(plans, failures.count() - before) {
        store
            .each(plans, |plan| &plan.delete, failures, async |pair, entry| store.delete(pair, entry).await)
            .await;
    }
}

impl Store<'_> {
    /// Does `work` to the entries that `of` picks from all plans.
    async fn each(
        &self,
        plans: &[(Pair, Plan)],
        of: impl Fn(&Plan) -> &Vec<Entry>,
        failures: &mut Failures,
        work: impl AsyncFn(&Pair, &Entry) -> Result<(), Failure>,
    ) {
        let entries = plans.iter().flat_map(|(pair, plan)| of(plan).iter().map(move |entry| (pair, entry)));
        many(entries, SIDE_BY_SIDE, failures, |(pair, entry)| work(pair, entry)).await;
    }

    async fn file(&self, pair: &Pair, entry: &Entry) -> Result<(), Failure> {
        let _room = self.budget.room(entry.size).await;
        let (here, name) = (pair.here.join(&entry.path), format!("{}{}", pair.there, entry.path));
        let source = FileSource::open(&self.world, &here)
            .await
            .map_err(|error| Failure::new(FAILED, format!("put {}: {error}", here.display())))?;
        let options = PutOptions { attributes: Some(source.attributes()), ..PutOptions::default() };
        let stored = self.client.put(&name, source, options, &self.bar.of_one()).await;
        let stored = stored.map_err(|error| Failure::client(error.kind(), &error))?;
        self.tally.files.add(1);
        self.tally.bytes.add(stored.size);
        self.tally.resumed_bytes.add(stored.resumed_bytes);
        self.bar.file_done();
        if self.verbose {
            self.bar.suspend(|| eprintln!("{name}"));
        }
        Ok(())
    }

    async fn folder(&self, pair: &Pair, entry: &Entry) -> Result<(), Failure> {
        let name = format!("{}{}", pair.there, entry.path);
        // A bucket is there by what is in it, and has no record.
        if entry.path.is_empty() && name::check_entry(&name).is_err() {
            return Ok(());
        }
        let attributes =
            entry.modified.map(|modified| gossamer_client::Attributes { modified, executable: false });
        let options = PutOptions { attributes, ..PutOptions::default() };
        let stored = self.client.put_folder(&name, options).await;
        stored.map(drop).map_err(|error| Failure::client(error.kind(), &error))
    }

    async fn delete(&self, pair: &Pair, entry: &Entry) -> Result<(), Failure> {
        // A folder without a record goes with what is in it.
        if entry.version == 0 {
            return Ok(());
        }
        let name = format!("{}{}", pair.there, entry.path);
        // What was written since it was compared is not what was meant.
        let condition = Some(Condition::IfVersion(entry.version));
        match self.client.delete(&name, condition).await {
            Ok(_) => {
                self.tally.deleted.add(u64::from(!entry.is_folder()));
                Ok(())
            }
            Err(DeleteError::NotFound(_)) => Ok(()),
            Err(error) if error.kind() == Kind::Condition => Err(Failure::new(
                FAILED,
                format!("{name} was changed meanwhile and not deleted; look at it and run the command again"),
            )),
            Err(error) => Err(Failure::client(error.kind(), &error)),
        }
    }
}
