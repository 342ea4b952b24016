//! Tables as files for spreadsheets, CSV and XLSX, written row by row: a million rows need no more memory than a thousand.
//!
//! What a spreadsheet would compute is made a text: a cell that a stranger filled in never becomes a formula.

mod csv;
mod xlsx;

use std::future::Future;
use std::io;

use bytes::Bytes;
use futures_util::{Stream, stream};

pub use self::csv::line as csv_line;

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Empty,
    Text(String),
    Whole(i64),
    /// Finite.
    Number(f64),
    /// A point in time, ms since 1970 in UTC.
    Moment(i64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// A row of cells.
pub type Row = Vec<Cell>;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// RFC 4180, in UTF-8 with a mark, or spreadsheets take it for something else.
    Csv,
    /// Office Open XML, as Excel reads it.
    Xlsx,
}

impl Format {
    /// The end of a file's name, without its dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        self.into()
    }

    /// The `Content-Type` of such files.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// Writes a table.
enum Writer {
    Csv(csv::Writer),
    Xlsx(Box<xlsx::Writer>),
}

impl Writer {
    fn new(format: Format, head: &'static [&'static str]) -> io::Result<Self> {
        Ok(match format {
            Format::Csv => Self::Csv(csv::Writer::new(head)),
            Format::Xlsx => Self::Xlsx(Box::new(xlsx::Writer::new(head)?)),
        })
    }

    fn write(&mut self, rows: &[Row]) -> io::Result<()> {
        match self {
            Self::Csv(writer) => {
                writer.write(rows);
                Ok(())
            }
            Self::Xlsx(writer) => writer.write(rows),
        }
    }

    /// What can be sent so far.
    fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Csv(writer) => writer.take(),
            Self::Xlsx(writer) => writer.take(),
        }
    }

    /// The rest.
    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Csv(mut writer) => Ok(writer.take()),
            Self::Xlsx(writer) => writer.finish(),
        }
    }
}

/// Rows, and where they go on; `None`: they were the last.
pub type Block<P> = (Vec<Row>, Option<P>);

enum Position<P> {
    Rows(Box<Writer>, P),
    End,
}

/// The bytes of a file: `block` is asked for the rows from a position on whenever the reader has taken those before.
///
/// # Errors
/// The stream ends with what `block` fails with, so that who reads it sees a broken answer and no short file.
pub fn file<P, E, F, A>(
    format: Format,
    head: &'static [&'static str],
    first: P,
    block: F,
) -> impl Stream<Item = Result<Bytes, io::Error>>
where
    E: std::error::Error + Send + Sync + 'static,
    F: Fn(P) -> A,
    A: Future<Output = Result<Block<P>, E>>,
{
    let begun = Writer::new(format, head).map(|writer| Position::Rows(Box::new(writer), first));
    stream::try_unfold((Some(begun), block), |(position, block)| async move {
        let (mut writer, place) = match position.transpose()? {
            Some(Position::Rows(writer, place)) => (writer, place),
            Some(Position::End) | None => return Ok(None),
        };
        let (rows, next) = block(place).await.map_err(io::Error::other)?;
        writer.write(&rows)?;
        let mut bytes = writer.take();
        let position = match next {
            Some(next) => Position::Rows(writer, next),
            None => {
                bytes.extend(writer.finish()?);
                Position::End
            }
        };
        Ok(Some((Bytes::from(bytes), (Some(Ok(position)), block))))
    })
}

/// Whether a spreadsheet would compute a text that is typed into it; some do so with the wide signs of East Asian keyboards, too. A number
/// with its plus is none of that.
fn computes(text: &str) -> bool {
    let number = text
        .strip_prefix('+')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
        && !number
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Cursor;

    use calamine::{Data, Reader, Xlsx};
    use futures_util::TryStreamExt;

    use super::*;

    const HEAD: &[&str] = &["name", "calls"];

    async fn written(format: Format, rows: i64, per_block: i64) -> Vec<u8> {
        let block = |from: i64| async move {
            let until = (from + per_block).min(rows);
            let row = |at: i64| vec![Cell::from(format!("=n{at} & <b>\u{1}")), Cell::from(at)];
            Ok::<_, Infallible>(((from..until).map(row).collect(), (until < rows).then_some(until)))
        };
        let parts: Vec<Bytes> = file(format, HEAD, 0, block).try_collect().await.unwrap();
        assert!(parts.len() as i64 >= rows / per_block, "it comes in parts");
        parts.concat()
    }

    #[tokio::test]
    async fn a_workbook_reads_back_as_it_was_written() {
        let bytes = written(Format::Xlsx, 2_500, 1_000).await;
        let mut book = Xlsx::new(Cursor::new(bytes)).unwrap();
        let names = book.sheet_names();
        assert_eq!(names, ["1"]);
        let sheet = book.worksheet_range("1").unwrap();
        assert_eq!(sheet.height(), 2_501);
        assert_eq!(sheet.get_value((0, 1)), Some(&Data::String("calls".into())));
        assert_eq!(sheet.get_value((2_500, 0)), Some(&Data::String("=n2499 & <b>".into())));
        assert_eq!(sheet.get_value((2_500, 1)), Some(&Data::Float(2_499.0)));
    }

    #[tokio::test]
    async fn a_file_of_values_has_a_mark_a_head_and_no_formula() {
        let bytes = written(Format::Csv, 2, 1).await;
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, "\u{feff}name,calls\r\n'=n0 & <b>\u{1},0\r\n'=n1 & <b>\u{1},1\r\n");
    }

    #[tokio::test]
    async fn an_error_breaks_the_file_off() {
        let fails = |_: ()| async { Err::<Block<()>, _>(io::Error::other("the disk is gone")) };
        let parts: Result<Vec<Bytes>, _> = file(Format::Csv, HEAD, (), fails).try_collect().await;
        assert!(parts.unwrap_err().to_string().contains("the disk is gone"));
    }
}
