//! The catalogue as a whole.

pub(in crate::storage) mod fake;
mod frozen;
mod grouping;
mod model;
pub(crate) mod random;
mod rules;
