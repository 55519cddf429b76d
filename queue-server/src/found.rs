//! Which cluster this is, and who may found it: exactly one node, ever.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gossamer_proto::v1::{Code, EnterAnswer, EnterRequest, Failure};
use gossamer_world::World;
use tokio::time::Instant;

use crate::RunError;
use crate::config;
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
    /// Whether it is in the folder.
    known_durably: AtomicBool,
    /// Held while the folder is written: two nodes that ask at once do not both get the grant.
    writing: tokio::sync::Mutex<()>,
    /// What to call a cluster that is founded here, and its id, if that was decided; None: nothing is founded here.
    may_found: Option<(String, Option<[u8; 16]>)>,
    /// Until when members of an existing cluster are listened for.
    listening_until: Instant,
}

impl Founding {
    /// With what the folder says, `known`, and what was asked for, `wanted`.
    pub(crate) fn new(
        world: World,
        folder: Folder,
        known: Option<Cluster>,
        wanted: config::Cluster,
        listening_until: Instant,
    ) -> Result<Self, RunError> {
        let (may_found, wanted) = match wanted {
            config::Cluster::Found { name, id } => (Some((name.clone(), id)), id.map(|id| (name, id))),
            config::Cluster::Join { name, id } => (None, Some((name, id))),
        };
        if let (Some(ours), Some((name, id))) = (&known, &wanted)
            && ours.id != id[..]
        {
            let text = format!(
                "{} belongs to cluster {:?}, the token to cluster {name:?}; give the right token or another --dir",
                folder.dir().display(),
                ours.name
            );
            return Err(RunError::OtherCluster(text));
        }
        let known_durably = known.is_some();
        let known = match (known, wanted) {
            // Not yet on disk: the token may be a wrong one. The first member that says hello proves it.
            (None, Some((name, id))) if may_found.is_none() => {
                Some(Cluster { id: Bytes::copy_from_slice(&id), name, founder: None, epoch: 0 })
            }
            (known, _) => known,
        };
        let known_durably = AtomicBool::new(known_durably);
        let (folder, known, writing) = (Arc::new(folder), Mutex::new(known), tokio::sync::Mutex::new(()));
        Ok(Founding { world, folder, known, known_durably, writing, may_found, listening_until })
    }

    /// The cluster, if it is known.
    pub(crate) fn cluster(&self) -> Option<Cluster> {
        self.known.lock().expect("nothing panics while holding it").clone()
    }

    /// A member said hello: its cluster is ours, or becomes ours if we have none.
    pub(crate) async fn heard_member(&self, id: &Bytes, name: &str, epoch: u64) -> Result<(), Failure> {
        if id.is_empty() {
            return Err(Failure::new(Code::Invalid, "a hello without a cluster id"));
        }
        let _writing = self.writing.lock().await;
        match self.cluster() {
            Some(ours) if ours.id == *id && ours.epoch == epoch => {
                if self.known_durably.load(Relaxed) {
                    Ok(())
                } else {
                    self.keep(ours).await
                }
            }
            Some(ours) if ours.id == *id && ours.epoch > epoch => Err(Failure::new(
                Code::Refused,
                format!(
                    "the cluster was recovered since: its epoch is {}, this member's {epoch}",
                    ours.epoch
                ),
            )),
            // It was recovered while this queue server was away.
            Some(ours) if ours.id == *id => self.keep(Cluster { epoch, ..ours }).await,
            Some(ours) => Err(other_cluster(&ours, id, name)),
            None if self
                .may_found
                .as_ref()
                .is_some_and(|(_, ours)| ours.is_some_and(|ours| ours != id[..])) =>
            {
                Err(Failure::new(Code::Refused, "this queue server's token is of another cluster"))
            }
            None => {
                let cluster = Cluster { id: id.clone(), name: name.to_owned(), founder: None, epoch };
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
        let Some((name, id)) = &self.may_found else {
            return Ok(Entry::Answer(come_again(200, "a member of the cluster")));
        };
        let left = self.listening_until.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            let ms = left.as_millis() as u64 + 1;
            return Ok(Entry::Answer(come_again(
                ms,
                "members of an existing cluster, which may be out there",
            )));
        }
        let id = Bytes::copy_from_slice(&id.unwrap_or_else(|| self.world.random.id()));
        let cluster = Cluster { id, name: name.clone(), founder: Some(request.storage_id.clone()), epoch: 0 };
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
        self.known_durably.store(true, Relaxed);
        Ok(())
    }
}

/// Nothing to be had yet.
pub(crate) fn come_again(ms: u64, waiting_for: &str) -> EnterAnswer {
    EnterAnswer { retry_after_ms: ms, waiting_for: waiting_for.to_owned(), ..EnterAnswer::default() }
}

fn granted(cluster: Cluster) -> EnterAnswer {
    let Cluster { id: cluster_id, name: cluster_name, epoch, .. } = cluster;
    EnterAnswer { cluster_id, cluster_name, epoch, node_id: 1, found: true, ..EnterAnswer::default() }
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
