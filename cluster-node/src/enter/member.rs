//! A member that starts, or wonders whether it still is one.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::{Client, Door, EnterError, PAUSE, Said};
use crate::identity::Member;

/// How long a member that starts looks for a leader that may tell it no. Longer would only keep a cluster from coming up
/// in which everybody starts at once, and there is no leader yet.
const LOOK_FOR_LEADER: Duration = Duration::from_secs(1);
/// After a welcome the other queue servers get this long to object: they answer from memory.
const GRACE: Duration = Duration::from_millis(100);
/// How long a member waits for a process that lives under its name: the one before it on this machine falls silent at once.
const COPY_PATIENCE: Duration = Duration::from_secs(3);
/// How often a running member that does not lead asks whether it still is one.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What a round of answers means for a member. A removed one is removed whatever else is said.
enum Verdict {
    In,
    Elsewhere(String),
    Refused(String),
    Unknown,
}

impl Verdict {
    fn of(said: Vec<Said>) -> Self {
        let mut verdict = Verdict::Unknown;
        for said in said {
            match said {
                Said::Refused(why) => return Verdict::Refused(why),
                Said::Elsewhere(why) => verdict = Verdict::Elsewhere(why),
                Said::In(_) if matches!(verdict, Verdict::Unknown) => verdict = Verdict::In,
                Said::In(_) | Said::Wait(_) | Said::Silent(_) | Said::Stranger(_) => {}
            }
        }
        verdict
    }
}

impl Door {
    /// Whether this member may start: not if it was removed, and not while another process lives under its name. Where
    /// nobody knows, as when all machines start at once, it may.
    pub async fn admits(&self, member: &Member) -> Result<(), EnterError> {
        let began = Instant::now();
        let mut clients = BTreeMap::new();
        loop {
            let asked = self.queues.borrow().clone();
            let verdict = Verdict::of(self.round(&mut clients, member).await?);
            // Only those that are known can have been asked; discovery may just have begun.
            let all = *self.queues.borrow() == asked || began.elapsed() > COPY_PATIENCE;
            match verdict {
                Verdict::Refused(why) => return Err(EnterError::Refused(why)),
                Verdict::Elsewhere(why) if began.elapsed() > COPY_PATIENCE => {
                    return Err(EnterError::Refused(why));
                }
                Verdict::In if all => return Ok(()),
                Verdict::Unknown if all && began.elapsed() > LOOK_FOR_LEADER => return Ok(()),
                Verdict::Elsewhere(_) | Verdict::In | Verdict::Unknown => self.pause().await,
            }
        }
    }

    /// Resolves when this member is to stop, with the reason. `leads`: whether it leads now, and so need not ask.
    pub async fn expelled(&self, member: &Member, leads: impl Fn() -> bool) -> String {
        let mut clients = BTreeMap::new();
        let mut elsewhere_since: Option<Instant> = None;
        // The first time soon: it may have started where nobody could be asked.
        let mut pause = LOOK_FOR_LEADER;
        loop {
            tokio::time::sleep(pause).await;
            pause = ASK_EVERY;
            if leads() {
                continue;
            }
            let Ok(said) = self.round(&mut clients, member).await else {
                // Told to stop, for another reason.
                return std::future::pending().await;
            };
            match Verdict::of(said) {
                Verdict::Refused(why) => return why,
                Verdict::Elsewhere(why) => {
                    if elsewhere_since.get_or_insert_with(Instant::now).elapsed() > COPY_PATIENCE {
                        return why;
                    }
                    pause = PAUSE;
                }
                Verdict::In | Verdict::Unknown => elsewhere_since = None,
            }
        }
    }

    /// What the known queue servers say to a member within [`LOOK_FOR_LEADER`]; once one says welcome, the others get only
    /// [`GRACE`]: one of them may know better.
    async fn round(
        &self,
        clients: &mut BTreeMap<String, Client>,
        member: &Member,
    ) -> Result<Vec<Said>, EnterError> {
        let queues = self.queues.borrow().clone();
        clients.retain(|queue, _| queues.contains(queue));
        let mut answers = FuturesUnordered::new();
        for queue in queues {
            // An address that cannot be used says nothing about this node.
            if let Ok(client) = self.client(clients, &queue, Some(member)) {
                answers.push(self.ask(client, queue, self.request(Some(member))));
            }
        }
        let mut late = std::pin::pin!(tokio::time::sleep(LOOK_FOR_LEADER));
        let mut said = Vec::new();
        loop {
            let answer = tokio::select! {
                () = self.shutdown.cancelled() => return Err(EnterError::Stopped),
                () = &mut late => None,
                answer = answers.next() => answer,
            };
            let Some(answer) = answer else { return Ok(said) };
            if matches!(answer, Said::In(_)) {
                let soon = late.deadline().min(Instant::now() + GRACE);
                late.as_mut().reset(soon);
            }
            said.push(answer);
        }
    }
}
