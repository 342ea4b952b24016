//! Lists in pages: one page, and the cursor after which the next one begins.

use std::fmt;
use std::str::FromStr;

/// A part of a list, in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C = Cursor> {
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// The first `limit` of `rows`, which has one more when the list goes on; `cursor` names the place of a row.
    pub(in crate::store) fn cut(mut rows: Vec<T>, limit: u32, cursor: impl Fn(&T) -> C) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { items: rows, next }
    }
}

/// The place in a list, newest first, behind which the next page begins. Opaque to clients; travels as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(in crate::store) created_ms: i64,
    pub(in crate::store) id: String,
}

impl Cursor {
    pub(in crate::store) fn new(created_ms: i64, id: &str) -> Self {
        Self { created_ms, id: id.to_owned() }
    }

    /// When what stands there was created.
    #[must_use]
    pub const fn at_ms(&self) -> i64 {
        self.created_ms
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_ms, self.id)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('.').and_then(|(ms, id)| Some((ms.parse().ok()?, id)));
        let (created_ms, id) = parts.ok_or_else(|| format!("{text:?} is not a cursor of an earlier page"))?;
        Ok(Self { created_ms, id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_next_one_only_when_there_is_more() {
        let page = |rows: Vec<i64>, limit| Page::cut(rows, limit, |row| *row);
        assert_eq!(page(vec![3, 2, 1], 2), Page { items: vec![3, 2], next: Some(2) });
        assert_eq!(page(vec![3, 2], 2), Page { items: vec![3, 2], next: None });
        assert_eq!(page(vec![], 2), Page { items: vec![], next: None });
        assert_eq!(page(vec![3], 0), Page { items: vec![], next: None });
    }
}
