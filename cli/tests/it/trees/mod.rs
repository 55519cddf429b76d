//! Whole folders, there and back: everything that a folder can hold, compared by name, content, time and bit.

mod changes;
mod choices;
mod names;
mod resume;
mod round_trip;
mod tree;
