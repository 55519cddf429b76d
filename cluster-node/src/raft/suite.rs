//! openraft's own suite over our log and catalogue: holes, purge, truncation, votes, membership, snapshots.

use std::sync::Arc;

use gossamer_world::World;
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::log_store::LogStore;
use super::state_machine::StateMachine;
use super::types::Types;
use crate::storage::catalogue::Catalogue;
use crate::storage::catalogue::memory::Memory;
use crate::storage::extents::{self, Chunks};
use crate::storage::log::{self, Log};
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
        let config = extents::Config { extent_bytes: 4 << 20, reserve_bytes: 0 };
        let chunks = Chunks::open(&world, &dir("extents"), backend.clone(), config).unwrap();
        let catalogue = Arc::new(Catalogue::open(backend, chunks.clone()).unwrap());
        let snapshots = Snapshots::open(&world, &dir("snapshots")).unwrap();
        Ok((
            folder,
            LogStore::new(log, None),
            StateMachine {
                world,
                catalogue,
                snapshots,
                chunks,
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
