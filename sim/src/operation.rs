//! One operation of a client, and what its answer lets the client know.

use gossamer_client::{Client, GetError, Kind, PutError, PutOptions, Stored};

use crate::content;
use crate::history::{Call, Condition, Return, Value};

/// Who keeps the record of a run, while it goes on.
pub trait Record {
    /// A put was acknowledged.
    fn stored(&self, stored: &Stored);
    /// Whether a client may be told of a full disk now.
    fn is_full(&self) -> bool;
    /// Something must not be.
    fn wrong(&self, what: String);
}

/// Does it.
pub async fn perform<R: Record>(client: &Client, record: &R, name: &str, call: &Call) -> Return {
    match call {
        Call::Put { value, condition } => put(client, record, name, *value, *condition).await,
        Call::Get => get(client, record, name).await,
        Call::Delete => match client.delete(name, None).await {
            Ok(version) => Return::Removed(version),
            Err(error) => failed(record, error.kind(), &error),
        },
    }
}

async fn put<R: Record>(
    client: &Client,
    record: &R,
    name: &str,
    value: Value,
    condition: Condition,
) -> Return {
    let condition = match condition {
        Condition::None => None,
        Condition::IfAbsent => Some(gossamer_client::Condition::IfAbsent),
        Condition::IfVersion(version) => Some(gossamer_client::Condition::IfVersion(version)),
    };
    let options = PutOptions { condition, ..PutOptions::default() };
    match client.put_bytes(name, content::of(value), options).await {
        Ok(stored) => {
            record.stored(&stored);
            Return::Written(stored.version)
        }
        Err(PutError::Condition { .. }) => Return::ConditionFailed,
        Err(PutError::NoSpace { .. }) if record.is_full() => Return::Failed,
        Err(error) => failed(record, error.kind(), &error),
    }
}

async fn get<R: Record>(client: &Client, record: &R, name: &str) -> Return {
    match client.get_bytes(name, content::LARGEST as u64).await {
        Ok((info, bytes)) => match content::value(&bytes) {
            Some(value) => Return::Found { version: info.version, value },
            None => {
                record.wrong(format!("{name} version {} has bytes that nobody wrote", info.version));
                Return::Failed
            }
        },
        // A reader that is overtaken again and again has seen nothing.
        Err(GetError::Replaced(_)) => Return::Failed,
        Err(error) => failed(record, error.kind(), &error),
    }
}

fn failed(record: &impl Record, kind: Kind, error: &dyn std::error::Error) -> Return {
    tracing::info!(?kind, %error, "failed");
    match kind {
        Kind::NotFound => Return::Nothing,
        Kind::Unavailable => Return::Failed,
        Kind::Unknown => Return::Unknown,
        // No fault of a run breaks a source or makes a client unwelcome.
        Kind::Failed | Kind::Usage | Kind::Condition | Kind::Refused => {
            record.wrong(format!("an error that no fault explains: {error}"));
            Return::Unknown
        }
    }
}
