//! Looking things up. Whoever needs the newest takes a read barrier first.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLockReadGuard};

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::v1;

use super::Catalogue;
use super::applied::Applied;
use super::backend::{BackendError, after as next_key, prefix_end};
use super::rows::{file, member, operation, retired};
use crate::storage::extents::Owner;

/// Rows asked of the backend at once: a file's record may have 33 KiB.
const PAGE_ROWS: usize = 256;

impl Catalogue {
    /// The record of a file.
    pub fn file(&self, name: &str) -> Result<Option<v1::FileRecord>, BackendError> {
        let _whole = self.whole()?;
        self.backend.get(&file::key(name))?.map(file::decode).transpose()
    }

    /// Up to `limit` files whose name begins with `prefix`, after `after`; and whether there are more.
    pub fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<v1::Listed>, bool), BackendError> {
        let _whole = self.whole()?;
        let mut listed = Vec::new();
        let from = file::key(prefix).max(next_key(&file::key(after)));
        for row in self.rows(from, prefix_end(&file::key(prefix))) {
            let (key, value) = row?;
            if listed.len() == limit {
                return Ok((listed, true));
            }
            let record = file::decode(value)?;
            listed.push(v1::Listed {
                name: file::name(&key)?.to_owned(),
                size: record.size,
                version: record.version,
                blake3: record.blake3,
                modified_ms: record.modified_ms,
                attributes: record.attributes,
                shared: 0,
            });
        }
        Ok((listed, false))
    }

    /// What became of a client's operation, if it was applied and is remembered.
    pub fn outcome(&self, operation: &v1::Operation) -> Result<Option<Applied>, BackendError> {
        let _whole = self.whole()?;
        let (generation, _) = self.operations();
        for generation in [Some(generation), generation.checked_sub(1)].into_iter().flatten() {
            if let Some(row) = self.backend.get(&operation::key(generation, operation))? {
                return Applied::decode(&row).map(Some);
            }
        }
        Ok(None)
    }

    /// Every node id that was given, with the storage id it belongs to.
    pub fn members(&self) -> Result<Vec<(u64, Bytes)>, BackendError> {
        let _whole = self.whole()?;
        let prefix = Bytes::from_static(&[member::KIND]);
        let rows = self.rows(prefix.clone(), prefix_end(&prefix));
        rows.map(|row| row.and_then(|(key, value)| Ok((member::node(&key[1..])?, value)))).collect()
    }

    /// The nodes that were removed, and of each whether it may leave without a successor.
    pub fn retired(&self) -> Result<BTreeMap<u64, bool>, BackendError> {
        let _whole = self.whole()?;
        let prefix = Bytes::from_static(&[retired::KIND]);
        let rows = self.rows(prefix.clone(), prefix_end(&prefix));
        rows.map(|row| row.and_then(|(key, value)| retired::decode(&key, &value))).collect()
    }

    /// Which file names this chunk, for messages: looks through all files.
    pub fn file_of(&self, hash: &Hash) -> Result<Option<String>, BackendError> {
        let _whole = self.whole()?;
        let Some(owner) = self.owner_of(hash)? else { return Ok(None) };
        let prefix = file::key("");
        for row in self.rows(prefix.clone(), prefix_end(&prefix)) {
            let (key, value) = row?;
            if file::owner(&file::decode(value)?) == owner {
                return Ok(Some(file::name(&key)?.to_owned()));
            }
        }
        Ok(None)
    }

    /// A record that names this chunk, by the index of chunks: `R` hash, version, ordinal.
    fn owner_of(&self, hash: &Hash) -> Result<Option<Owner>, BackendError> {
        let prefix = [&b"R"[..], hash.as_bytes()].concat();
        let rows = self.backend.scan(&prefix, &prefix_end(&prefix), 1)?;
        let Some((key, _)) = rows.first() else { return Ok(None) };
        let wrong = || BackendError::Row("a chunk's reference".to_owned());
        let (version, ordinal) = key[prefix.len()..].split_first_chunk::<8>().ok_or_else(wrong)?;
        let ordinal = ordinal.try_into().map_err(|_| wrong())?;
        Ok(Some(Owner { version: u64::from_be_bytes(*version), ordinal: u32::from_be_bytes(ordinal) }))
    }

    /// Keeps the rows from being replaced, or says that they are not whole.
    fn whole(&self) -> Result<RwLockReadGuard<'_, bool>, BackendError> {
        let whole = self.whole.read().unwrap_or_else(PoisonError::into_inner);
        if *whole { Ok(whole) } else { Err(BackendError::Replacing) }
    }

    /// The rows with from <= key < to, asked for page by page.
    fn rows(
        &self,
        from: Bytes,
        to: Bytes,
    ) -> impl Iterator<Item = Result<(Bytes, Bytes), BackendError>> + '_ {
        let mut from = Some(from);
        let pages = std::iter::from_fn(move || {
            let page = match self.backend.scan(from.as_ref()?, &to, PAGE_ROWS) {
                Ok(page) => page,
                Err(error) => {
                    from = None;
                    return Some(vec![Err(error)]);
                }
            };
            from = page.last().filter(|_| page.len() == PAGE_ROWS).map(|(key, _)| next_key(key));
            Some(page.into_iter().map(Ok).collect())
        });
        pages.flatten()
    }
}
