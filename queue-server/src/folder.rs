//! The queue server's folder: a lock, a format, and which cluster it serves. Nothing else is ever kept.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use gossamer_world::World;
use gossamer_world::files::{Lock, Mode};

/// The format that this program writes and the newest one that it reads.
const FORMAT: u32 = 1;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has it.
    #[error("{0} is in use by another queue server; stop that one or give another --dir")]
    Locked(PathBuf),
    /// Written by a newer program.
    #[error("{0} has format {1}; this program knows formats up to {FORMAT}: start a newer one")]
    Newer(PathBuf, u32),
    /// Not what was written.
    #[error("{0} is damaged: {1}")]
    Damaged(PathBuf, &'static str),
    /// The system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// Which cluster a queue server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// 16 bytes.
    pub id: Bytes,
    /// For people.
    pub name: String,
    /// The storage id of the one node that may initialise it, if it was founded here.
    pub founder: Option<Bytes>,
    /// How often it was recovered by force.
    pub epoch: u64,
}

/// The opened and locked folder. Its calls block.
pub(crate) struct Folder {
    world: World,
    dir: PathBuf,
    _lock: Box<dyn Lock>,
}

impl Folder {
    /// Makes the folder if there is none, locks it, and reads which cluster it belongs to.
    pub(crate) fn open(world: &World, dir: &Path) -> Result<(Self, Option<Cluster>), FolderError> {
        let io = |error| FolderError::Io(dir.to_owned(), error);
        world.files.create_dir_durably(dir).map_err(io)?;
        let lock = world.files.lock(&dir.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => FolderError::Locked(dir.to_owned()),
            _ => io(error),
        })?;
        let folder = Folder { world: world.clone(), dir: dir.to_owned(), _lock: lock };
        folder.check_format()?;
        let cluster = match folder.read("cluster")? {
            Some(text) => Some(parse(&text).map_err(|why| FolderError::Damaged(dir.join("cluster"), why))?),
            None => None,
        };
        Ok((folder, cluster))
    }

    /// Its path.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes `cluster` durable; it is all there after a crash, or not at all.
    pub(crate) fn write_cluster(&self, cluster: &Cluster) -> Result<(), FolderError> {
        let mut text = format!("id {}\nname {}\n", hex(&cluster.id), cluster.name.escape_default());
        text.push_str(&format!("epoch {}\n", cluster.epoch));
        if let Some(founder) = &cluster.founder {
            text.push_str(&format!("founder {}\n", hex(founder)));
        }
        text.push_str("end\n");
        self.write("cluster", &text)
    }

    fn check_format(&self) -> Result<(), FolderError> {
        let Some(text) = self.read("format")? else { return self.write("format", &format!("{FORMAT}\n")) };
        let format = text.trim().parse();
        let format = format.map_err(|_| FolderError::Damaged(self.dir.join("format"), "not a number"))?;
        if format > FORMAT { Err(FolderError::Newer(self.dir.clone(), format)) } else { Ok(()) }
    }

    fn read(&self, name: &str) -> Result<Option<String>, FolderError> {
        let path = self.dir.join(name);
        let read = || {
            if !self.world.files.exists(&path)? {
                return Ok(None);
            }
            let file = self.world.files.open(&path, Mode::Read)?;
            let mut bytes = vec![0; file.len()? as usize];
            file.read_exact_at(&mut bytes, 0)?;
            Ok(Some(bytes))
        };
        let bytes = read().map_err(|error| FolderError::Io(path.clone(), error))?;
        bytes.map(String::from_utf8).transpose().map_err(|_| FolderError::Damaged(path, "not text"))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let (path, new) = (self.dir.join(name), self.dir.join(format!("{name}.new")));
        let files = &self.world.files;
        let write = || {
            let file = files.open(&new, Mode::CreateOrWrite)?;
            file.set_len(0)?;
            file.write_all_at(text.as_bytes(), 0)?;
            file.sync_data()?;
            files.rename(&new, &path)?;
            files.sync_dir(&self.dir)
        };
        write().map_err(|error| FolderError::Io(path.clone(), error))
    }
}

fn parse(text: &str) -> Result<Cluster, &'static str> {
    let mut cluster = Cluster { id: Bytes::new(), name: String::new(), founder: None, epoch: 0 };
    let mut ended = false;
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("id", id)) => cluster.id = unhex(id).ok_or("the id is not hexadecimal")?,
            Some(("name", name)) => {
                cluster.name = unescape(name).ok_or("the name is not escaped as it should be")?
            }
            Some(("epoch", epoch)) => cluster.epoch = epoch.parse().map_err(|_| "the epoch is no number")?,
            Some(("founder", id)) => {
                cluster.founder = Some(unhex(id).ok_or("the founder is not hexadecimal")?)
            }
            None if line == "end" => ended = true,
            _ => return Err("an unknown line"),
        }
    }
    if ended && !cluster.id.is_empty() { Ok(cluster) } else { Err("it is not complete") }
}

/// For people and for the folder.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Bytes> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Undoes `str::escape_default`.
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match chars.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'u' => {
                let digits: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
            }
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written is read again, whatever the name; a second opener and a newer format are refused.
    #[test]
    fn keeps_one_cluster() {
        let (world, dir) = (World::real(), tempfile::tempdir().unwrap());
        let cluster = Cluster {
            id: Bytes::from_static(&[0xab; 16]),
            name: "Ähre \"x\"\n\\n\u{1F33E}".into(),
            founder: Some(Bytes::from_static(&[1; 16])),
            epoch: 7,
        };
        let (folder, before) = Folder::open(&world, dir.path()).unwrap();
        assert_eq!(before, None);
        assert!(matches!(Folder::open(&world, dir.path()), Err(FolderError::Locked(_))));
        folder.write_cluster(&cluster).unwrap();
        drop(folder);
        let (folder, after) = Folder::open(&world, dir.path()).unwrap();
        assert_eq!(after, Some(cluster));
        folder.write("cluster", "id ab").unwrap();
        drop(folder);
        assert!(matches!(Folder::open(&world, dir.path()), Err(FolderError::Damaged(..))));
        std::fs::write(dir.path().join("format"), "2\n").unwrap();
        assert!(matches!(Folder::open(&world, dir.path()), Err(FolderError::Newer(_, 2))));
    }
}
