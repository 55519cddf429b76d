//! For `fuzz/` alone: the proof at the beginning of a connection, over any stream.

use gossamer_world::Random;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::proof;
use crate::trust::Trust;

/// Whether whoever is at the other end would be let in.
pub async fn is_let_in<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    trust: &Trust,
    random: &dyn Random,
) -> bool {
    proof::accept(stream, trust, random).await.is_ok()
}

/// Whether the other end would be believed to be of the cluster.
pub async fn is_believed<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    trust: &Trust,
    random: &dyn Random,
) -> bool {
    proof::connect(stream, trust, random).await.is_ok()
}
