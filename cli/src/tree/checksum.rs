//! Comparing by content: files here are hashed whose size says that they may be equal.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_world::World;

use super::Entry;
use crate::failure::{FAILED, Failure};
use crate::many::{Failures, many};

/// Files hashed at a time: what is waited for is the disk.
const WIDTH: usize = 4;

/// Gives the files here that have a namesake of the same size in the store their hash.
pub(crate) async fn hash(root: &Path, here: &mut [Entry], there: &[Entry], failures: &mut Failures) {
    let sizes: BTreeMap<&str, u64> = there.iter().map(|entry| (entry.path.as_str(), entry.size)).collect();
    let alike = |entry: &&mut Entry| {
        !entry.is_folder() && sizes.get(entry.path.as_str()).is_some_and(|size| *size == entry.size)
    };
    let blocking = World::real().blocking;
    many(here.iter_mut().filter(alike), WIDTH, failures, |entry| async move {
        let path = root.join(&entry.path);
        let shown = path.display().to_string();
        let hashed = blocking.run(move || hash_file(&path)).await;
        entry.blake3 = Some(hashed.map_err(|error| Failure::new(FAILED, format!("{shown}: {error}")))?);
        Ok(())
    })
    .await;
}

fn hash_file(path: &Path) -> io::Result<Hash> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => hasher.update(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
    }
    Ok(Hash::from(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a file in pieces it is the hash of the whole.
    #[test]
    fn of_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for size in [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 7] {
            let content = vec![7; size];
            std::fs::write(file.path(), &content).unwrap();
            assert_eq!(hash_file(file.path()).unwrap(), Hash::of(&content));
        }
    }
}
