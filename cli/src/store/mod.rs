//! Names in the store. Folders are what names have in common; here is what follows from that.
//!
//! - [`folder`]: names taken apart; [`prefix`]: where a listing begins
//! - [`level`]: one folder without what is in its folders; [`shown`]: all that people see of it
//! - [`free`]: whether one name may be given; [`beside`]: of many, that no file has the name of a folder
//! - [`sum`]: how much there is

pub(crate) mod beside;
pub(crate) mod folder;
pub(crate) mod free;
pub(crate) mod level;
pub(crate) mod prefix;
pub(crate) mod shown;
pub(crate) mod sum;
