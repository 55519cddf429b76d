//! Known bugs, put back one at a time: the simulation is worth what it finds.

use std::ops::Range;
use std::process::ExitCode;

use anyhow::Result;
use gossamer_world::known_bug::KnownBug;

use crate::seeds;

/// Looks for a seed that finds each bug; fails if one is not found.
pub(crate) fn run(bug: Option<KnownBug>, seeds: Range<u64>) -> Result<ExitCode> {
    let mut all_found = true;
    for bug in KnownBug::ALL.into_iter().filter(|other| bug.is_none_or(|bug| bug == *other)) {
        let found = seeds.clone().find_map(|seed| seeds::one(seed, Some(bug)).err().map(|why| (seed, why)));
        match found {
            Some((seed, why)) => println!("{bug:?}: found by seed {seed}: {}", first_line(&why.to_string())),
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
