//! What waits to be sent down one stream: bounded in items and bytes, filled without waiting.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// The end that is filled.
pub(crate) struct Outbox<T> {
    items: mpsc::Sender<(T, usize)>,
    bytes: Arc<AtomicUsize>,
    limit: usize,
    ended: CancellationToken,
}

/// The end that the connection reads.
pub(crate) struct OutboxStream<T> {
    items: mpsc::Receiver<(T, usize)>,
    bytes: Arc<AtomicUsize>,
    ended: CancellationToken,
}

/// An outbox for `items` messages of together `limit` bytes. `ended` is cancelled when the reader is gone or does
/// not keep up: whoever does not read what it asked for is dropped, instead of being waited for.
pub(crate) fn outbox<T>(
    items: usize,
    limit: usize,
    ended: CancellationToken,
) -> (Outbox<T>, OutboxStream<T>) {
    let (send, receive) = mpsc::channel(items);
    let bytes = Arc::new(AtomicUsize::new(0));
    let stream = OutboxStream { items: receive, bytes: bytes.clone(), ended: ended.clone() };
    (Outbox { items: send, bytes, limit, ended }, stream)
}

impl<T> Outbox<T> {
    /// Puts in a message that weighs `bytes`.
    pub(crate) fn push(&self, message: T, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.limit || self.items.try_send((message, bytes)).is_err() {
            self.ended.cancel();
        }
    }
}

impl<T> OutboxStream<T> {
    /// The next message; `None` when the outbox is gone.
    pub(crate) async fn next(&mut self) -> Option<T> {
        std::future::poll_fn(|cx| self.poll_message(cx)).await
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.items.poll_recv(cx).map(|message| {
            let (message, bytes) = message?;
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            Some(message)
        })
    }
}

impl<T> Stream for OutboxStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx).map(|message| message.map(Ok))
    }
}

impl<T> Drop for OutboxStream<T> {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}
