//! Directories: the names of now, and those that a power loss leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::content::{Content, Unsynced};
use super::locked;

#[derive(Clone)]
pub(super) enum Node {
    Dir(Arc<Mutex<Dir>>),
    File(Arc<Mutex<Content>>),
}

#[derive(Default)]
pub(super) struct Dir {
    live: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
}

/// What a power loss took: bytes of files that are still there, and names.
#[derive(Default)]
pub(super) struct Lost {
    pub(super) bytes: u64,
    pub(super) names: u64,
}

/// Everything below the root, which always is there.
#[derive(Default)]
pub(super) struct Tree {
    root: Arc<Mutex<Dir>>,
    pub(super) locks: BTreeSet<PathBuf>,
}

impl Tree {
    pub(super) fn node(&self, path: &Path) -> io::Result<Node> {
        let mut node = Node::Dir(self.root.clone());
        for name in names(path)? {
            let Node::Dir(dir) = node else { return Err(io::ErrorKind::NotADirectory.into()) };
            let found = locked(&dir).live.get(name).cloned();
            node = found.ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<Arc<Mutex<Content>>> {
        match self.node(path)? {
            Node::File(content) => Ok(content),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn dir(&self, path: &Path) -> io::Result<Arc<Mutex<Dir>>> {
        match self.node(path)? {
            Node::Dir(dir) => Ok(dir),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn insert(&mut self, path: &Path, node: Node) -> io::Result<()> {
        let (parent, name) = split(path)?;
        locked(&*self.dir(parent)?).live.insert(name, node);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let (parent, name) = split(path)?;
        locked(&*self.dir(parent)?).live.remove(&name);
        Ok(())
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let mut dir = self.root.clone();
        for name in names(path)? {
            let made = Node::Dir(Arc::default());
            let node = locked(&dir).live.entry(name.to_owned()).or_insert(made).clone();
            let Node::Dir(next) = node else { return Err(io::ErrorKind::AlreadyExists.into()) };
            dir = next;
        }
        Ok(())
    }

    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Ok(locked(&*self.dir(path)?).live.keys().cloned().collect())
    }

    pub(super) fn sync(&self, path: &Path) -> io::Result<()> {
        let dir = self.dir(path)?;
        let mut dir = locked(&dir);
        dir.durable = dir.live.clone();
        Ok(())
    }

    /// What a power loss would leave, as a tree of its own.
    pub(super) fn durable_copy(&self, used: &Arc<AtomicU64>) -> Tree {
        Tree { root: durable_copy(&self.root, used), locks: BTreeSet::new() }
    }

    /// Makes durable that files are gone whose names nothing else bears now.
    pub(super) fn sync_removals(&mut self) {
        let mut live = BTreeSet::new();
        let mut dirs = vec![self.root.clone()];
        let mut seen = dirs.clone();
        while let Some(dir) = dirs.pop() {
            for node in locked(&dir).live.values() {
                live.insert(node.identity());
                if let Node::Dir(dir) = node {
                    dirs.push(dir.clone());
                    seen.push(dir.clone());
                }
            }
        }
        for dir in seen {
            let mut dir = locked(&dir);
            let Dir { live: names, durable } = &mut *dir;
            durable.retain(|name, node| names.contains_key(name) || live.contains(&node.identity()));
        }
    }

    pub(super) fn lose_power(&mut self, unsynced: Unsynced) -> Lost {
        self.locks.clear();
        let mut lost = Lost::default();
        let mut dirs = vec![self.root.clone()];
        while let Some(dir) = dirs.pop() {
            let mut dir = locked(&dir);
            lost.names += dir.live.iter().filter(|(name, node)| !dir.has_durably(name, node)).count() as u64;
            dir.live = dir.durable.clone();
            for node in dir.live.values() {
                match node {
                    Node::Dir(dir) => dirs.push(dir.clone()),
                    Node::File(content) => lost.bytes += locked(content).lose_power(unsynced),
                }
            }
        }
        lost
    }

    /// Every file there is and its length, by path.
    pub(super) fn files(&self) -> Vec<(PathBuf, u64)> {
        let mut files = Vec::new();
        let mut dirs = vec![(PathBuf::from("/"), self.root.clone())];
        while let Some((path, dir)) = dirs.pop() {
            for (name, node) in &locked(&dir).live {
                match node {
                    Node::Dir(dir) => dirs.push((path.join(name), dir.clone())),
                    Node::File(content) => files.push((path.join(name), locked(content).len())),
                }
            }
        }
        files.sort_unstable();
        files
    }
}

impl Node {
    /// What no other node is at the same time.
    fn identity(&self) -> usize {
        match self {
            Node::Dir(dir) => Arc::as_ptr(dir).addr(),
            Node::File(content) => Arc::as_ptr(content).addr(),
        }
    }
}

impl Dir {
    /// Whether a power loss leaves this name what it is.
    fn has_durably(&self, name: &str, node: &Node) -> bool {
        self.durable.get(name).is_some_and(|durable| durable.identity() == node.identity())
    }
}

fn durable_copy(dir: &Mutex<Dir>, used: &Arc<AtomicU64>) -> Arc<Mutex<Dir>> {
    let copy = |(name, node): (&String, &Node)| {
        let node = match node {
            Node::Dir(dir) => Node::Dir(durable_copy(dir, used)),
            Node::File(content) => Node::File(Arc::new(Mutex::new(locked(content).durable_copy(used)))),
        };
        (name.clone(), node)
    };
    let durable: BTreeMap<String, Node> = locked(dir).durable.iter().map(copy).collect();
    Arc::new(Mutex::new(Dir { live: durable.clone(), durable }))
}

/// The names on an absolute path; the root has none.
fn names(path: &Path) -> io::Result<Vec<&str>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir => {}
            Component::Normal(name) => names.push(name.to_str().ok_or(io::ErrorKind::InvalidFilename)?),
            _ => return Err(io::ErrorKind::InvalidFilename.into()),
        }
    }
    Ok(names)
}

fn split(path: &Path) -> io::Result<(&Path, String)> {
    match (path.parent(), names(path)?.pop()) {
        (Some(parent), Some(name)) => Ok((parent, name.to_owned())),
        _ => Err(io::ErrorKind::InvalidFilename.into()),
    }
}
