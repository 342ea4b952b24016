//! A file whose kind was found by what is in it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::delimited::Delimited;
use super::row::{Format, Row};
use super::workbook::Workbook;
use super::{lines, package};
use crate::lists::error::Error;

/// First bytes that tell what a file is.
const TOP: usize = 4096;

/// A file of contacts, read as far as the names of its columns.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    path: PathBuf,
    size: u64,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Csv(Delimited),
    Xlsx(Workbook),
    JsonLines { header: Vec<String> },
}

impl Source {
    /// Finds out what a file is and how it is written. What came just now is looked through first; what was read already
    /// is `known`.
    ///
    /// # Errors
    /// [`Error::File`] with what is wrong with it, [`Error::Gone`] when there is none.
    pub(crate) fn open(path: &Path, known: bool) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(|_| Error::Gone)?;
        let size = file.metadata().map_err(|error| Error::disk(&error))?.len();
        let mut top = Vec::with_capacity(TOP);
        (&mut file).take(TOP as u64).read_to_end(&mut top).map_err(|error| Error::disk(&error))?;
        let kind = if top.starts_with(b"PK\x03\x04") {
            if !known {
                package::check(path).map_err(Error::File)?;
            }
            Kind::Xlsx(Workbook::open(path).map_err(Error::File)?)
        } else if top.starts_with(b"\xD0\xCF\x11\xE0") {
            let why = "this is a workbook of an old Excel (XLS), or one with a password; save it as XLSX without a password, \
                       or as CSV";
            return Err(Error::File(why.to_owned()));
        } else {
            match first_sign(&top) {
                None if size == 0 => return Err(Error::File("the file is empty".to_owned())),
                Some(b'{') => {
                    let header = lines::header(path).map_err(|error| Error::disk(&error))?;
                    Kind::JsonLines { header }
                }
                Some(b'[') => {
                    let why = "this is a list in JSON; send one object on each line, { … }, and no brackets around them";
                    return Err(Error::File(why.to_owned()));
                }
                Some(_) | None => Kind::Csv(Delimited::open(path).map_err(|wrong| match wrong {
                    Ok(why) => Error::File(why),
                    Err(error) => Error::disk(&error),
                })?),
            }
        };
        Ok(Self { path: path.to_owned(), size, kind })
    }

    pub(crate) const fn format(&self) -> Format {
        match self.kind {
            Kind::Csv(_) => Format::Csv,
            Kind::Xlsx(_) => Format::Xlsx,
            Kind::JsonLines { .. } => Format::JsonLines,
        }
    }

    /// Bytes.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// How it is read, in words.
    pub(crate) fn read_as(&self) -> String {
        match &self.kind {
            Kind::Csv(table) => table.read_as(),
            Kind::Xlsx(book) => book.read_as(),
            Kind::JsonLines { .. } => "lines of JSON".to_owned(),
        }
    }

    /// The names of its columns; of lines of JSON those that the first thousand have.
    pub(crate) fn header(&self) -> &[String] {
        match &self.kind {
            Kind::Csv(table) => &table.header,
            Kind::Xlsx(book) => &book.header,
            Kind::JsonLines { header } => header,
        }
    }

    /// The line of the header, where there is one.
    pub(crate) const fn header_line(&self) -> Option<u64> {
        match &self.kind {
            Kind::Csv(table) => Some(table.line),
            Kind::Xlsx(book) => Some(book.line),
            Kind::JsonLines { .. } => None,
        }
    }

    /// Calls `visit` with each row and with how far the file was read, bytes, until it says false. Empty rows are left out.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub(crate) fn rows(&self, mut visit: impl FnMut(Row, u64) -> bool) -> Result<(), Error> {
        match &self.kind {
            Kind::Csv(table) => table.rows(&self.path, &mut visit).map_err(|error| Error::disk(&error)),
            Kind::Xlsx(book) => book.rows(&self.path, self.size, &mut visit).map_err(Error::File),
            Kind::JsonLines { .. } => {
                lines::rows(&self.path, &mut visit).map_err(|error| Error::disk(&error))
            }
        }
    }
}

/// The first sign of a text that is no blank, whatever its encoding.
fn first_sign(top: &[u8]) -> Option<u8> {
    let blank =
        |byte: &&u8| !(byte.is_ascii_whitespace() || matches!(byte, 0 | 0xef | 0xbb | 0xbf | 0xfe | 0xff));
    top.iter().find(blank).copied()
}
