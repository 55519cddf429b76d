//! `sync_file_range(2)`, which no safe wrapper offers.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Starts writing a range back to the disk without waiting for it.
pub(crate) fn start_write_back(file: &File, offset: u64, length: u64) -> io::Result<()> {
    // SAFETY: takes a descriptor that `file` keeps open for the whole call, and two numbers; it touches no memory.
    let result = unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset as i64, length as i64, libc::SYNC_FILE_RANGE_WRITE)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
