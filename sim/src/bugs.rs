//! Known bugs, put back one at a time: the simulation is worth what it finds.

use std::ops::Range;
use std::process::ExitCode;

use anyhow::Result;
use gossamer_world::known_bug::KnownBug;

use crate::seeds;

/// What is said of a run in which the bug was found. Whatever else may be wrong does not count.
fn symptom(bug: KnownBug) -> &'static str {
    match bug {
        KnownBug::AcknowledgedBeforeSync => "have it on disk",
        KnownBug::BarrierBeforeClaim => "have no linearization",
        KnownBug::SealedUnderAnotherMembership => "was sealed under",
        KnownBug::CollectedUnderUncommitted => "was sealed at Collect",
        KnownBug::IdUsedTwice => "have the node id",
        KnownBug::LateResultAccepted => "which was over",
    }
}

/// Looks for a seed that finds each bug; fails if one is not found.
pub(crate) fn run(bug: Option<KnownBug>, seeds: Range<u64>) -> Result<ExitCode> {
    let mut all_found = true;
    for bug in KnownBug::ALL.into_iter().filter(|other| bug.is_none_or(|bug| bug == *other)) {
        let found = seeds.clone().find_map(|seed| {
            let why = seeds::one(seed, Some(bug)).err()?.to_string();
            why.contains(symptom(bug)).then_some((seed, why))
        });
        match found {
            Some((seed, why)) => println!("{bug:?}: found by seed {seed}: {}", first_line(&why)),
            None => {
                println!("{bug:?}: not found by the seeds {seeds:?}");
                all_found = false;
            }
        }
    }
    Ok(if all_found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
