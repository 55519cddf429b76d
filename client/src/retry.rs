//! Patience: the same request again and again, with pauses, until nothing has moved for too long.

use std::time::Duration;

use gossamer_proto::v1::{Code, Failure};
use gossamer_world::World;
use tokio::time::Instant;

use crate::kind::Kind;
use crate::progress::Progress;

/// First pause between attempts.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// Longest pause, unless the cluster asks for a longer one.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Waiting that takes longer is told to whoever waits; what heals within it is nobody's business.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// Why the cluster did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody did it, and nothing was changed.
    #[error(
        "{doing}: no progress for {waited:?}: {last}. Nothing was changed. See `gossamer status`; `gossamer doctor` finds out more"
    )]
    Unavailable {
        /// What was asked for.
        doing: String,
        /// The patience that ran out.
        waited: Duration,
        /// What the last attempt met with.
        last: String,
    },
    /// It was sent, and no answer tells what became of it.
    #[error(
        "{doing}: {last}. The outcome is UNKNOWN: it may or may not have happened; look with `gossamer stat`"
    )]
    Unknown {
        /// What was asked for.
        doing: String,
        /// What the last attempt met with.
        last: String,
    },
    /// A definite no.
    #[error("{doing}: {}", failure.message)]
    Failure {
        /// What was asked for.
        doing: String,
        /// The cluster's word.
        failure: Failure,
    },
    /// An answer that does not fit the question.
    #[error(
        "{doing}: the cluster's answer makes no sense ({what}); client and cluster are of different versions?"
    )]
    Nonsense {
        /// What was asked for.
        doing: String,
        /// What does not fit.
        what: &'static str,
    },
}

impl AskError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            AskError::Unavailable { .. } => Kind::Unavailable,
            AskError::Unknown { .. } => Kind::Unknown,
            AskError::Failure { failure, .. } => Kind::of(failure.code()),
            AskError::Nonsense { .. } => Kind::Failed,
        }
    }

    /// The code of a definite no.
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            AskError::Failure { failure, .. } => Some(failure.code()),
            _ => None,
        }
    }
}

/// One operation's patience, and what its attempts met with.
pub(crate) struct Patience<'a> {
    world: &'a World,
    progress: &'a dyn Progress,
    limit: Duration,
    since: Instant,
    pause: Duration,
    doing: String,
    /// An attempt may have been carried out, and no later answer says whether.
    pub(crate) uncertain: bool,
}

impl<'a> Patience<'a> {
    /// `doing` says for people what is tried, and on what.
    pub(crate) fn new(world: &'a World, limit: Duration, progress: &'a dyn Progress, doing: String) -> Self {
        Patience { world, progress, limit, since: Instant::now(), pause: PAUSE_MIN, doing, uncertain: false }
    }

    /// Something moved: the time starts again.
    pub(crate) fn moved(&mut self) {
        self.since = Instant::now();
        self.pause = PAUSE_MIN;
    }

    /// Gives `by` more time until the next progress.
    pub(crate) fn extend(&mut self, by: Duration) {
        self.limit += by;
    }

    /// Time until the end of patience; never nothing, so that one attempt is always made.
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed()).max(PAUSE_MIN)
    }

    /// Pauses before the next attempt, or fails because patience has run out.
    pub(crate) async fn wait(&mut self, why: &Failure) -> Result<(), AskError> {
        let left = self.limit.saturating_sub(self.since.elapsed());
        if left.is_zero() {
            return Err(self.exhausted(&why.message));
        }
        if self.since.elapsed() >= SAY_AFTER {
            self.progress.waiting(&why.message);
        }
        // Between half and all of the pause, so that clients that failed together do not come back together.
        let jittered = self.pause.mul_f64(0.5 + (self.world.random.number() % 512) as f64 / 1024.0);
        let pause = jittered.max(Duration::from_millis(why.retry_after_ms)).min(left);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// The end of patience.
    pub(crate) fn exhausted(&self, last: &str) -> AskError {
        let (doing, last) = (self.doing.clone(), last.to_owned());
        if self.uncertain {
            AskError::Unknown { doing, last }
        } else {
            AskError::Unavailable { doing, waited: self.limit, last }
        }
    }

    /// A definite no.
    pub(crate) fn failed(&self, failure: Failure) -> AskError {
        // The log knows what became of earlier attempts, and a request that can never succeed had none that did. A full
        // disk, a node of another cluster, "too old to tell": they know nothing of an attempt that is in doubt.
        let knows = matches!(failure.code(), Code::Condition | Code::NotFound | Code::Invalid);
        if self.uncertain && !knows {
            return AskError::Unknown { doing: self.doing.clone(), last: failure.message };
        }
        AskError::Failure { doing: self.doing.clone(), failure }
    }

    /// An answer that does not fit.
    pub(crate) fn nonsense(&self, what: &'static str) -> AskError {
        AskError::Nonsense { doing: self.doing.clone(), what }
    }

    /// Hears of the progress.
    pub(crate) fn progress(&self) -> &'a dyn Progress {
        self.progress
    }
}
