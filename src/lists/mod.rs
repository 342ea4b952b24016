//! Lists of contacts: files of any spreadsheet, read row by row into lists that campaigns call.
//!
//! `file/` makes rows of a file, `mapping` says what its columns hold, `contact` makes a contact of a row or says all that is
//! wrong with it, `spool` keeps files until they are read, and [`Lists`] reads them, over a restart if need be.

pub(crate) mod columns;
mod contact;
mod desk;
mod error;
pub(crate) mod file;
mod limits;
mod look;
mod mapping;
mod moment;
mod spool;
#[cfg(test)]
mod tests;

pub use desk::Lists;
pub use error::Error;
pub use limits::LARGEST_FILE;
pub use look::{Checked, Look, Sample, Taken, check};
pub use mapping::{Mapping, Meaning};
pub use spool::{Incoming, Spooled};
