//! Open extent files, a bounded number of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gossamer_world::File;

use super::locked;

/// Files kept open: enough for the extents of one large file being read, far below any limit on descriptors.
const OPEN: usize = 128;

/// Remembers the files used last.
#[derive(Default)]
pub(super) struct Handles(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    files: BTreeMap<u64, (u64, Arc<dyn File>)>,
    uses: u64,
}

impl Handles {
    pub(super) fn get(&self, extent: u64) -> Option<Arc<dyn File>> {
        let mut recent = locked(&self.0);
        recent.uses += 1;
        let now = recent.uses;
        let (used, file) = recent.files.get_mut(&extent)?;
        *used = now;
        Some(Arc::clone(file))
    }

    /// Keeps `file`, and lets go of the one that was used least recently if there are too many.
    pub(super) fn keep(&self, extent: u64, file: &Arc<dyn File>) {
        let mut recent = locked(&self.0);
        recent.uses += 1;
        let now = recent.uses;
        recent.files.insert(extent, (now, Arc::clone(file)));
        if recent.files.len() > OPEN {
            let oldest = recent.files.iter().min_by_key(|(_, (used, _))| *used).map(|(extent, _)| *extent);
            oldest.map(|extent| recent.files.remove(&extent));
        }
    }

    /// Lets go of a file; who reads it at this moment may go on.
    pub(super) fn forget(&self, extent: u64) {
        locked(&self.0).files.remove(&extent);
    }
}
