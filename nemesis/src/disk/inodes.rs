//! The files that the kernel knows by number, and where they are now.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use gossamer_world::File;

/// The number of the root, which every kernel knows.
const ROOT: u64 = 1;

pub(super) struct Inodes {
    known: HashMap<u64, Inode>,
    names: HashMap<(u64, String), u64>,
    /// The number given out last. None is given twice.
    last: u64,
}

struct Inode {
    /// Directory and name; none of one that was removed.
    place: Option<(u64, String)>,
    node: Node,
    /// How often the kernel was told of it and has not forgotten.
    lookups: u64,
}

/// What an inode is.
#[derive(Clone)]
pub(super) enum Node {
    Dir,
    /// Open for as long as it is known: it outlives its name.
    File(Arc<dyn File>),
}

impl Default for Inodes {
    fn default() -> Self {
        Inodes { known: HashMap::new(), names: HashMap::new(), last: ROOT }
    }
}

impl Inodes {
    /// Where it is on the disk.
    pub(super) fn path(&self, number: u64) -> io::Result<PathBuf> {
        let mut names = Vec::new();
        let mut number = number;
        while number != ROOT {
            let (dir, name) =
                self.known.get(&number).and_then(|inode| inode.place.as_ref()).ok_or_else(stale)?;
            names.push(name);
            number = *dir;
        }
        Ok(names.into_iter().rev().fold(PathBuf::from("/"), |path, name| path.join(name)))
    }

    pub(super) fn node(&self, number: u64) -> io::Result<Node> {
        match number {
            ROOT => Ok(Node::Dir),
            _ => self.known.get(&number).map(|inode| inode.node.clone()).ok_or_else(stale),
        }
    }

    /// The number of what bears this name, which the kernel is told.
    pub(super) fn enter(&mut self, dir: u64, name: &str, node: impl FnOnce() -> Node) -> u64 {
        let place = (dir, name.to_owned());
        if let Some(number) = self.names.get(&place)
            && let Some(inode) = self.known.get_mut(number)
        {
            inode.lookups += 1;
            return *number;
        }
        self.last += 1;
        self.names.insert(place.clone(), self.last);
        self.known.insert(self.last, Inode { place: Some(place), node: node(), lookups: 1 });
        self.last
    }

    pub(super) fn forget(&mut self, number: u64, lookups: u64) {
        let Some(inode) = self.known.get_mut(&number) else { return };
        inode.lookups = inode.lookups.saturating_sub(lookups);
        if inode.lookups == 0
            && let Some(Inode { place: Some(place), .. }) = self.known.remove(&number)
        {
            self.names.remove(&place);
        }
    }

    pub(super) fn remove(&mut self, dir: u64, name: &str) {
        let number = self.names.remove(&(dir, name.to_owned()));
        if let Some(inode) = number.and_then(|number| self.known.get_mut(&number)) {
            inode.place = None;
        }
    }

    pub(super) fn rename(&mut self, from: (u64, &str), to: (u64, &str)) {
        self.remove(to.0, to.1);
        let to = (to.0, to.1.to_owned());
        let Some(number) = self.names.remove(&(from.0, from.1.to_owned())) else { return };
        if let Some(inode) = self.known.get_mut(&number) {
            inode.place = Some(to.clone());
            self.names.insert(to, number);
        }
    }

    /// Nothing that the kernel knows is there any longer.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.names.clear();
    }
}

fn stale() -> io::Error {
    io::Error::from_raw_os_error(libc::ESTALE)
}
