//! Reading a file: its record first ([`read`]), then its [`part`]s from several nodes side by side, each
//! [`fetch`]ed over HTTP and [`assemble`]d in the sink.

mod assemble;
mod error;
mod fetch;
mod part;
mod read;

pub use error::GetError;
pub use read::Got;
