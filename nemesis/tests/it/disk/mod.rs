//! The disk, and clusters on it.
