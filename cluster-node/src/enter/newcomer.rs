//! A node that is a member of nothing yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gossamer_proto::v1::EnterAnswer;

use super::{Client, Door, EnterError, PAUSE, Said};
use crate::identity::Member;

impl Door {
    /// Asks the queue servers again and again, for ever: a cluster may be started in any order.
    pub async fn enter(&self) -> Result<Member, EnterError> {
        // With a token only one machine's queue server may let a node found the cluster. Without, any may.
        if self.channels.cluster().is_empty() {
            self.enter_by_first().await
        } else {
            self.enter_by_any().await
        }
    }

    /// Asks them in order, and no further than to the first that answers: two could found two clusters.
    async fn enter_by_first(&self) -> Result<Member, EnterError> {
        let mut clients = BTreeMap::new();
        let mut said = String::new();
        loop {
            let queues = self.queues.borrow().clone();
            let mut refused = Vec::new();
            for queue in &queues {
                let asked = self.ask_newcomer(&mut clients, queue.clone(), Duration::ZERO);
                let (_, answer) = tokio::select! {
                    () = self.shutdown.cancelled() => return Err(EnterError::Stopped),
                    answer = asked => answer,
                };
                let (why, answered) = match answer {
                    Said::In(answer) => match member(answer) {
                        Ok(member) => return Ok(member),
                        Err(waiting_for) => (waiting_for, true),
                    },
                    Said::Wait(why) | Said::Elsewhere(why) => (why, true),
                    Said::Silent(why) => (why, false),
                    Said::Refused(why) | Said::Stranger(why) => {
                        refused.push(why.clone());
                        (why, false)
                    }
                };
                if why != said {
                    tracing::info!(queue, why, "not in a cluster yet");
                    said = why;
                }
                if answered {
                    break;
                }
            }
            if !queues.is_empty() && refused.len() == queues.len() {
                return Err(EnterError::Refused(refused.join("; ")));
            }
            self.pause().await;
        }
    }

    /// Asks all of them side by side: one that hangs holds up nobody.
    async fn enter_by_any(&self) -> Result<Member, EnterError> {
        let mut clients = BTreeMap::new();
        let mut asked = FuturesUnordered::new();
        // What each said last.
        let mut said: BTreeMap<String, Result<String, String>> = BTreeMap::new();
        loop {
            let queues = self.queues.borrow().clone();
            said.retain(|queue, _| queues.contains(queue));
            for queue in queues {
                if !said.contains_key(&queue) {
                    said.insert(queue.clone(), Ok(format!("an answer of queue server {queue}")));
                    asked.push(self.ask_newcomer(&mut clients, queue, Duration::ZERO));
                }
            }
            let (queue, answer) = tokio::select! {
                () = self.pause() => continue,
                Some(answered) = asked.next() => answered,
                () = self.shutdown.cancelled() => return Err(EnterError::Stopped),
            };
            let answer = match answer {
                Said::In(answer) => match member(answer) {
                    Ok(member) => return Ok(member),
                    Err(waiting_for) => Ok(waiting_for),
                },
                Said::Wait(why) | Said::Silent(why) | Said::Elsewhere(why) => Ok(why),
                Said::Refused(why) | Said::Stranger(why) => Err(why),
            };
            // No longer known: not asked again.
            let Some(last) = said.get_mut(&queue) else { continue };
            if *last != answer {
                let why = answer.as_ref().unwrap_or_else(|why| why);
                tracing::info!(queue, why, "not in a cluster yet");
            }
            *last = answer;
            // One of several may serve another cluster.
            if said.values().all(Result::is_err) {
                let refusals: BTreeSet<String> = said.into_values().filter_map(Result::err).collect();
                return Err(EnterError::Refused(refusals.into_iter().collect::<Vec<_>>().join("; ")));
            }
            asked.push(self.ask_newcomer(&mut clients, queue, PAUSE));
        }
    }

    fn ask_newcomer(
        &self,
        clients: &mut BTreeMap<String, Client>,
        queue: String,
        pause: Duration,
    ) -> impl Future<Output = (String, Said)> + use<'_> {
        let client = self.client(clients, &queue, None);
        async move {
            tokio::time::sleep(pause).await;
            match client {
                Ok(client) => (queue.clone(), self.ask(client, queue, self.request(None)).await),
                Err(error) => (queue, Said::Stranger(error.to_string())),
            }
        }
    }
}

fn member(answer: EnterAnswer) -> Result<Member, String> {
    if answer.cluster_id.len() != 16 {
        return Err(answer.waiting_for);
    }
    Ok(Member {
        cluster_id: answer.cluster_id,
        cluster_name: answer.cluster_name,
        node_id: answer.node_id,
        founder: answer.found,
        epoch: answer.epoch,
    })
}
