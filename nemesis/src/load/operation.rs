//! One operation, and one that is broken off: done, and noted in the book.

use std::time::Duration;

use gossamer_client::Client;
use gossamer_sim::history::{Call, Operation, Return};
use gossamer_sim::operation;

use super::book::Book;

/// Does it. One with `interrupt` is dropped after that time, unless it is through by then, and done again: what became of
/// the first cannot be known.
pub async fn perform(
    client: &Client,
    book: &Book,
    name: &str,
    call: Call,
    interrupt: Option<Duration>,
) -> Return {
    if let Some(after) = interrupt {
        let (called_at, before) = (book.moment(), book.broken());
        let once = operation::perform(client, book, name, &call);
        let back = tokio::time::timeout(after, once).await.unwrap_or(Return::Unknown);
        let through = back != Return::Unknown;
        note(book, name, call.clone(), &back, called_at, before);
        if through {
            return back;
        }
    }
    let (called_at, before) = (book.moment(), book.broken());
    let back = operation::perform(client, book, name, &call).await;
    note(book, name, call, &back, called_at, before);
    back
}

fn note(book: &Book, name: &str, call: Call, back: &Return, called_at: u64, before: usize) {
    let (name, back, returned_at) = (name.to_owned(), back.clone(), book.moment());
    book.note(Operation { name, call, back, called_at, returned_at }, before);
}
