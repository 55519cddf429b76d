//! A short run of random faults.

use std::time::Duration;

use gossamer_nemesis::cluster::Layout;
use gossamer_nemesis::run::{self, Settings};

use super::Scenario;

/// Kills, pauses, cuts, bad weather and a node that comes and goes, drawn from a seed, with clients at work: the history
/// is linearizable, writes and reads of every name flow within ten seconds of the last fault, all nodes end up with the
/// same. `GOSSAMER_SEED` and `GOSSAMER_SECONDS` choose another run.
#[test]
fn random_faults() {
    let options = run::options();
    let Some(scenario) = Scenario::start(Layout::Machines, 3, 1, options) else { return };
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("GOSSAMER_SEED").unwrap_or(1);
    let lasts = Duration::from_secs(number("GOSSAMER_SECONDS").unwrap_or(45));
    match run::run(&scenario, Settings { seed, lasts, complete: false }) {
        Ok(summary) => super::say(&summary.to_string()),
        Err(error) => panic!("seed {seed}: {error:#}"),
    }
}
