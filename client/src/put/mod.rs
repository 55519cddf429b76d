//! Storing a file. Up to 64 KiB it rides the queue ([`inline`]); beyond, its chunks go straight to the leader
//! ([`upload`], in [`window`]s, each [`send`] over HTTP) and a [`commit`] makes them the file.

mod commit;
mod error;
mod inline;
mod send;
mod upload;
mod window;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{FILE_BYTES, INLINE_BYTES};
use gossamer_proto::name;
use gossamer_proto::v1::Written;

pub use error::PutError;

use crate::progress::{Progress, Silent};
use crate::source::{BytesSource, Source};
use crate::{Attributes, Client, Condition};

/// How to store.
#[derive(Clone, Copy, Debug, Default)]
pub struct PutOptions {
    /// What must hold for the file to be stored.
    pub condition: Option<Condition>,
    /// What the content was like where it came from, to be kept beside it.
    pub attributes: Option<Attributes>,
}

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Full name, `bucket/key`.
    pub name: String,
    /// Its new version.
    pub version: u64,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the whole content.
    pub blake3: Hash,
    /// Unix time in milliseconds, of the leader's clock.
    pub modified_ms: u64,
    /// Bytes of content that went over the wire, those sent twice counted twice.
    pub sent_bytes: u64,
    /// Bytes that the cluster had already, from an upload that was broken off or from another file.
    pub resumed_bytes: u64,
}

/// One put under way.
pub(crate) struct Put<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: String,
    pub(crate) condition: Option<Condition>,
    pub(crate) attributes: Option<Attributes>,
    pub(crate) progress: &'a dyn Progress,
}

impl Client {
    /// Stores `source` under `name`, which gets the bucket `files` if it names none.
    ///
    /// When it returns, the file is on the disks of a majority. On an error it is not there, but for
    /// [`Kind::Unknown`](crate::Kind::Unknown), when nobody can tell. Broken off and repeated, it sends only what is missing.
    pub async fn put(
        &self,
        name: &str,
        mut source: impl Source,
        options: PutOptions,
        progress: &dyn Progress,
    ) -> Result<Stored, PutError> {
        let put = self.named(name::complete(name)?, options, progress);
        Box::pin(put.run(&mut source)).await
    }

    /// Stores a folder, `name` ends with a slash: keeps its attributes, and keeps it though it is empty.
    pub async fn put_folder(&self, name: &str, options: PutOptions) -> Result<Stored, PutError> {
        name::check_entry(name)?;
        Box::pin(self.named(name.to_owned(), options, &*self.0.progress).inline(Bytes::new())).await
    }

    fn named<'a>(&'a self, name: String, options: PutOptions, progress: &'a dyn Progress) -> Put<'a> {
        let PutOptions { condition, attributes } = options;
        Put { client: self, name, condition, attributes, progress }
    }

    /// Stores bytes that are in memory, however many.
    pub async fn put_bytes(&self, name: &str, bytes: Bytes, options: PutOptions) -> Result<Stored, PutError> {
        self.put(name, BytesSource::new(bytes), options, &Silent).await
    }
}

impl<'a> Put<'a> {
    async fn run(self, source: &mut dyn Source) -> Result<Stored, PutError> {
        let length = source.length();
        self.progress.total(length);
        if length.is_some_and(|length| length > FILE_BYTES) {
            return Err(self.too_large());
        }
        let first = source.next().await.map_err(|error| self.unreadable(error))?;
        if first.len() <= INLINE_BYTES {
            source.check().await.map_err(|error| self.unreadable(error))?;
            self.inline(first).await
        } else {
            self.upload(source, first).await
        }
    }

    fn stored(&self, written: &Written, size: u64, blake3: Hash) -> Stored {
        Stored {
            name: self.name.clone(),
            version: written.version,
            size,
            blake3,
            modified_ms: written.modified_ms,
            sent_bytes: size,
            resumed_bytes: 0,
        }
    }
}
