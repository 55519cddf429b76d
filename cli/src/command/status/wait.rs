//! Waiting until the cluster is as it should be.

use std::time::Duration;

use gossamer_client::Client;
use tokio::time::Instant;

use super::{Status, look};
use crate::args::Common;
use crate::failure::Failure;

/// How often a waiting status looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until `voters` are ready and there is a leader; `--timeout` bounds it.
pub(in crate::command) async fn wait_for(
    common: &Common,
    client: &Client,
    voters: usize,
) -> Result<Status, Failure> {
    wait_until(common, client, voters, |_| true).await
}

/// The same, and until none of them is behind: while others write, that may never be.
pub(in crate::command) async fn wait_even(
    common: &Common,
    client: &Client,
    voters: usize,
) -> Result<Status, Failure> {
    wait_until(common, client, voters, |status| status.lag == 0 && status.missing_chunks == 0).await
}

async fn wait_until(
    common: &Common,
    client: &Client,
    voters: usize,
    more: impl Fn(&Status) -> bool,
) -> Result<Status, Failure> {
    let began = Instant::now();
    let mut seen = String::new();
    loop {
        match look(common, client).await {
            Ok(status) if status.leader.is_some() && status.voters >= voters && more(&status) => {
                return Ok(status);
            }
            Ok(status) => {
                let now = match status.leader {
                    None => "a leader".to_owned(),
                    Some(_) if status.voters < voters => {
                        format!("{voters} voters to be ready; {} are", status.voters)
                    }
                    Some(_) => "every node to hear of everything".to_owned(),
                };
                if now != seen {
                    if !common.quiet {
                        eprintln!("gossamer: waiting for {now}");
                    }
                    seen = now;
                }
            }
            Err(failure) if began.elapsed() >= common.timeout => return Err(failure),
            Err(_) => {}
        }
        if began.elapsed() >= common.timeout {
            let what = format!("after {:?} still waiting for {seen}; see `gossamer nodes`", common.timeout);
            return Err(Failure::new(5, what));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
