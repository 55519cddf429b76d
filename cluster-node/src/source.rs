//! The other nodes as a source of missing chunks.

use std::collections::BTreeSet;

use bytes::Bytes;
use gossamer_proto::channel::Channels;
use gossamer_proto::hash::Hash;
use gossamer_world::network::BoxFuture;

use crate::data::fetch::{FetchError, fetch};
use crate::peers::Peers;
use crate::storage::repair::Source;

/// Asks one node after the other.
pub struct Nodes {
    channels: Channels,
    peers: Peers,
}

impl Nodes {
    /// The nodes that `peers` knows.
    pub fn new(channels: Channels, peers: Peers) -> Self {
        Nodes { channels, peers }
    }
}

impl Source for Nodes {
    fn fetch(&self, hashes: Vec<Hash>) -> BoxFuture<'_, Vec<(Hash, Bytes)>> {
        Box::pin(async move {
            let mut wanted: BTreeSet<Hash> = hashes.into_iter().collect();
            let mut found = Vec::new();
            for (node, _) in self.peers.all() {
                if wanted.is_empty() {
                    break;
                }
                let asked: Vec<Hash> = wanted.iter().copied().collect();
                match fetch(&self.channels, &self.peers, node, &asked).await {
                    Ok(chunks) => {
                        chunks.iter().for_each(|(hash, _)| {
                            wanted.remove(hash);
                        });
                        found.extend(chunks);
                    }
                    Err(FetchError::NotHeld { .. }) => {}
                    Err(error) => tracing::debug!(%error, "chunks could not be fetched"),
                }
            }
            found
        })
    }
}
