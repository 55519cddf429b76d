//! The one task that writes: all that waits becomes one batch, made durable by one fdatasync.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use gossamer_world::Blocking;

use super::record::{Kind, Record};
use super::state::{Request, Shared};
use super::tail::Tail;

/// Writes until the log is closed or fails.
pub(super) async fn run(shared: Arc<Shared>, mut tail: Tail, blocking: Blocking) {
    // Removing segments may fail while the writer is idle.
    while shared.failure.borrow().is_none() {
        let (batch, committed, closed) = take(&shared);
        let records = batch.iter().flat_map(|request| &request.records).chain(&committed).cloned();
        let records: Vec<Record> = records.collect();
        if !records.is_empty() {
            let (returned, result) = blocking.run(move || write(tail, &records)).await;
            tail = returned;
            let rolled = match result {
                Ok(written) => {
                    let rolled = !written.rolled.is_empty();
                    shared.written(&batch, written, &tail.past);
                    rolled
                }
                Err(error) => return shared.fail(&error, batch),
            };
            finish(batch);
            // After the callbacks: nobody waits for a reserve. If it found no room, it is tried when there may be some.
            let freed = std::mem::take(&mut shared.state().freed);
            if rolled || freed {
                let (returned, result) = blocking.run(move || prepare(tail)).await;
                tail = returned;
                if let Err(error) = result {
                    return shared.fail(&error, Vec::new());
                }
            }
        } else if !batch.is_empty() {
            finish(batch);
        } else if closed {
            return;
        } else {
            shared.wake.notified().await;
        }
    }
}

/// All that waits; the newest committed mark rides along with it, or with the end.
fn take(shared: &Shared) -> (Vec<Request>, Option<Record>, bool) {
    let mut state = shared.state();
    let batch: Vec<Request> = state.queue.drain(..).collect();
    let rides = state.committed_waits && (state.closed || batch.iter().any(|r| !r.records.is_empty()));
    state.committed_waits &= !rides;
    let committed = state.committed.clone().filter(|_| rides);
    let record = |payload: Bytes| Record { kind: Kind::Committed, index: 0, payload };
    (batch, committed.map(record), state.closed)
}

fn finish(batch: Vec<Request>) {
    for request in batch {
        (request.done)(Ok(()));
    }
}

fn write(mut tail: Tail, records: &[Record]) -> (Tail, io::Result<super::tail::Written>) {
    let result = tail.write(records);
    (tail, result)
}

fn prepare(mut tail: Tail) -> (Tail, io::Result<()>) {
    let result = tail.prepare_spare();
    (tail, result)
}
