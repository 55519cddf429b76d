//! What the simulation is trusted for: its checker, and then the cluster under faults.

mod checker;
mod cluster;
