//! The leader brings the voters to what they should be ([`super::voters`]): as many as the setting says, replicas that
//! have caught up in the place of those that are gone or were removed.
//!
//! Voters change only to a set of which a majority holds every chunk up to that point, while commits pause
//! (invariant 3): all members are asked once more after commits have been paused, and answer when they have applied an
//! entry proposed after that, with all that they hold on disk.

use std::time::Duration;

use gossamer_proto::setting::Setting;
use gossamer_proto::v1::{self, command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::founder::Founder;
use super::voters::{Situation, is_safe, wanted};
use super::{Lead, survey};
use crate::raft::{ProposeError, View};
use crate::storage::catalogue::Applied;
use crate::storage::catalogue::backend::BackendError;

/// How often the leader looks at the membership: a newcomer waits at most this long.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How seldom, at the longest, when a change does not come off.
const LOOK_SELDOM: Duration = Duration::from_secs(10);

/// Looks until shutdown.
pub async fn run(lead: Lead, shutdown: CancellationToken) {
    // The term in which this node leads, and when it was first seen to.
    let mut led = (0, Instant::now());
    let mut founder = Founder::default();
    let mut pause = LOOK_EVERY;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let Some(term) = lead.leading_term() else { continue };
        if led.0 != term {
            led = (term, Instant::now());
        }
        let looked = match founder.note(&lead, term).await {
            Ok(()) => look(&lead, term, led.1).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok(Looked::Well) => pause = LOOK_EVERY,
            // Commits stood still for it: not again at once, and again.
            Ok(Looked::InVain) => pause = (pause * 2).min(LOOK_SELDOM),
            Err(error) => {
                tracing::info!(%error, "the membership could not be changed yet");
                pause = (pause * 2).min(LOOK_SELDOM);
            }
        }
    }
}

/// What came of a look.
enum Looked {
    /// All is as it should be, or is now, or waits for something that costs nothing.
    Well,
    /// A change was wanted, and when commits stood still it could not be made.
    InVain,
}

async fn look(lead: &Lead, term: u64, since: Instant) -> Result<Looked, ProposeError> {
    let view = lead.view.borrow().clone();
    if view.configs.len() > 1 {
        // A leader before this one began a change and was lost: the newer set is the one that was wanted.
        if let Some(wanted) = view.configs.last() {
            lead.raft.change_voters(wanted.clone(), true).await?;
        }
        return Ok(Looked::Well);
    }
    let known = survey::known(lead, &view).await.map_err(unreadable)?;
    let dropped: Vec<u64> =
        view.replicas.iter().copied().filter(|replica| known.retired.contains_key(replica)).collect();
    if !dropped.is_empty() {
        tracing::info!(?dropped, "removed nodes leave");
        lead.raft.remove_replicas(dropped).await?;
        return Ok(Looked::Well);
    }
    if view.replicas.is_empty() && !known.has_leaving() {
        return Ok(Looked::Well);
    }
    let now = situation(lead, &view, None, since).await?;
    if !now.superseded.is_empty() {
        tracing::info!(superseded = ?now.superseded, "replicas that came back under other ids leave");
        lead.raft.remove_replicas(now.superseded).await?;
        return Ok(Looked::Well);
    }
    if now.retired.contains_key(&view.id) && hand_over(lead, &now).await {
        return Ok(Looked::Well);
    }
    if wanted(&now).is_none_or(|change| !is_safe(&now, &change)) {
        return Ok(Looked::Well);
    }
    let _paused = lead.upload.pause().await;
    // Commits stand still now, but one of which nothing was heard in time may be in the log and be applied yet. It
    // lies before this entry: who has applied that, and is ready, holds everything that is ever acknowledged before
    // the voters change.
    let behind = mark(lead, term).await?;
    let view = lead.view.borrow().clone();
    let now = situation(lead, &view, Some(behind), since).await?;
    match wanted(&now) {
        // What was asked holds only while this node has led without a break: another leader's commits were not paused.
        Some(change)
            if view.configs.len() == 1 && is_safe(&now, &change) && lead.leading_term() == Some(term) =>
        {
            tracing::info!(from = ?view.voters, to = ?change.voters, "changing the voters");
            lead.raft.change_voters(change.voters, change.retain).await?;
            Ok(Looked::Well)
        }
        Some(_) => Ok(Looked::InVain),
        None => Ok(Looked::Well),
    }
}

/// What is known now; `since` is when this node began to lead.
async fn situation(
    lead: &Lead,
    view: &View,
    settled: Option<u64>,
    since: Instant,
) -> Result<Situation, ProposeError> {
    let mut now = survey::situation(lead, view, settled).await.map_err(unreadable)?;
    let silence = Duration::from_millis(lead.catalogue.setting(Setting::ReplaceAfter));
    // A new leader has to listen as long as a voter may be silent before it can call one gone.
    if since.elapsed() > silence {
        now.gone = lead.raft.silent(silence).into_iter().collect();
    }
    Ok(now)
}

fn unreadable(error: BackendError) -> ProposeError {
    ProposeError::Refused(error.to_string())
}

/// A leader that was removed hands over to a voter that was not: whether there is one that could lead.
async fn hand_over(lead: &Lead, now: &Situation) -> bool {
    let may_lead = |id: &u64| now.whole.contains(id) && !now.retired.contains_key(id);
    let successors: Vec<u64> =
        now.voters.iter().copied().filter(|id| *id != now.leader && may_lead(id)).collect();
    if successors.is_empty() {
        return false;
    }
    tracing::info!(?successors, "this node was removed and hands over");
    lead.raft.hand_over_to(&successors).await;
    true
}

/// Proposes an entry that changes nothing; its index, once it is applied here.
async fn mark(lead: &Lead, term: u64) -> Result<u64, ProposeError> {
    let kind = Some(command::Kind::Mark(v1::MarkDigest {}));
    match lead.upload.propose(v1::Command { operation: None, kind }, term).await? {
        Applied::Marked { index } => Ok(index),
        other => Err(ProposeError::Unknown(format!("a mark was applied as {other:?}"))),
    }
}
