//! openraft's own suite over our log and catalogue: holes, purge, truncation, votes, membership, snapshots; and a start on a
//! catalogue that is ahead of the log.

use std::sync::Arc;

use gossamer_proto::v1::command::Kind;
use gossamer_world::World;
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::log_store::LogStore;
use super::start::Ground;
use super::state_machine::StateMachine;
use super::types::Types;
use crate::storage::catalogue::Catalogue;
use crate::storage::catalogue::memory::Memory;
use crate::storage::catalogue::tests::random::{entry, own, put};
use crate::storage::extents::{self, Chunks};
use crate::storage::log::{self, Log};
use crate::storage::refill::Refill;
use crate::storage::snapshot::Snapshots;

struct Folder;

impl StoreBuilder<Types, LogStore, StateMachine, TempDir> for Folder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<Types>> {
        let world = World::real();
        let folder = tempfile::tempdir().unwrap();
        let dir = |name| folder.path().join(name);
        let config = log::Config { segment_bytes: 1 << 20, cache_bytes: 1 << 20 };
        let log = Log::open(&world, &dir("log"), config).await.unwrap();
        let backend = Arc::new(Memory::default());
        let config = extents::Config { extent_bytes: 4 << 20, reserve_bytes: 0, after_crash: false };
        let chunks = Chunks::open(&world, &dir("extents"), backend.clone(), config).unwrap();
        let catalogue = Arc::new(Catalogue::open(backend, chunks.clone()).unwrap());
        let snapshots = Snapshots::open(&world, &dir("snapshots")).unwrap();
        let refill = Arc::new(Refill::new(&world, &log, &catalogue, &chunks));
        Ok((
            folder,
            LogStore::new(log, chunks.clone(), None),
            StateMachine {
                world,
                catalogue,
                snapshots,
                chunks,
                refill,
                witness: None,
                shutdown: CancellationToken::new(),
            },
        ))
    }
}

/// Storage keeps openraft's contract, as far as openraft can tell.
#[tokio::test]
async fn storage_suite() {
    Box::pin(Suite::test_all(Folder)).await.unwrap();
}

/// A process that dies after it applied entries that its own log did not have yet: before the log is cut to where the catalogue
/// is, a snapshot holds all of that. The catalogue can be lost afterwards.
#[tokio::test]
async fn a_catalogue_ahead_of_the_log() {
    let (folder, _, machine) = Folder.build().await.unwrap();
    let StateMachine { world, catalogue, snapshots, chunks, .. } = machine;
    let files = |index| vec![own(Kind::Put(put(&format!("files/{index}"), b"content")))];
    catalogue.apply((1..20).map(|index| entry(index, files(index))).collect()).unwrap();
    let config = log::Config { segment_bytes: 1 << 20, cache_bytes: 1 << 20 };
    let log = Log::open(&world, &folder.path().join("log"), config).await.unwrap();
    let ground = Ground { log: &log, catalogue: &catalogue, snapshots: &snapshots, chunks: &chunks };
    ground.prepare(&world).await.unwrap();
    snapshots.check().unwrap();
    assert_eq!(snapshots.current().unwrap().meta.at, catalogue.applied().at);

    let emptied = Arc::new(Memory::default());
    let again = Arc::new(Catalogue::open(emptied, chunks.clone()).unwrap());
    snapshots.restore(&again, true).unwrap();
    assert_eq!((again.applied(), again.digest()), (catalogue.applied(), catalogue.digest()));
}
