//! Power fails and processes die at any point: what was acknowledged is there, and nothing comes back that was gone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gossamer_cluster_node::storage::log::{Log, OpenError};
use gossamer_world::Files;
use gossamer_world::files::Mode;
use gossamer_world::memory::Memory;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::{Contents, DIR, open, process};

/// What the log may hold after a crash: one state for each record written, and how many are acknowledged.
struct Model {
    states: Vec<Contents>,
    acknowledged: Arc<AtomicUsize>,
}

impl Model {
    fn new(start: Contents) -> Self {
        Model { states: vec![start], acknowledged: Arc::default() }
    }

    fn now(&self) -> Contents {
        self.states[self.states.len() - 1].clone()
    }

    fn push(&mut self, change: impl FnOnce(&mut Contents)) {
        let mut next = self.now();
        change(&mut next);
        self.states.push(next);
    }

    /// A callback that acknowledges everything so far.
    fn acknowledge(&self) -> impl FnOnce(std::io::Result<()>) + Send + 'static {
        let (acknowledged, records) = (self.acknowledged.clone(), self.states.len() - 1);
        move |result| {
            if result.is_ok() {
                let before = acknowledged.swap(records, Ordering::SeqCst);
                assert!(before <= records, "callbacks come in order");
            }
        }
    }

    fn check(&self, found: &Contents, what: &str) {
        let allowed = &self.states[self.acknowledged.load(Ordering::SeqCst)..];
        assert!(allowed.contains(found), "{what}: {found:?} is none of {allowed:?}");
    }
}

/// A payload; now and then the raw bytes of the log itself, to be mistaken for records.
fn payload(random: &mut SmallRng, memory: &Memory) -> Bytes {
    if random.random_ratio(1, 8) {
        let names = memory.list(Path::new(DIR)).unwrap_or_default();
        let newest = names.iter().rev().find(|name| name.ends_with(".log"));
        let mut bytes = vec![0; 400];
        if let Some(Ok(file)) = newest.map(|name| memory.open(&Path::new(DIR).join(name), Mode::Read)) {
            let from = random.random_range(0..80) * 8;
            drop(file.read_at(&mut bytes, from));
        }
        return Bytes::from(bytes);
    }
    let longest = if random.random_ratio(1, 30) { 3000 } else { 150 };
    let mut bytes = vec![0; random.random_range(0..=longest)];
    random.fill(&mut bytes[..]);
    Bytes::from(bytes)
}

/// One random operation; an error means that the power is off.
async fn step(log: &Log, model: &mut Model, random: &mut SmallRng, memory: &Memory) -> std::io::Result<()> {
    let now = model.now();
    let next = now.start + now.entries.len() as u64;
    match random.random_range(0..20) {
        0..=9 => {
            let count = random.random_range(1..=3);
            let entries: Vec<_> = (next..next + count).map(|i| (i, payload(random, memory))).collect();
            for (_, payload) in &entries {
                model.push(|contents| contents.entries.push(payload.clone()));
            }
            log.append(entries, Box::new(model.acknowledge())).await?;
        }
        10..=12 => {
            let vote = payload(random, memory);
            model.push(|contents| contents.vote = Some(vote.clone()));
            let acknowledge = model.acknowledge();
            acknowledge(Ok(log.save_vote(vote).await?));
        }
        13..=14 if !now.entries.is_empty() => {
            let keep = random.random_range(0..now.entries.len());
            model.push(|contents| contents.entries.truncate(keep));
            let acknowledge = model.acknowledge();
            let last = (now.start + keep as u64).checked_sub(1);
            acknowledge(Ok(log.truncate_after(last).await?));
        }
        15..=16 => {
            let upto = next + random.random_range(0..3) - now.entries.len().min(4) as u64;
            if now.purged.is_some() && upto < now.start || next == 0 && upto == 0 {
                return Ok(());
            }
            let id = Bytes::from(upto.to_string());
            model.push(|contents| {
                let gone = (upto + 1 - contents.start).min(contents.entries.len() as u64);
                contents.entries.drain(..gone as usize);
                contents.start = upto + 1;
                contents.purged = Some(id.clone());
            });
            let acknowledge = model.acknowledge();
            acknowledge(Ok(log.purge(upto, id).await?));
        }
        17 => log.save_committed(payload(random, memory)).await?,
        _ => tokio::task::yield_now().await,
    }
    Ok(())
}

/// Opens, checks against the states allowed, goes on with random operations. Returns the model of this life.
fn live(memory: &Memory, before: &Model, random: &mut SmallRng, steps: usize, what: &str) -> Option<Model> {
    process(async {
        let log = match open(memory).await {
            Ok(log) => log,
            // The power failed while the log was opened.
            Err(OpenError::Io(_)) => return None,
            Err(error) => panic!("{what}: {error}"),
        };
        let found = Contents::of(&log).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        before.check(&found, what);
        let mut model = Model::new(found);
        for _ in 0..steps {
            if step(&log, &mut model, random, memory).await.is_err() {
                break;
            }
            if let Ok(found) = Contents::of(&log).await {
                assert_eq!(found.entries, model.now().entries, "{what}: readable at once");
            }
        }
        Some(model)
    })
}

/// Many lives of one log: each ends at the `n`-th sync, by power loss, whole or torn, or because that sync failed,
/// or with the death of the process.
fn lives(seed: u64, sync: Option<u64>) {
    let memory = Memory::new();
    let random = &mut SmallRng::seed_from_u64(seed);
    let mut model = Model::new(Contents::default());
    for life in 0..6 {
        let what = format!("seed {seed}, sync {sync:?}, life {life}");
        let n = sync.unwrap_or_else(|| random.random_range(1..40));
        let torn = random.random_bool(0.5).then(|| random.random());
        let killed = sync.is_none() && random.random_ratio(1, 4);
        match random.random_ratio(1, 3) {
            _ if killed => {}
            true => memory.fail_sync(n),
            false => memory.crash_at_sync(n, torn),
        }
        let steps = if killed { random.random_range(0..20) } else { 60 };
        if let Some(lived) = live(&memory, &model, random, steps, &what) {
            model = lived;
        }
        if !memory.power_on() {
            memory.kill();
        }
    }
    live(&memory, &model, random, 0, &format!("seed {seed}, sync {sync:?}, at the end")).unwrap();
}

#[test]
fn acknowledged_survives_power_loss_at_every_sync() {
    for sync in 1..50 {
        for seed in 0..3 {
            lives(seed, Some(sync));
        }
    }
}

#[test]
fn acknowledged_survives_many_lives() {
    for seed in 100..300 {
        lives(seed, None);
    }
}
