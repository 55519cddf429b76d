//! What each part of the node is given.

use tokio::sync::mpsc;

use super::Node;
use crate::{data, lead, peer, read, steal};

impl Node {
    pub(super) fn lead(&self) -> lead::Lead {
        lead::Lead {
            config: self.config.clone(),
            cluster_id: self.member.cluster_id.clone(),
            cluster_name: self.member.cluster_name.clone(),
            raft: self.raft.clone(),
            view: self.raft.view(),
            upload: self.upload.clone(),
            catalogue: self.storage.catalogue.clone(),
            chunks: self.storage.chunks.clone(),
            peers: self.peers.clone(),
            report: self.report.1.clone(),
        }
    }

    pub(super) fn data_config(&self) -> data::Config {
        data::Config {
            world: self.config.world.clone(),
            channels: self.channels.clone(),
            chunks: self.storage.chunks.clone(),
            tickets: self.tickets.clone(),
            peers: self.peers.clone(),
            view: self.raft.view(),
        }
    }

    pub(super) fn read_config(&self) -> read::Config {
        read::Config {
            world: self.config.world.clone(),
            raft: self.raft.clone(),
            catalogue: self.storage.catalogue.clone(),
            chunks: self.storage.chunks.clone(),
            tickets: self.tickets.clone(),
            whereabouts: self.whereabouts.clone(),
            node: self.member.node_id,
            served: self.served.clone(),
        }
    }

    pub(super) fn steal_config(
        &self,
        leader_claims: mpsc::Sender<steal::Claim>,
        read_claims: mpsc::Sender<steal::Claim>,
    ) -> steal::Config {
        steal::Config {
            world: self.config.world.clone(),
            channels: self.channels.clone(),
            queues: self.config.queues.clone(),
            cluster_id: self.member.cluster_id.clone(),
            cluster_name: self.member.cluster_name.clone(),
            peers: self.peers.clone(),
            view: self.raft.view(),
            report: self.report.1.clone(),
            leader_claims,
            read_claims,
        }
    }

    pub(super) fn peer_service(&self) -> peer::Service {
        peer::Service {
            world: self.config.world.clone(),
            raft: self.raft.clone(),
            upload: self.upload.clone(),
            catalogue: self.storage.catalogue.clone(),
            chunks: self.storage.chunks.clone(),
            tickets: self.tickets.clone(),
            report: self.report.1.clone(),
            whereabouts: self.whereabouts.clone(),
        }
    }
}
