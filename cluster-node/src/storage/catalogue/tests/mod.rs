//! The catalogue as a whole.

pub(in crate::storage) mod fake;
mod frozen;
mod grouping;
mod model;
pub(in crate::storage) mod random;
mod rules;
