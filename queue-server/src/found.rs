//! Which cluster this is, and who may found it: exactly one node, ever.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gossamer_proto::v1::{Code, EnterAnswer, EnterRequest, Failure};
use gossamer_world::World;
use tokio::time::Instant;

use crate::folder::{Cluster, Folder, FolderError, hex};

/// Length of a storage id, bytes.
const STORAGE_ID_BYTES: usize = 16;

/// What a node that wants to enter gets.
pub(crate) enum Entry {
    /// An answer at once.
    Answer(EnterAnswer),
    /// The leader is to be asked.
    Ask,
}

/// The queue server's cluster, in memory and in its folder.
pub(crate) struct Founding {
    world: World,
    folder: Arc<Folder>,
    known: Mutex<Option<Cluster>>,
    /// Held while the folder is written: two nodes that ask at once do not both get the grant.
    writing: tokio::sync::Mutex<()>,
    name: String,
    /// Until when members of an existing cluster are listened for.
    listening_until: Instant,
}

impl Founding {
    pub(crate) fn new(
        world: World,
        folder: Folder,
        known: Option<Cluster>,
        name: String,
        listening_until: Instant,
    ) -> Self {
        let (folder, known) = (Arc::new(folder), Mutex::new(known));
        Founding { world, folder, known, writing: tokio::sync::Mutex::new(()), name, listening_until }
    }

    /// The cluster, if it is known.
    pub(crate) fn cluster(&self) -> Option<Cluster> {
        self.known.lock().expect("nothing panics while holding it").clone()
    }

    /// A member said hello: its cluster is ours, or becomes ours if we have none.
    pub(crate) async fn heard_member(&self, id: &Bytes, name: &str) -> Result<(), Failure> {
        if id.is_empty() {
            return Err(Failure::new(Code::Invalid, "a hello without a cluster id"));
        }
        let _writing = self.writing.lock().await;
        match self.cluster() {
            Some(ours) if ours.id == *id => Ok(()),
            Some(ours) => Err(other_cluster(&ours, id, name)),
            None => {
                let cluster = Cluster { id: id.clone(), name: name.to_owned(), founder: None };
                self.keep(cluster).await
            }
        }
    }

    /// A node wants to become a member.
    pub(crate) async fn enter(&self, request: &EnterRequest) -> Result<Entry, Failure> {
        if request.storage_id.len() != STORAGE_ID_BYTES {
            return Err(Failure::new(Code::Invalid, "a storage id has 16 bytes"));
        }
        let _writing = self.writing.lock().await;
        let Some(ours) = self.cluster() else { return self.enter_nothing(request).await };
        if !request.cluster_id.is_empty() && request.cluster_id != ours.id {
            return Err(other_cluster(&ours, &request.cluster_id, ""));
        }
        let founder = ours.founder.as_ref() == Some(&request.storage_id);
        if founder && request.cluster_id.is_empty() {
            Ok(Entry::Answer(granted(ours)))
        } else {
            Ok(Entry::Ask)
        }
    }

    /// The same while there is no cluster.
    async fn enter_nothing(&self, request: &EnterRequest) -> Result<Entry, Failure> {
        if !request.cluster_id.is_empty() {
            return Ok(Entry::Answer(come_again(200, "a member of its cluster")));
        }
        let left = self.listening_until.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            let ms = left.as_millis() as u64 + 1;
            return Ok(Entry::Answer(come_again(
                ms,
                "members of an existing cluster, which may be out there",
            )));
        }
        let id = Bytes::copy_from_slice(&self.world.random.id());
        let cluster = Cluster { id, name: self.name.clone(), founder: Some(request.storage_id.clone()) };
        self.keep(cluster.clone()).await?;
        Ok(Entry::Answer(granted(cluster)))
    }

    /// Durable first, known afterwards.
    async fn keep(&self, cluster: Cluster) -> Result<(), Failure> {
        let (folder, kept) = (self.folder.clone(), cluster.clone());
        let written: Result<(), FolderError> =
            self.world.blocking.run(move || folder.write_cluster(&kept)).await;
        written.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        tracing::info!(
            id = hex(&cluster.id),
            name = cluster.name,
            founded = cluster.founder.is_some(),
            "cluster"
        );
        *self.known.lock().expect("nothing panics while holding it") = Some(cluster);
        Ok(())
    }
}

/// Nothing to be had yet.
pub(crate) fn come_again(ms: u64, waiting_for: &str) -> EnterAnswer {
    EnterAnswer { retry_after_ms: ms, waiting_for: waiting_for.to_owned(), ..EnterAnswer::default() }
}

fn granted(cluster: Cluster) -> EnterAnswer {
    let (cluster_id, cluster_name) = (cluster.id, cluster.name);
    EnterAnswer { cluster_id, cluster_name, node_id: 1, found: true, ..EnterAnswer::default() }
}

fn other_cluster(ours: &Cluster, id: &Bytes, name: &str) -> Failure {
    let text = format!(
        "this queue server serves cluster {:?} ({}), the node belongs to cluster {name:?} ({})",
        ours.name,
        hex(&ours.id),
        hex(id)
    );
    Failure::new(Code::Refused, text)
}
