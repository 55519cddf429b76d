//! The disk, and clusters of real processes on it.

mod mounted;
mod posix;
mod power;
