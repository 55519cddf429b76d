//! The program as its users meet it: real processes on loopback, real files, real signals.

mod cluster;
mod content;
mod faults;
mod usage;
