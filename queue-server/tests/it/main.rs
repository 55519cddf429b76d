//! The queue server's tests: the queues alone, then the whole over loopback.

// clippy.toml allows it in tests, but takes only the test functions themselves for tests.
#![allow(clippy::unwrap_used)]

mod founding;
mod queues;
mod random;
mod relay;
mod wire;
