//! A short run of random faults.

use std::time::Duration;

use gossamer_nemesis::cluster::{Cluster, Layout};
use gossamer_nemesis::faults::Kind;
use gossamer_nemesis::run::{self, Settings};

use super::{Extras, Scenario};

/// A power loss of all machines at once, then kills, pauses, cuts, bad weather, bad disks and a node that comes and goes,
/// drawn from a seed, with clients at work: the history is linearizable, so no acknowledged write is lost; writes and reads
/// of every name flow within ten seconds of the last fault, all nodes end up with the same. `GOSSAMER_SEED` and
/// `GOSSAMER_SECONDS` choose another run.
#[test]
fn random_faults() {
    let options = run::options();
    // Where clocks cannot jump, all else still breaks: `clock_jump` says what is wanting.
    let extras = Extras { disks: true, clocks: Cluster::clocks_want().is_none() };
    let Some(scenario) = Scenario::start_with(Layout::Machines, 3, 1, options, extras) else { return };
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("GOSSAMER_SEED").unwrap_or(1);
    let lasts = Duration::from_secs(number("GOSSAMER_SECONDS").unwrap_or(45));
    match run::run(&scenario, Settings { seed, lasts, complete: false, first: &[Kind::PowerAll] }) {
        Ok(summary) => {
            super::say(&summary.to_string());
            assert!(summary.faults.contains_key(&Kind::PowerAll), "the power of all never failed");
            assert!(summary.coverage.lost_bytes > 0, "no power loss took anything");
        }
        Err(error) => panic!("seed {seed}: {error:#}"),
    }
}
