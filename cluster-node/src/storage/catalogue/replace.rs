//! Exchanging all replicated rows for those of a snapshot.
//!
//! A row says that this is under way, from before the first row goes until after the last has come: a catalogue
//! opened with it there is not whole, and the snapshot, current by then, is taken again from its beginning.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::Catalogue;
use super::applied::AppliedState;
use super::apply::draft::Head;
use super::backend::BackendError;
use super::digest::Digest;
use super::rows::{REPLICATED, file, globals, setting, state};
use super::transaction::Transaction;

/// Rows written or removed in one batch: bounds how long the index of chunks is locked.
const BATCH_ROWS: usize = 256;

impl Catalogue {
    /// Whether a replacement was broken off: the rows are not to be used.
    pub fn is_half_replaced(&self) -> bool {
        !*self.whole.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces everything by `rows`, whose digest must be `digest`: reads wait, as does a frozen view that is being
    /// read first. On an error the catalogue stays half replaced, until this succeeds.
    pub(in crate::storage) fn replace<E: From<BackendError>>(
        &self,
        applied: AppliedState,
        digest: [u8; 32],
        rows: impl Iterator<Item = Result<(Bytes, Bytes), E>>,
    ) -> Result<(), E> {
        let _turn = self.turn_alone();
        let mut whole = self.whole.write().unwrap_or_else(PoisonError::into_inner);
        *whole = false;
        self.remove_all()?;
        self.set_head(Arc::default());
        let found = self.write_all(rows)?;
        if found.to_bytes() != digest {
            return Err(
                BackendError::Row("the rows of the snapshot do not match its digest".to_owned()).into()
            );
        }
        self.finish_replacement(applied, found)?;
        *whole = true;
        Ok(())
    }

    fn remove_all(&self) -> Result<(), BackendError> {
        let marker = (state::REPLACING, Some(Bytes::new()));
        self.backend.write(vec![marker, (state::KEY, None), (state::MARKS, None)])?;
        loop {
            let rows = self.backend.scan(REPLICATED.0, REPLICATED.1, BATCH_ROWS)?;
            if rows.is_empty() {
                return self.chunks.reset_references();
            }
            self.backend.write(rows.into_iter().map(|(key, _)| (key, None)).collect())?;
        }
    }

    fn write_all<E: From<BackendError>>(
        &self,
        mut rows: impl Iterator<Item = Result<(Bytes, Bytes), E>>,
    ) -> Result<Digest, E> {
        let mut digest = Digest::default();
        loop {
            let some: Vec<_> = rows.by_ref().take(BATCH_ROWS).collect::<Result<_, E>>()?;
            if some.is_empty() {
                return Ok(digest);
            }
            some.iter().for_each(|(key, value)| digest.add(key, value));
            self.write_some(some)?;
        }
    }

    /// Writes rows, and notes which chunks the files among them name.
    fn write_some(&self, rows: Vec<(Bytes, Bytes)>) -> Result<(), BackendError> {
        let _index = self.chunks.lock();
        let mut txn = Transaction::new(&*self.backend);
        for (key, value) in rows {
            if key.first() == Some(&file::KIND) {
                let record = file::decode(value.clone())?;
                self.chunks.reference(
                    &mut txn,
                    file::owner(&record),
                    &file::chunks(&record)?,
                    record.depth,
                    record.size,
                )?;
            }
            txn.set(key, value);
        }
        self.backend.write(txn.into_batch())
    }

    fn finish_replacement(&self, applied: AppliedState, digest: Digest) -> Result<(), BackendError> {
        let globals = globals::decode(self.backend.get(&globals::KEY)?)?;
        let settings = setting::read(&*self.backend)?;
        let _index = self.chunks.lock();
        let mut txn = Transaction::new(&*self.backend);
        self.chunks.collected(&mut txn, globals.collect_number);
        txn.set(state::KEY, state::encode(&applied, digest));
        txn.remove(state::REPLACING);
        self.backend.write(txn.into_batch())?;
        self.set_head(Arc::new(Head { applied, globals, settings, digest, marks: Default::default() }));
        Ok(())
    }
}
