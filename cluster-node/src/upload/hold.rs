//! Which chunks of a file are here, list chunks and their contents alike.

use std::collections::BTreeSet;

use gossamer_proto::hash::{Hash, NotHashes};
use gossamer_proto::limits::HAVE_HASHES;

use super::Shared;
use crate::storage::extents::{ChunkError, Chunks};

/// What was found.
pub(super) struct Held {
    /// The Collect number before anything was looked up: what is held is protected from the two after it.
    pub(super) collect_number: u64,
    /// What is not here: at most about [`HAVE_HASHES`], then looking ends. List chunks come first, alone.
    pub(super) missing: Vec<Hash>,
    /// Chunks of the content; only complete if none is missing.
    pub(super) content: u64,
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub(super) enum HoldError {
    /// The disk or the index.
    #[error(transparent)]
    Chunks(#[from] ChunkError),
    /// A chunk that should be a hash list is none.
    #[error("list chunk {0} is no list: {1}")]
    List(Hash, NotHashes),
}

/// Looks all chunks up and protects those that are here.
pub(super) async fn hold(shared: &Shared, hashes: Vec<Hash>, depth: u32) -> Result<Held, HoldError> {
    let (catalogue, chunks) = (shared.config.catalogue.clone(), shared.config.chunks.clone());
    let call = move || look(&chunks, catalogue.collect_number(), &hashes, depth);
    shared.config.world.blocking.run(call).await
}

fn look(chunks: &Chunks, collect_number: u64, hashes: &[Hash], depth: u32) -> Result<Held, HoldError> {
    let mut missing: BTreeSet<Hash> = chunks.hold(hashes)?.into_iter().collect();
    let mut content = hashes.len() as u64;
    if depth == 1 && missing.is_empty() {
        content = 0;
        for list in hashes {
            // Checked: what a list names that has changed on the disk is nobody's chunk.
            let bytes = match chunks.get_checked(list) {
                Ok(Some(bytes)) => bytes,
                Ok(None) | Err(ChunkError::Corrupt(_)) => {
                    missing.insert(*list);
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let listed = Hash::list(&bytes).map_err(|error| HoldError::List(*list, error))?;
            content += listed.len() as u64;
            missing.extend(chunks.hold(&listed)?);
            if missing.len() >= HAVE_HASHES {
                break;
            }
        }
    }
    Ok(Held { collect_number, missing: missing.into_iter().take(HAVE_HASHES).collect(), content })
}
