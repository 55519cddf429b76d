//! Extents whose bytes were changed: every chunk that is found is right, one bad byte costs one chunk at most, and writing goes
//! on.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gossamer_cluster_node::storage::catalogue::backend::Backend;
use gossamer_cluster_node::storage::catalogue::memory;
use gossamer_cluster_node::storage::extents::{ChunkError, Chunks, Config, Purpose};
use gossamer_proto::hash::Hash;
use gossamer_world::memory::Memory;

use crate::disk::{Image, changes, damage, disk, image, world};

const DIR: &str = "/extents";
/// Both copies of an extent's header.
const HEADERS: usize = 128;

fn open(disk: &Memory, backend: &Arc<dyn Backend>) -> Result<Arc<Chunks>, ChunkError> {
    let config = Config { extent_bytes: 2048, reserve_bytes: 0, after_crash: false };
    Chunks::open(&world(disk), Path::new(DIR), Arc::clone(backend), config)
}

fn backend() -> Arc<dyn Backend> {
    Arc::new(memory::Memory::default())
}

fn written() -> &'static (Image, Vec<(Hash, Bytes)>) {
    static WRITTEN: OnceLock<(Image, Vec<(Hash, Bytes)>)> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let disk = Memory::new();
        let chunks = open(&disk, &backend()).unwrap();
        let content = |number: u8| Bytes::from(vec![number; usize::from(number) * 29 % 700 + 1]);
        let contents: Vec<_> = (1..20).map(content).map(|bytes| (Hash::of(&bytes), bytes)).collect();
        for (hash, bytes) in &contents {
            chunks.put(*hash, bytes, Purpose::Upload).unwrap();
        }
        chunks.sync().unwrap();
        (image(&disk, Path::new(DIR)), contents)
    })
}

/// The input: changes; or, if it begins with 255, the first extent itself.
pub fn run(bytes: &[u8]) {
    let (written, contents) = written();
    let mut files = written.clone();
    let done = match bytes.split_first() {
        Some((255, extent)) => {
            files[0].1 = extent.to_vec();
            None
        }
        _ => Some(damage(&mut files, &changes(bytes))),
    };
    let disk = disk(Path::new(DIR), &files);
    // Without its index, as after a power loss.
    let chunks = match open(&disk, &backend()) {
        Ok(chunks) => chunks,
        Err(ChunkError::Newer { .. }) if done.is_none() => return,
        Err(error) => panic!("{error}"),
    };
    let mut held = 0;
    for (hash, bytes) in contents {
        match chunks.get_checked(hash) {
            Ok(Some(found)) => {
                assert_eq!(found, bytes);
                held += 1;
            }
            Ok(None) | Err(ChunkError::Corrupt(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    if let Some(done) = done.filter(|done| !done.wild) {
        let mut in_header: Vec<usize> =
            done.flips.iter().filter(|(_, at)| *at < HEADERS).map(|(file, _)| *file).collect();
        let count = in_header.len();
        in_header.sort_unstable();
        in_header.dedup();
        if in_header.len() == count {
            assert!(held + done.flips.len() >= contents.len(), "a bad byte cost more than one chunk");
        }
    }
    let more = Bytes::from_static(b"written after all that");
    chunks.put(Hash::of(&more), &more, Purpose::Upload).unwrap();
    chunks.sync().unwrap();
    drop(chunks);
    disk.crash();
    let again = open(&disk, &backend()).unwrap();
    assert_eq!(again.get_checked(&Hash::of(&more)).unwrap(), Some(more));
}
