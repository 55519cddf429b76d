//! Opening a folder's log, snapshots, extents and catalogue, and deciding what of them can be believed.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use gossamer_proto::limits;
use gossamer_world::World;
use gossamer_world::files::Mode;

use super::catalogue::Catalogue;
use super::catalogue::backend::{Backend, BackendError};
use super::catalogue::gate::Gate;
use super::catalogue::memory::Memory;
use super::catalogue::sled_backend::SledBackend;
use super::extents::{self, ChunkError, Chunks};
use super::log::{self, Log};
use super::snapshot::{SnapshotError, Snapshots};
use crate::config::{BackendKind, Config};
use crate::folder::{Folder, FolderError};

/// Why the stores of a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log is damaged and there is no other copy to fetch from.
    #[error("{0}; this node is the only voter, so no other copy of the log exists; nothing was changed")]
    OnlyCopy(String),
    /// The log.
    #[error("the log: {0}")]
    Log(#[from] log::OpenError),
    /// The snapshots.
    #[error("the snapshots: {0}")]
    Snapshot(#[from] SnapshotError),
    /// The extents.
    #[error("the extents: {0}")]
    Chunks(#[from] ChunkError),
    /// The catalogue.
    #[error("the catalogue: {0}")]
    Catalogue(#[from] BackendError),
    /// The folder itself.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// The opened stores. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    /// Vote and entries.
    pub log: Log,
    /// The current snapshot.
    pub snapshots: Arc<Snapshots>,
    /// Chunks and their index.
    pub chunks: Arc<Chunks>,
    /// Applied state.
    pub catalogue: Arc<Catalogue>,
    /// What catalogue and chunks write their rows through.
    pub gate: Arc<Gate>,
}

impl Storage {
    /// Leaves files that the next start believes, also after a power loss. What is still under way writes no row from then
    /// on, so nothing durable names bytes that are not; bytes without a row are looked at by the next start. Blocking; for a
    /// clean stop, after the log.
    pub fn close(&self, world: &World, dir: &Path) -> io::Result<()> {
        self.gate.close();
        self.chunks.sync().map_err(io::Error::other)?;
        self.catalogue.flush().map_err(io::Error::other)?;
        sync_catalogue(world, dir)
    }
}

/// Opens all. A log or snapshot whose durable bytes are damaged is set aside: the node then comes back as a new one,
/// because it no longer knows what it voted for and acknowledged.
pub async fn storage(config: &Config, folder: &mut Folder) -> Result<Storage, OpenError> {
    if folder.identity().member.is_none() {
        folder.clear_non_member()?;
    }
    let opened = match open(config, folder).await {
        Err(error @ (OpenError::Catalogue(_) | OpenError::Chunks(ChunkError::Index(_))))
            if folder.is_trusted() =>
        {
            tracing::warn!(%error, "the catalogue cannot be used and is built anew");
            folder.distrust()?;
            open(config, folder).await
        }
        other => other,
    };
    let storage = match opened {
        Ok(storage) => storage,
        Err(error) => {
            let Some(damage) = damage(&error) else { return Err(error) };
            let Some(member) = &folder.identity().member else { return Err(error) };
            if only_voter(config, folder, member.node_id).await {
                return Err(OpenError::OnlyCopy(damage));
            }
            tracing::error!(%damage, "durable bytes are damaged: this node does not vote with them, and joins anew");
            folder.set_log_aside()?;
            open(config, folder).await?
        }
    };
    folder.trust()?;
    Ok(storage)
}

/// fdatasyncs the files of the catalogue, whose own flush does not reach the disk.
fn sync_catalogue(world: &World, dir: &Path) -> io::Result<()> {
    let dir = dir.join("catalogue");
    let names = match world.files.list(&dir) {
        // The catalogue is in memory.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names?,
    };
    for name in names {
        match world.files.open(&dir.join(name), Mode::Write) {
            Ok(file) => file.sync_data()?,
            // A folder for values over 128 KiB, of which there are none; or replaced by sled's own thread just now.
            Err(error) if matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    world.files.sync_dir(&dir)
}

/// What was damaged, if the error is damage and not, say, a full disk or a newer format.
fn damage(error: &OpenError) -> Option<String> {
    match error {
        OpenError::Log(log::OpenError::Corrupt { .. })
        | OpenError::Snapshot(SnapshotError::Corrupt { .. }) => Some(error.to_string()),
        _ => None,
    }
}

async fn open(config: &Config, folder: &Folder) -> Result<Storage, OpenError> {
    let dir = folder.dir().to_owned();
    let log_dir = dir.join("log");
    let files = &config.world.files;
    if folder.identity().member.is_some() && !log::is_there(&**files, &log_dir).map_err(log::OpenError::Io)? {
        let (file, what) = (log_dir.display().to_string(), "is gone, though this node has voted with it");
        return Err(log::OpenError::Corrupt { file, offset: 0, what }.into());
    }
    let log_config =
        log::Config { segment_bytes: config.segment_bytes, cache_bytes: limits::LOG_CACHE_BYTES };
    let log = Log::open(&config.world, &log_dir, log_config).await?;
    let (world, backend, trusted) = (config.world.clone(), config.backend, folder.is_trusted());
    let (reserve_bytes, after_crash) = (config.reserve_bytes, !folder.ended_well());
    let purged = log.indexes().start;
    let rest = config.world.blocking.run(move || -> Result<_, OpenError> {
        if !trusted {
            can_rebuild(&world, &dir.join("snapshots"), purged)?;
        }
        let gate = Gate::new(open_backend(&world, backend, &dir.join("catalogue"), trusted)?);
        let settings = extents::Config { extent_bytes: limits::EXTENT_BYTES, reserve_bytes, after_crash };
        let read = || -> Result<_, OpenError> {
            let chunks = Chunks::open(&world, &dir.join("extents"), gate.clone(), settings)?;
            let catalogue = Arc::new(Catalogue::open(gate.clone(), chunks.clone())?);
            if trusted {
                check_digest(&catalogue)?;
            }
            Ok((chunks, catalogue))
        };
        // sled panics on some damage where it should return an error.
        let panicked = |_| Err(BackendError::Store("it panicked".to_owned()).into());
        let (chunks, catalogue) = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(panicked)?;
        let snapshots = open_snapshots(&world, &dir.join("snapshots"), &catalogue, purged)?;
        Ok((snapshots, chunks, catalogue, gate))
    });
    let (snapshots, chunks, catalogue, gate) = rest.await?;
    Ok(Storage { log, snapshots, chunks, catalogue, gate })
}

/// Compares all rows with their digest. sled may lose rows without a word when bits of its files rot, and when a sync of its
/// own fails, which it reports to nobody: what its files then lack after a reboot is not even missed by a clean stop.
fn check_digest(catalogue: &Catalogue) -> Result<(), BackendError> {
    if catalogue.is_half_replaced() {
        // It is replaced anyway.
        return Ok(());
    }
    let (_, found, kept) = catalogue.recompute_digest()?;
    let differ = || BackendError::Row("they do not match their digest".to_owned());
    if found == kept { Ok(()) } else { Err(differ()) }
}

/// Fails if snapshot and log, which begins at `purged`, do not make a catalogue. Asked before one is removed: if they
/// do not, it may be the last copy, and tells who else votes.
fn can_rebuild(world: &World, dir: &Path, purged: u64) -> Result<(), SnapshotError> {
    let snapshots = Snapshots::open(world, dir)?;
    snapshots.check()?;
    let next = snapshots.current().and_then(|current| current.meta.at).map_or(0, |at| at.index + 1);
    if next >= purged { Ok(()) } else { Err(too_old(dir)) }
}

fn too_old(dir: &Path) -> SnapshotError {
    let what = "no longer reaches to where the log begins".to_owned();
    SnapshotError::Corrupt { file: dir.display().to_string(), what }
}

/// Opens the snapshots and brings the catalogue up to where the log begins, which is `purged`. A damaged snapshot
/// that the catalogue does not need is removed: the next one is built from the catalogue.
fn open_snapshots(
    world: &World,
    dir: &Path,
    catalogue: &Catalogue,
    purged: u64,
) -> Result<Arc<Snapshots>, OpenError> {
    let next = || catalogue.applied().at.map_or(0, |at| at.index + 1);
    let snapshots = match Snapshots::open(world, dir) {
        Err(error @ SnapshotError::Corrupt { .. }) if next() >= purged && !catalogue.is_half_replaced() => {
            tracing::warn!(%error, "the snapshot is removed; the catalogue does not need it");
            world.files.remove_dir_all(dir).map_err(SnapshotError::from)?;
            Snapshots::open(world, dir)?
        }
        other => other?,
    };
    snapshots.restore(catalogue, false)?;
    if next() < purged {
        return Err(too_old(dir).into());
    }
    Ok(snapshots)
}

/// Opens the catalogue's store; what cannot be opened, or was not flushed before the machine went down, is removed:
/// it holds nothing that log, snapshot and extents don't.
fn open_backend(
    world: &World,
    kind: BackendKind,
    dir: &Path,
    trusted: bool,
) -> Result<Arc<dyn Backend>, OpenError> {
    if kind == BackendKind::Memory {
        return Ok(Arc::new(Memory::default()));
    }
    let remove = || -> Result<(), BackendError> {
        match world.files.remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(BackendError::Store(format!("{}: {error}", dir.display())))
            }
            _ => Ok(()),
        }
    };
    if !trusted {
        tracing::info!("the machine went down without a clean stop: the catalogue is built anew");
        remove()?;
    }
    match catch_unwind(AssertUnwindSafe(|| SledBackend::open(dir))) {
        Ok(Ok(backend)) => Ok(Arc::new(backend)),
        failed => {
            let why = match failed {
                Ok(Err(error)) => error.to_string(),
                _ => "it panicked".to_owned(),
            };
            tracing::warn!(%why, "the catalogue cannot be opened and is built anew");
            remove()?;
            Ok(Arc::new(SledBackend::open(dir)?))
        }
    }
}

/// Whether no other node has the log: then a damaged one is better looked at by a person than replaced by nothing.
async fn only_voter(config: &Config, folder: &Folder, node: u64) -> bool {
    let (world, dir, kind) = (config.world.clone(), folder.dir().to_owned(), config.backend);
    let voters = config.world.blocking.run(move || {
        let snapshot = Snapshots::open(&world, &dir.join("snapshots")).ok();
        let of_snapshot =
            snapshot.and_then(|snapshots| snapshots.current()).and_then(|it| it.meta.membership);
        let backend = open_backend(&world, kind, &dir.join("catalogue"), true).ok();
        let of_catalogue = backend.and_then(|backend| super::catalogue::membership(backend.as_ref()).ok()?);
        of_catalogue.or(of_snapshot)
    });
    // Unknown counts as the only one, as refusing to start loses nothing: but whoever came into a cluster was not alone in it.
    let founder = folder.identity().member.as_ref().is_none_or(|member| member.founder);
    voters.await.map_or(founder, |membership| membership.configs.iter().all(|config| config.ids == [node]))
}
