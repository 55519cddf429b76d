//! The leader's side of a seal: a majority of the voters confirms that it holds every chunk on disk.

use std::collections::BTreeMap;
use std::future::Future;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::SEAL_PAUSE;
use gossamer_proto::v1::{self, Code, Failure};
use gossamer_world::network::BoxFuture;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::Shared;
use super::answer::{self, Stop, chunks_failed};
use crate::raft::View;

/// What is to be confirmed.
pub(super) struct Seal<'a> {
    pub(super) shared: &'a Shared,
    pub(super) chunks: Bytes,
    pub(super) depth: u32,
    /// The membership whose voters are asked.
    pub(super) view: &'a View,
    pub(super) deadline: Instant,
}

type Confirmation<'a> = BoxFuture<'a, (u64, Result<u64, Failure>)>;

impl Seal<'_> {
    /// Asks all voters at once and returns as soon as a majority of each voter set has confirmed, with the lowest
    /// Collect number among them. `number` is this node's, from before it held the chunks.
    pub(super) async fn run(&self, number: u64) -> Result<u64, Stop> {
        let mut confirmations = Confirmations { configs: &self.view.configs, numbers: BTreeMap::new() };
        let mut asks: FuturesUnordered<Confirmation<'_>> = FuturesUnordered::new();
        asks.push(Box::pin(async move { (self.view.id, self.sync().await.map(|()| number)) }));
        for node in self.view.voters.iter().copied().filter(|node| *node != self.view.id) {
            asks.push(Box::pin(async move { (node, self.ask(node).await) }));
        }
        let mut lost = std::pin::pin!(self.lost());
        loop {
            tokio::select! {
                next = asks.next() => match next {
                    Some((node, Ok(number))) => {
                        confirmations.numbers.insert(node, number);
                    }
                    // Only a failure that trying again does not mend ends an ask.
                    Some((node, Err(failure))) if node == self.view.id => return Err(answer::stopped_by(failure)),
                    Some((_, Err(failure))) if asks.is_empty() => return Err(answer::stopped_by(failure)),
                    Some((node, Err(failure))) => tracing::info!(node, failure.message, "a voter cannot seal"),
                    None => {
                        let why = "no majority of the voters has room for the file";
                        return Err(answer::failed(Failure::new(Code::NoSpace, why)));
                    }
                },
                () = lost.as_mut() => return Err(answer::not_leading()),
                () = sleep_until(self.deadline) => {
                    return Err(answer::unavailable("a majority of the voters did not confirm the chunks in time"));
                }
            }
            if let Some(number) = confirmations.majority() {
                return Ok(number);
            }
        }
    }

    async fn sync(&self) -> Result<(), Failure> {
        self.shared.chunks(|chunks| chunks.sync()).await.map_err(|error| chunks_failed(&error))
    }

    /// Asks one voter until it confirms.
    async fn ask(&self, node: u64) -> Result<u64, Failure> {
        loop {
            match self.ask_once(node).await {
                Err(failure) if failure.code() != Code::NoSpace => {
                    tracing::debug!(node, failure.message, "a voter did not confirm yet");
                    sleep(SEAL_PAUSE).await;
                }
                definite => return definite,
            }
        }
    }

    async fn ask_once(&self, node: u64) -> Result<u64, Failure> {
        let config = &self.shared.config;
        let unknown = || Failure::new(Code::Unavailable, "its address is not known");
        let channel = config.peers.channel(node).ok_or_else(unknown)?;
        let target = config.peers.target(node);
        let mut peer = v1::peer_client::PeerClient::with_interceptor(channel, target);
        let request = v1::SealRequest {
            chunks: self.chunks.clone(),
            depth: self.depth,
            holder: self.view.id,
            time_left_ms: self.deadline.duration_since(Instant::now()).as_millis() as u64,
        };
        let late = |_| Failure::new(Code::Deadline, "no answer in time");
        let answer = timeout_at(self.deadline, peer.seal(request)).await.map_err(late)??.into_inner();
        match answer {
            v1::SealAnswer { failure: Some(failure), .. } => Err(failure),
            v1::SealAnswer { sealed: true, collect_number, .. } => Ok(collect_number),
            v1::SealAnswer { missing, .. } => {
                let why = format!("it lacks {} chunks and could not fetch them", missing.len() / Hash::BYTES);
                Err(Failure::new(Code::Unavailable, why))
            }
        }
    }

    /// Waits until this node does not lead any more in the term that it began in.
    fn lost(&self) -> impl Future<Output = ()> + use<> {
        let (mut view, term) = (self.shared.config.raft.view(), self.view.term);
        async move {
            // An error means that Raft has stopped.
            let _ = view.wait_for(|view| view.term != term || !view.leading).await;
        }
    }
}

/// Who confirmed, and with which Collect number.
struct Confirmations<'a> {
    configs: &'a [Vec<u64>],
    numbers: BTreeMap<u64, u64>,
}

impl Confirmations<'_> {
    /// The lowest number, once every voter set has a majority of confirmers.
    fn majority(&self) -> Option<u64> {
        let confirmed = |set: &&Vec<u64>| set.iter().filter(|node| self.numbers.contains_key(node)).count();
        let all = self.configs.iter().all(|set| confirmed(&set) * 2 > set.len());
        if all && !self.configs.is_empty() { self.numbers.values().min().copied() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each set needs a majority of its own, and every confirmer's number counts.
    #[test]
    fn majority() {
        let seal = |configs: &[Vec<u64>], numbers: &[(u64, u64)]| {
            Confirmations { configs, numbers: numbers.iter().copied().collect() }.majority()
        };
        let uniform = [vec![1, 2, 3]];
        assert_eq!(seal(&uniform, &[(1, 5)]), None);
        assert_eq!(seal(&uniform, &[(1, 5), (9, 5)]), None, "a replica is no voter");
        assert_eq!(seal(&uniform, &[(1, 5), (3, 4)]), Some(4));
        let joint = [vec![1, 2, 3], vec![3, 4, 5, 6]];
        assert_eq!(seal(&joint, &[(1, 1), (2, 1), (3, 1)]), None);
        assert_eq!(seal(&joint, &[(1, 1), (3, 1), (4, 1)]), None, "half of four is no majority");
        assert_eq!(seal(&joint, &[(1, 7), (3, 8), (4, 9), (5, 7)]), Some(7));
        assert_eq!(seal(&[], &[(1, 1)]), None);
    }
}
