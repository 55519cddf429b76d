//! One operation: done with the client library, and noted with what its answer lets a client know.

use std::time::Duration;

use gossamer_client::{Client, GetError, Kind, PutError, PutOptions};
use gossamer_sim::history::{Call, Condition, Operation, Return, Value};

use super::book::Book;
use super::content;

/// Does it. A put with `interrupt` is dropped after that time, unless it is through by then, and done again: what became of
/// the first cannot be known.
pub async fn perform(
    client: &Client,
    book: &Book,
    name: &str,
    call: Call,
    interrupt: Option<Duration>,
) -> Return {
    if let (Some(after), Call::Put { value, condition }) = (interrupt, &call) {
        let (called_at, before) = (book.moment(), book.broken());
        let put = put(client, book, name, *value, *condition);
        let back = tokio::time::timeout(after, put).await.unwrap_or(Return::Unknown);
        let through = back != Return::Unknown;
        note(book, name, call.clone(), &back, called_at, before);
        if through {
            return back;
        }
    }
    let (called_at, before) = (book.moment(), book.broken());
    let back = match &call {
        Call::Put { value, condition } => put(client, book, name, *value, *condition).await,
        Call::Get => get(client, book, name).await,
        Call::Delete => match client.delete(name, None).await {
            Ok(version) => Return::Removed(version),
            Err(error) => failed(book, error.kind(), &error),
        },
    };
    note(book, name, call, &back, called_at, before);
    back
}

fn note(book: &Book, name: &str, call: Call, back: &Return, called_at: u64, before: usize) {
    let (name, back, returned_at) = (name.to_owned(), back.clone(), book.moment());
    book.note(Operation { name, call, back, called_at, returned_at }, before);
}

async fn put(client: &Client, book: &Book, name: &str, value: Value, condition: Condition) -> Return {
    let condition = match condition {
        Condition::None => None,
        Condition::IfAbsent => Some(gossamer_client::Condition::IfAbsent),
        Condition::IfVersion(version) => Some(gossamer_client::Condition::IfVersion(version)),
    };
    let options = PutOptions { condition, ..PutOptions::default() };
    match client.put_bytes(name, content::of(value), options).await {
        Ok(stored) => {
            book.resumed(stored.resumed_bytes);
            Return::Written(stored.version)
        }
        Err(PutError::Condition { .. }) => Return::ConditionFailed,
        Err(PutError::NoSpace { .. }) if book.is_full() => Return::Failed,
        Err(error) => failed(book, error.kind(), &error),
    }
}

async fn get(client: &Client, book: &Book, name: &str) -> Return {
    match client.get_bytes(name, content::LARGEST as u64).await {
        Ok((info, bytes)) => match content::value(&bytes) {
            Some(value) => Return::Found { version: info.version, value },
            None => {
                book.wrong(format!("{name} version {} has bytes that nobody wrote", info.version));
                Return::Failed
            }
        },
        // A reader that is overtaken again and again has seen nothing.
        Err(GetError::Replaced(_)) => Return::Failed,
        Err(error) => failed(book, error.kind(), &error),
    }
}

fn failed(book: &Book, kind: Kind, error: &dyn std::error::Error) -> Return {
    match kind {
        Kind::NotFound => Return::Nothing,
        Kind::Unavailable => Return::Failed,
        Kind::Unknown => Return::Unknown,
        // No fault of these breaks a source or makes a client unwelcome.
        Kind::Failed | Kind::Usage | Kind::Condition | Kind::Refused => {
            book.wrong(format!("an error that no fault explains: {error}"));
            Return::Unknown
        }
    }
}
