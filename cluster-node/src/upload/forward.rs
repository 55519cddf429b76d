//! Forwarding: chunks go on to every other node as they arrive.
//!
//! A node that cannot keep up goes without: when the upload is sealed it fetches what it lacks. It holds the client
//! back only as long as a majority of the voters does, and then by at most
//! [`gossamer_proto::limits::FORWARD_WAIT`] for each node that falls behind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gossamer_proto::channel::Channels;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{FORWARD_QUEUE_BYTES, FORWARDED_UPLOADS, RECEIVE_BYTES};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::target::{self, Target};
use crate::data;
use crate::peers::Peers;
use crate::raft::View;

/// The forwarding of all uploads of this node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Forwards(Arc<Shared>);

type UploadId = [u8; 16];

struct Shared {
    to: Nodes,
    view: watch::Receiver<View>,
    /// Bytes in all queues: beyond it chunks are not forwarded, so that receiving goes on.
    room: Arc<Semaphore>,
    routes: Mutex<BTreeMap<UploadId, (Instant, Arc<Route>)>>,
}

/// What it takes to reach other nodes.
#[derive(Clone)]
pub(super) struct Nodes {
    pub(super) channels: Channels,
    pub(super) peers: Peers,
}

impl Forwards {
    /// None are under way yet.
    pub(crate) fn new(config: &data::Config) -> Self {
        let to = Nodes { channels: config.channels.clone(), peers: config.peers.clone() };
        let room = Arc::new(Semaphore::new(RECEIVE_BYTES / 2));
        Forwards(Arc::new(Shared { to, view: config.view.clone(), room, routes: Mutex::default() }))
    }

    /// The route of an upload: made when its first chunks come, kept until others need the place.
    pub(crate) fn route(&self, upload_id: UploadId) -> Arc<Route> {
        let now = Instant::now();
        let mut routes = self.0.routes.lock().expect("nothing panics while holding it");
        if let Some((used, route)) = routes.get_mut(&upload_id) {
            *used = now;
            return route.clone();
        }
        if routes.len() >= FORWARDED_UPLOADS
            && let Some(idlest) = routes.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id)
        {
            routes.remove(&idlest);
        }
        let route = Arc::new(self.begin(upload_id));
        routes.insert(upload_id, (now, route.clone()));
        route
    }

    /// To every other voter and replica of this moment.
    fn begin(&self, upload_id: UploadId) -> Route {
        let view = self.0.view.borrow().clone();
        let others = view.voters.iter().chain(&view.replicas).filter(|node| **node != view.id);
        let targets = others
            .map(|node| target::begin(self.0.to.clone(), *node, view.voters.contains(node), upload_id))
            .collect();
        Route {
            targets,
            // As many others as make a majority together with this node.
            needed: view.voters.len() / 2,
            room: self.0.room.clone(),
        }
    }
}

/// The nodes that get the chunks of one upload.
pub(crate) struct Route {
    targets: Vec<Target>,
    needed: usize,
    room: Arc<Semaphore>,
}

impl Route {
    /// Hands a checked chunk to every target that has room, waiting a little if those are no majority.
    pub(crate) async fn pass(&self, hash: Hash, bytes: &Bytes) {
        let (mut taken, mut late) = (0, FuturesUnordered::new());
        for target in &self.targets {
            match target.offer(hash, bytes, &self.room) {
                true => taken += usize::from(target.voter),
                false if target.voter && target.keeps_up() => late.push(target.wait(hash, bytes, &self.room)),
                false => {}
            }
        }
        while taken < self.needed {
            match late.next().await {
                Some(waited) => taken += usize::from(waited),
                None => return,
            }
        }
    }
}

const _: () = assert!(FORWARD_QUEUE_BYTES < RECEIVE_BYTES / 2);
