//! A file of the user's. Read through `std::fs`, not the world's files: it is not ours, and its identity matters.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_world::network::BoxFuture;
use gossamer_world::{Blocking, World};

use super::{Source, SourceError};
use crate::Attributes;

/// A regular file that must not change while it is read.
pub struct FileSource {
    opened: Arc<Opened>,
    blocking: Blocking,
    offset: u64,
}

struct Opened {
    file: File,
    path: PathBuf,
    identity: Identity,
    attributes: Attributes,
}

/// What tells one state of a file from another.
#[derive(PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl FileSource {
    /// Opens `path`, which must be a regular file.
    pub async fn open(world: &World, path: &Path) -> io::Result<Self> {
        let path = path.to_owned();
        let open = move || {
            let metadata = fs::metadata(&path)?;
            // Opening a pipe would wait for its other end; whoever means one gives it as a stream.
            if !metadata.is_file() {
                let why = "not a regular file; give `-` and redirect it to store what it yields";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            let file = File::open(&path)?;
            let metadata = file.metadata()?;
            let (identity, attributes) = (Identity::of(&metadata), Attributes::of(&metadata));
            Ok(Opened { file, path, identity, attributes })
        };
        let opened = Arc::new(world.blocking.run(open).await?);
        Ok(FileSource { opened, blocking: world.blocking, offset: 0 })
    }

    /// What it was like when it was opened.
    pub fn attributes(&self) -> Attributes {
        self.opened.attributes
    }

    async fn read(&self, offset: u64, length: usize) -> Result<Bytes, SourceError> {
        let opened = self.opened.clone();
        self.blocking.run(move || opened.read(offset, length)).await
    }
}

impl Opened {
    fn read(&self, offset: u64, length: usize) -> Result<Bytes, SourceError> {
        let mut piece = vec![0; length];
        let read = self.file.read_exact_at(&mut piece, offset);
        // Looked at after reading: a change that came with the bytes shows.
        self.unchanged(&self.file.metadata()?)?;
        match read {
            Ok(()) => Ok(piece.into()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(SourceError::Changed("it was cut"))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn unchanged(&self, now: &Metadata) -> Result<(), SourceError> {
        let now = Identity::of(now);
        match () {
            () if now.size != self.identity.size => Err(SourceError::Changed("its size changed")),
            () if now != self.identity => Err(SourceError::Changed("it was written to or replaced")),
            () => Ok(()),
        }
    }

    /// Also that the path still leads to this file.
    fn check(&self) -> Result<(), SourceError> {
        self.unchanged(&self.file.metadata()?)?;
        match fs::metadata(&self.path) {
            Ok(now) => self.unchanged(&now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(SourceError::Changed("it was removed"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Source for FileSource {
    fn length(&self) -> Option<u64> {
        Some(self.opened.identity.size)
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let length = (self.opened.identity.size - self.offset).min(CHUNK_BYTES as u64);
        let offset = self.offset;
        self.offset += length;
        Box::pin(self.read(offset, length as usize))
    }

    fn again(&mut self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(self.read(offset, length))
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), SourceError>> {
        let opened = self.opened.clone();
        Box::pin(self.blocking.run(move || opened.check()))
    }
}
