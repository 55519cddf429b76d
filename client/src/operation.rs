//! Names of operations, so that each is applied once however often it is sent.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gossamer_proto::v1::{Code, Failure, Operation};
use gossamer_world::World;
use tokio::time::Instant;

use crate::Client;
use crate::describe::describe_once;
use crate::retry::{AskError, Patience};

/// An index known for longer is asked for anew: the cluster refuses operations that know only old ones (it forgets
/// outcomes after four minutes at the earliest).
const FRESH: Duration = Duration::from_secs(30);

/// This client's session.
pub(crate) struct Operations {
    session: Bytes,
    sequence: AtomicU64,
    /// The highest index heard of, and when.
    known: Mutex<Option<(u64, Instant)>>,
}

impl Operations {
    pub(crate) fn new(world: &World) -> Self {
        let session = Bytes::copy_from_slice(&world.random.id());
        Operations { session, sequence: AtomicU64::new(1), known: Mutex::new(None) }
    }

    /// Notes a log index that the cluster has applied.
    pub(crate) fn heard(&self, index: u64) {
        let mut known = self.known.lock().expect("nothing panics while holding it");
        if index > 0 && known.is_none_or(|(highest, _)| highest <= index) {
            *known = Some((index, Instant::now()));
        }
    }

    fn fresh(&self) -> Option<u64> {
        let known = self.known.lock().expect("nothing panics while holding it");
        known.filter(|(_, heard)| heard.elapsed() < FRESH).map(|(index, _)| index)
    }
}

impl Client {
    /// A new operation. Asks for a recent index first if none is known.
    pub(crate) async fn operation(&self, patience: &mut Patience<'_>) -> Result<Operation, AskError> {
        let operations = &self.0.operations;
        let known_index = loop {
            if let Some(index) = operations.fresh() {
                break index;
            }
            let why = match describe_once(&self.0.door).await {
                Ok(description) if description.known_index > 0 => {
                    operations.heard(description.known_index);
                    // An index below one heard of before is no news, but the queue server's word is of now.
                    break description.known_index;
                }
                Ok(_) => Failure::new(Code::Unavailable, "the queue server knows no node of a cluster yet"),
                Err(failure) => failure,
            };
            patience.wait(&why).await?;
        };
        let sequence = operations.sequence.fetch_add(1, Ordering::Relaxed);
        Ok(Operation { session: operations.session.clone(), sequence, known_index })
    }
}
