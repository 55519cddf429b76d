//! A large upload that goes only as far as it is let, so that a test knows what it interrupts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use gossamer_client::{Progress, PutOptions, Source, SourceError, Stored};
use gossamer_world::network::BoxFuture;
use tokio::sync::Semaphore;

use crate::cluster::{Cluster, wait};
use crate::content::{self, MIB};

/// The running put.
pub(crate) struct LargePut {
    gate: Arc<Semaphore>,
    moved: Arc<AtomicU64>,
    putting: JoinHandle<Stored>,
}

/// Content in memory, whose next MiB can be read when the gate lets it through.
struct Gated {
    content: Bytes,
    offset: usize,
    gate: Arc<Semaphore>,
}

struct Moved(Arc<AtomicU64>);

impl LargePut {
    /// Begins to put `mib` MiB, of which nothing may pass yet.
    pub(crate) fn start(cluster: &Cluster, name: &'static str, seed: u64, mib: usize) -> Self {
        let (gate, moved) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU64::new(0)));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let client = {
            let _entered = runtime.enter();
            cluster.client()
        };
        let source = Gated { content: content::bytes(seed, mib * MIB).into(), offset: 0, gate: gate.clone() };
        let progress = Moved(moved.clone());
        let putting = std::thread::spawn(move || {
            let put = client.put(name, source, PutOptions::default(), &progress);
            runtime.block_on(put).unwrap_or_else(|error| panic!("put {name}: {error}"))
        });
        LargePut { gate, moved, putting }
    }

    /// Lets `mib` more MiB pass, and waits until the cluster has taken `arrived` MiB in all.
    #[track_caller]
    pub(crate) fn pass(&self, mib: usize, arrived: u64) {
        self.gate.add_permits(mib);
        wait("the upload to go on", || {
            assert!(!self.putting.is_finished(), "the upload has ended before its time");
            (self.moved.load(Ordering::Relaxed) >= arrived * MIB as u64).then_some(())
        });
    }

    /// Lets everything pass and waits for the end.
    #[track_caller]
    pub(crate) fn finish(self) -> Stored {
        self.gate.close();
        self.putting.join().expect("the upload succeeds")
    }
}

impl Source for Gated {
    fn length(&self) -> Option<u64> {
        Some(self.content.len() as u64)
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(async move {
            // Closed, it is open for good.
            if let Ok(permit) = self.gate.acquire().await {
                permit.forget();
            }
            let end = (self.offset + MIB).min(self.content.len());
            let piece = self.content.slice(self.offset..end);
            self.offset = end;
            Ok(piece)
        })
    }

    fn again(&mut self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let piece = self.content.slice(offset as usize..offset as usize + length);
        Box::pin(async move { Ok(piece) })
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Progress for Moved {
    fn total(&self, _: Option<u64>) {}

    fn waiting(&self, _: &str) {}

    fn moved(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Gets a file through the command line and compares it with what was put.
#[track_caller]
pub(crate) fn check(cluster: &Cluster, name: &str, seed: u64, length: usize) {
    let copy = cluster.dir().join("copy");
    cluster.run(&["get", name, copy.to_str().unwrap()]).ok();
    assert!(
        std::fs::read(&copy).unwrap() == content::bytes(seed, length),
        "{name} has the bytes that were put"
    );
    std::fs::remove_file(copy).unwrap();
}
