//! How a long operation tells how far it is.

/// Hears how an operation gets on. Called often and from within it: must not block.
pub trait Progress: Send + Sync {
    /// How many bytes there are in all, once that is known; `None` for a stream without an end in sight.
    /// Said again when a read starts over with another version.
    fn total(&self, bytes: Option<u64>);
    /// So many bytes more are done: sent, found held, or written to the sink.
    fn moved(&self, bytes: u64);
    /// Nothing moves for now; why, for people.
    fn waiting(&self, why: &str);
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {
    fn total(&self, _bytes: Option<u64>) {}
    fn moved(&self, _bytes: u64) {}
    fn waiting(&self, _why: &str) {}
}
