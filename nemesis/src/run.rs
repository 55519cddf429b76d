//! One run: clients at work, faults drawn from a seed, healed and judged.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::faults::{Broken, Field, Kind};
use crate::judge::{self, Coverage};
use crate::load::Load;
use crate::load::book::Counts;

/// So many things may be broken at a time.
const AT_ONCE: usize = 3;
/// How long a fault may wait for the others that stand in its way.
const WAITS: Duration = Duration::from_secs(90);
/// A voter that is silent for so long is replaced if there is a replica: so it happens in a run.
const REPLACE_AFTER: Duration = Duration::from_secs(2);

/// Options of nodes with which a short run sees what else takes hours: snapshots installed, chunks collected.
pub fn options() -> Vec<String> {
    let options = ["--snapshot-entries", "100", "--keep-entries", "20", "--collect-every", "2s"];
    options.map(str::to_owned).to_vec()
}

/// How a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Decides everything that is drawn.
    pub seed: u64,
    /// How long things break.
    pub lasts: Duration,
    /// Whether all of [`Coverage`] must have been seen, and every kind of fault.
    pub complete: bool,
    /// Faults that come before those that are drawn.
    pub first: &'static [Kind],
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// How long it took, seconds.
    pub seconds: u64,
    /// What became of the operations.
    pub operations: Counts,
    /// Faults that were seen to happen.
    pub faults: BTreeMap<Kind, usize>,
    /// What else was seen.
    pub coverage: Coverage,
}

/// Breaks things for a while, mends all, and judges. An error is a violation, or a run that shows nothing.
pub fn run(cluster: &Cluster, settings: Settings) -> anyhow::Result<Summary> {
    let begun = Instant::now();
    let mut random = SmallRng::seed_from_u64(settings.seed);
    let mut field = Field::new(cluster, SmallRng::seed_from_u64(random.random()))?;
    field.replace_after(REPLACE_AFTER)?;
    let load = Load::start(cluster, settings.seed)?;
    let mut faults = BTreeMap::new();
    let broken = break_things(&mut field, &load, &mut random, settings, &mut faults);
    // All is mended even if the clients have seen something that must not be: its end is of interest, too.
    broken?;
    let book = load.stop()?;
    judge::flows(cluster, &book)?;
    judge::whole(cluster, &field.watch, faults.contains_key(&Kind::Rot))?;
    book.check()?;
    let wrongs = book.wrongs();
    ensure!(wrongs.is_empty(), "{} answers that must not be, the first: {}", wrongs.len(), wrongs[0]);
    let coverage = judge::coverage(cluster, &field.watch, &faults, &book);
    let seconds = begun.elapsed().as_secs();
    let summary = Summary { seed: settings.seed, seconds, operations: book.counts(), faults, coverage };
    judge::shows(summary.operations)?;
    for kind in Kind::possible(cluster) {
        ensure!(summary.faults.contains_key(&kind) || !settings.complete, "never: {kind:?}");
    }
    if settings.complete {
        summary.coverage.is_complete().with_context(|| summary.to_string())?;
    }
    Ok(summary)
}

/// All kinds in turn, in an order drawn anew each time, several at once; until time is over and all is mended.
fn break_things(
    field: &mut Field<'_>,
    load: &Load,
    random: &mut SmallRng,
    settings: Settings,
    faults: &mut BTreeMap<Kind, usize>,
) -> anyhow::Result<()> {
    let (begun, mut waiting) = (Instant::now(), Instant::now());
    let Settings { lasts, first, .. } = settings;
    let mut plan: Vec<Kind> = first.to_vec();
    let mut standing: Vec<Broken> = Vec::new();
    while begun.elapsed() < lasts || !standing.is_empty() {
        // A node can be removed only while a majority is there: that waits for all else, and nothing more breaks meanwhile.
        let is_over = |broken: &Broken| broken.until <= Instant::now();
        let leaves = |broken: &Broken| broken.kind == Kind::JoinAndRemove;
        while let Some(over) =
            standing.iter().position(|broken| is_over(broken) && (!leaves(broken) || standing.len() == 1))
        {
            let broken = standing.remove(over);
            let kind = broken.kind;
            field.mend(broken).with_context(|| format!("the end of {kind:?}"))?;
            *faults.entry(kind).or_default() += 1;
        }
        load.book.set_broken(standing.len());
        let waits = standing.iter().any(|broken| leaves(broken) && is_over(broken));
        let more = begun.elapsed() < lasts && standing.len() < AT_ONCE && !waits;
        if more && random.random_bool(0.5) {
            if plan.is_empty() {
                plan = Kind::possible(field.cluster);
                plan.shuffle(random);
            }
            // The first of the plan that is possible beside what is broken already.
            let mut begin = None;
            for (at, kind) in plan.iter().enumerate() {
                // Clients hear of it before it is seen to have happened.
                let full = (*kind == Kind::FullDisk).then(|| load.book.see_full());
                if let Some(broken) = field.begin(*kind).with_context(|| format!("{kind:?}"))? {
                    begin = Some((at, broken));
                    break;
                }
                if let Some(before) = full {
                    load.book.forget_full(before);
                }
            }
            match begin {
                Some((at, broken)) => {
                    eprintln!("{:>7.1} s {:?}", begun.elapsed().as_secs_f64(), broken.kind);
                    plan.remove(at);
                    standing.push(broken);
                    waiting = Instant::now();
                }
                None if standing.is_empty() && waiting.elapsed() > WAITS => {
                    bail!("nothing is broken, and none of {plan:?} has been possible for {WAITS:?}");
                }
                None => {}
            }
        }
        load.book.set_broken(standing.len());
        if standing.iter().any(|broken| broken.kind == Kind::FullDisk) {
            load.book.see_full();
        }
        sleep(Duration::from_millis(random.random_range(50..500)));
    }
    Ok(())
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { ok, failed, unknown, despite } = self.operations;
        writeln!(f, "seed {}, {} s", self.seed, self.seconds)?;
        writeln!(
            f,
            "operations: {ok} ok ({despite} of them during faults), {failed} failed, {unknown} unknown"
        )?;
        let faults: Vec<String> =
            self.faults.iter().map(|(kind, times)| format!("{kind:?} {times}")).collect();
        writeln!(f, "faults: {} ({})", self.faults.values().sum::<usize>(), faults.join(", "))?;
        write!(f, "seen: {:?}", self.coverage)
    }
}
