//! Writing a snapshot file, from its beginning to its end. Syncing it is left to the caller.

use std::io;
use std::sync::Arc;

use gossamer_world::files::File;

use super::format::{BLOCK_BYTES, FORMAT, MAGIC, Meta};

pub(super) struct Writer {
    file: Arc<dyn File>,
    offset: u64,
    hasher: blake3::Hasher,
    rows: u64,
    /// The block being filled, its length in front.
    block: Vec<u8>,
}

impl Writer {
    pub(super) fn new(file: Arc<dyn File>, meta: &Meta) -> io::Result<Self> {
        let mut writer =
            Writer { file, offset: 0, hasher: blake3::Hasher::new(), rows: 0, block: vec![0; 4] };
        let meta = meta.encode();
        let header = [&MAGIC[..], &FORMAT.to_le_bytes(), &(meta.len() as u32).to_le_bytes(), &meta].concat();
        writer.write_checked(header)?;
        Ok(writer)
    }

    pub(super) fn row(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.rows += 1;
        self.block.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.block.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        if self.block.len() >= BLOCK_BYTES { self.close_block() } else { Ok(()) }
    }

    /// The file, to be synced: through another handle an error of the kernel's own write-back might be missed.
    pub(super) fn finish(mut self) -> io::Result<Arc<dyn File>> {
        self.close_block()?;
        let counted = [&0u32.to_le_bytes()[..], &self.rows.to_le_bytes()].concat();
        let hash = self.hasher.update(&counted).finalize();
        self.write_checked([&counted[..], hash.as_bytes()].concat())?;
        Ok(self.file)
    }

    fn close_block(&mut self) -> io::Result<()> {
        let mut block = std::mem::replace(&mut self.block, vec![0; 4]);
        let length = block.len() - 4;
        if length == 0 {
            return Ok(());
        }
        block[..4].copy_from_slice(&(length as u32).to_le_bytes());
        self.write_checked(block)
    }

    /// Writes bytes and their CRC-32.
    fn write_checked(&mut self, mut bytes: Vec<u8>) -> io::Result<()> {
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        self.hasher.update(&bytes);
        self.file.write_all_at(&bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
