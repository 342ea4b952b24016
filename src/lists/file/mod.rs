//! Files of contacts, row by row, in little memory whatever their size.

mod delimited;
mod encoding;
mod lines;
mod package;
pub(crate) mod record;
mod row;
mod source;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod workbook;

pub(crate) use row::{Content, Row};
pub(crate) use source::Source;
pub(super) use workbook::number_text;
