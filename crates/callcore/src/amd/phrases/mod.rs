//! What the words of an answer speak for: phrases with weights, one readable file per locale (`data/`).
//!
//! A `Book` is built once per locale and shared by all calls. It finds all its phrases in one pass over the
//! text (Aho-Corasick), so that twenty languages cost as much as one.

mod book;
mod file;
mod normal;
mod reading;

pub(crate) use book::Book;
pub use file::Category;
pub(crate) use reading::Reading;
pub use reading::{Hit, classify};

#[cfg(test)]
mod tests;
