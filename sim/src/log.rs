//! What a run says of itself, and the hash of all of it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::kernel;

/// The hash of every event of the run, turmoil's messages among them.
#[derive(Clone, Default)]
pub(crate) struct Hash(Arc<Mutex<blake3::Hasher>>);

impl Hash {
    /// The hash so far.
    pub(crate) fn finish(&self) -> blake3::Hash {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).finalize()
    }
}

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to log to standard error as RUST_LOG says, or, `traced`, to hash everything instead.
pub(crate) fn start(traced: bool) -> Option<Hash> {
    let log = tracing_subscriber::fmt().with_timer(Simulated).with_ansi(false);
    if traced {
        let hash = Hash::default();
        let into = hash.clone();
        let filter = std::env::var("GOSSAMER_TRACE").unwrap_or_else(|_| "trace".to_owned());
        log.with_env_filter(EnvFilter::new(filter)).with_writer(move || into.clone()).init();
        return Some(hash);
    }
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "off".to_owned());
    log.with_env_filter(EnvFilter::new(filter)).with_writer(io::stderr).init();
    None
}

/// Simulated seconds since the start.
struct Simulated;

impl FormatTime for Simulated {
    fn format_time(&self, out: &mut Writer<'_>) -> std::fmt::Result {
        write!(out, "{:.3}", kernel::elapsed().as_secs_f64())
    }
}
