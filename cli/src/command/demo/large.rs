//! One large file, and the leader killed after its first chunks and before its commit.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gossamer_client::{Client, FileSink, FileSource, Got, Progress, PutOptions, Silent, Stored};
use gossamer_proto::limits::INLINE_BYTES;
use gossamer_proto::v1::NodeReport;
use gossamer_world::World;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::cluster::Cluster;
use super::{Story, broken, content, rate};
use crate::failure::Failure;
use crate::show::size;

const DEFAULT_BYTES: u64 = 256 << 20;
const MIB: usize = 1 << 20;
const NAME: &str = "demo/large";

pub(super) struct Large {
    path: PathBuf,
    bytes: u64,
}

/// The user's file, or one in which every MiB differs.
pub(super) async fn prepare(story: &Story, dir: &Path, file: Option<PathBuf>) -> Result<Large, Failure> {
    if let Some(path) = file {
        let bytes = std::fs::metadata(&path)
            .map_err(|error| broken(format_args!("{}: {error}", path.display())))?
            .len();
        if bytes < 8 * MIB as u64 {
            return Err(broken(format_args!(
                "{} has {}; take one of at least 8 MiB (up to {} a file is no upload of chunks at all)",
                path.display(),
                size::bytes(bytes),
                size::bytes(INLINE_BYTES as u64)
            )));
        }
        return Ok(Large { path, bytes });
    }
    let path = dir.join("large");
    let mut file = File::create(&path).map_err(broken)?;
    for number in 0..DEFAULT_BYTES / MIB as u64 {
        file.write_all(&content::bytes(u64::MAX - number, MIB)).map_err(broken)?;
    }
    story.tell(format_args!("made a file of {} in which every MiB differs", size::bytes(DEFAULT_BYTES)));
    Ok(Large { path, bytes: DEFAULT_BYTES })
}

/// Counts what has moved and tells when enough has; the upload then waits until it may go on.
struct Watch {
    moved: AtomicU64,
    kill_at: u64,
    reached: Notify,
}

impl Progress for Watch {
    fn total(&self, _: Option<u64>) {}
    fn waiting(&self, _: &str) {}
    fn moved(&self, bytes: u64) {
        let before = self.moved.fetch_add(bytes, Ordering::Relaxed);
        if before < self.kill_at && before + bytes >= self.kill_at {
            self.reached.notify_one();
        }
    }
}

pub(super) async fn put_over_a_killed_leader(
    story: &Story,
    client: &Client,
    cluster: &mut Cluster,
    large: &Large,
) -> Result<(), Failure> {
    let before = leader(client).await?;
    let watch = Watch { moved: AtomicU64::new(0), kill_at: large.bytes / 4, reached: Notify::new() };
    let source = FileSource::open(&World::real(), &large.path).await.map_err(broken)?;
    let began = Instant::now();
    let killing = async {
        watch.reached.notified().await;
        // Asserted: not committed yet, and chunks have gone to the leader that dies now.
        let committed = client.stat(NAME).await.is_ok();
        cluster.kill(before.pid)?;
        let moved = watch.moved.load(Ordering::Relaxed);
        story.tell(format_args!(
            "kill -9 of the leader, node {} (pid {}), after {} of {}",
            before.id,
            before.pid,
            size::bytes(moved),
            size::bytes(large.bytes)
        ));
        if committed || moved == 0 {
            return Err(broken("the leader was not killed between the first chunk and the commit"));
        }
        Ok(())
    };
    let putting = client.put(NAME, source, PutOptions::default(), &watch);
    let (killed, stored) = tokio::join!(killing, putting);
    killed?;
    let stored: Stored =
        stored.map_err(|error| Failure::of("put of the large file", error.kind(), &error))?;
    let after = leader(client).await?;
    if after.id == before.id || after.term <= before.term {
        return Err(broken("no other leader finished the upload"));
    }
    let again = stored.sent_bytes.saturating_sub(large.bytes);
    story.tell(format_args!(
        "large file put over the change of leaders to node {}: {}; {} sent again",
        after.id,
        rate(large.bytes, began),
        size::bytes(again)
    ));
    if again > large.bytes / 10 {
        return Err(broken(format_args!("{} were sent again, more than a tenth", size::bytes(again))));
    }
    Ok(())
}

/// The leader that has a quorum; after a kill it takes an election.
async fn leader(client: &Client) -> Result<NodeReport, Failure> {
    for _ in 0..100 {
        let description =
            client.describe().await.map_err(|error| Failure::of("describe", error.kind(), &error))?;
        let live = description.nodes.into_iter().filter(|node| node.connected).filter_map(|node| node.report);
        if let Some(leader) = live.filter(|report| report.leading).max_by_key(|report| report.term) {
            return Ok(leader);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(broken("no leader within 5 s"))
}

pub(super) async fn get(story: &Story, client: &Client, dir: &Path, large: &Large) -> Result<(), Failure> {
    let copy = dir.join("large.copy");
    let began = Instant::now();
    let mut sink = FileSink::new(&World::real(), &copy).map_err(broken)?;
    let got = client.get(NAME, &mut sink, &Silent).await;
    let _: Got = got.map_err(|error| Failure::of("get of the large file", error.kind(), &error))?;
    story.tell(format_args!("large file got: {}", rate(large.bytes, began)));
    let (one, other) = (large.path.clone(), copy);
    let equal =
        tokio::task::spawn_blocking(move || equal(&one, &other)).await.map_err(broken)?.map_err(broken)?;
    if !equal {
        return Err(broken("the large file came back changed"));
    }
    story.tell("large file compared, byte for byte: equal");
    Ok(())
}

fn equal(one: &Path, other: &Path) -> std::io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; MIB], vec![0; MIB]);
    loop {
        let length = one.read(&mut left)?;
        if length == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..length])?;
        if left[..length] != right[..length] {
            return Ok(false);
        }
    }
}
