//! How large files, and what is in them, may be.

/// Largest file, bytes.
pub const LARGEST_FILE: u64 = 512 * 1024 * 1024;
/// Most that is unpacked of a workbook, bytes.
pub(super) const UNPACKED: u64 = 4 * 1024 * 1024 * 1024;
/// Most of the texts that a workbook's sheets share, which are held in memory, bytes.
pub(super) const SHARED_TEXTS: u64 = 256 * 1024 * 1024;
/// Longest text, and longest tag, of a workbook's parts, bytes.
pub(super) const TOKEN: usize = 1024 * 1024;
/// Most parts of a workbook.
pub(super) const PARTS: usize = 5_000;
/// Most columns.
pub(super) const COLUMNS: usize = 200;
/// Longest field, bytes.
pub(super) const FIELD: usize = 8 * 1024;
/// Longest row, bytes.
pub(super) const ROW: usize = 64 * 1024;
/// Longest name of a column, and longest name of a person, characters.
pub(super) const NAME: usize = 200;
/// Rows at the top of a file in which the names of its columns are looked for.
pub(super) const HEADER_WITHIN: usize = 10;

/// What is told of a row that is too long.
pub(super) fn long_row() -> String {
    format!("is longer than {} KiB; no contact needs that much (is a quote missing?)", ROW / 1024)
}

/// What is told of a row with too many fields.
pub(super) fn wide_row(fields: usize) -> String {
    format!("has {fields} fields; {COLUMNS} are the most")
}
