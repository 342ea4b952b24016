//! Fields of a request, from a JSON object or from a query string: read one by one; every error is reported, all at once,
//! with its path.
//!
//! A reader takes the fields it knows by name and continues after an error with a placeholder value; [`Fields`] remembers the
//! error, so the placeholders are never passed on.

mod blank;
mod faults;
mod json;
mod names;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use serde_json::{Map, Value};

pub(crate) use self::faults::Faults;
pub(crate) use self::json::without_mark;
pub(crate) use self::names::Names;
pub(crate) use self::values::{checked_text, short_text};
use self::values::{listed, whole};
use super::error::{Code, Problem};

/// Where the values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Json,
    /// All of them are texts.
    Query,
    /// The same, from a page; browsers may add to it.
    Form,
}

/// What can be read from fields.
pub(crate) trait Given: Sized {
    /// Takes what it knows.
    fn read(fields: &mut Fields<'_>) -> Self;
}

/// Reads a body, a JSON object whatever its `Content-Type` says.
///
/// # Errors
/// Says all that is wrong.
pub(crate) fn json<T: Given>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    json_as(body, Code::Malformed, T::read)
}

/// The same, where no body at all will do, or `null`.
///
/// # Errors
/// Says all that is wrong.
pub(crate) fn optional<T: Given>(
    body: Result<Bytes, BytesRejection>,
    code: Code,
) -> Result<Option<T>, Problem> {
    let body = body?;
    let bare = without_mark(&body).trim_ascii();
    if bare.is_empty() || bare == b"null" { Ok(None) } else { json_as(Ok(body), code, T::read).map(Some) }
}

/// Reads a body; fields that are wrong make a problem of this code.
///
/// # Errors
/// Says all that is wrong.
pub(crate) fn json_as<T>(
    body: Result<Bytes, BytesRejection>,
    code: Code,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, Problem> {
    let object = Object::read(&body?, "body")?;
    let mut faults = Faults::default();
    let value = object.fields(Names::Exact, &mut faults, read);
    faults.end(code).map(|_| value)
}

/// Reads the parameters of a query.
///
/// # Errors
/// Says all that is wrong.
pub(crate) fn query<T>(
    pairs: Vec<(String, String)>,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, Problem> {
    from_pairs(pairs, Source::Query, read)
}

/// Reads the fields of a form; what is not asked for is left alone.
///
/// # Errors
/// Says all that is wrong.
pub(crate) fn form<T>(
    pairs: Vec<(String, String)>,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, Problem> {
    from_pairs(pairs, Source::Form, read)
}

fn from_pairs<T>(
    pairs: Vec<(String, String)>,
    source: Source,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, Problem> {
    let mut faults = Faults::default();
    let members = pairs.into_iter().map(|(name, text)| (name, Value::String(text)));
    let mut fields = Fields::over(members, (Names::Exact, source), String::new(), &mut faults);
    let value = read(&mut fields);
    fields.close();
    faults.end(Code::Malformed).map(|_| value)
}

/// A JSON object that was read and not yet looked at.
#[derive(Debug, Default)]
pub(crate) struct Object(json::Read);

impl From<Map<String, Value>> for Object {
    fn from(members: Map<String, Value>) -> Self {
        Self(json::Read { members, twice: Vec::new() })
    }
}

impl Object {
    /// `what` is what it came as: a body, a line.
    ///
    /// # Errors
    /// Says why it is no object.
    pub(crate) fn read(bytes: &[u8], what: &str) -> Result<Self, Problem> {
        json::read(bytes, what).map(Self).map_err(|why| Problem::new(Code::Malformed, why))
    }

    /// Adds a field, unless it is there in any case of its letters.
    pub(crate) fn add(&mut self, name: &str, value: Value) {
        if !self.0.members.keys().any(|there| there.eq_ignore_ascii_case(name)) {
            self.0.members.insert(name.to_owned(), value);
        }
    }

    pub(crate) const fn members(&self) -> &Map<String, Value> {
        &self.0.members
    }

    /// Looks at its fields.
    pub(crate) fn fields<T>(
        self,
        names: Names,
        faults: &mut Faults,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> T {
        for path in &self.0.twice {
            faults.add(path, "stands twice; send it once");
        }
        let mut fields = Fields::over(self.0.members, (names, Source::Json), String::new(), faults);
        let value = read(&mut fields);
        fields.close();
        value
    }
}

/// The fields of one object.
pub(crate) struct Fields<'f> {
    /// By the name they are looked up by: the name given, and the value.
    members: BTreeMap<String, (String, Value)>,
    names: Names,
    source: Source,
    /// In front of their names: empty, or with a dot at its end.
    path: String,
    /// Names that were asked for.
    known: Vec<&'static str>,
    faults: &'f mut Faults,
}

impl<'f> Fields<'f> {
    fn over(
        members: impl IntoIterator<Item = (String, Value)>,
        (names, source): (Names, Source),
        path: String,
        faults: &'f mut Faults,
    ) -> Self {
        let mut fields = Self { members: BTreeMap::new(), names, source, path, known: Vec::new(), faults };
        for (name, value) in members {
            let key = fields.key(&name);
            match fields.members.get(&key) {
                Some(_) if source == Source::Form => {}
                Some((before, _)) if *before == name => fields.fault(&name, "stands twice; send it once"),
                Some((before, _)) => {
                    let problem = format!("stands beside {before}, which is the same field; send it once");
                    fields.fault(&name, problem);
                }
                None => drop(fields.members.insert(key, (name, value))),
            }
        }
        fields
    }

    fn key(&self, name: &str) -> String {
        self.names.key(name)
    }

    /// Something is wrong with a field.
    pub(crate) fn fault(&mut self, name: &str, problem: impl Into<String>) {
        self.faults.add(&format!("{}{name}", self.path), problem);
    }

    /// A field is not followed.
    pub(crate) fn ignore(&mut self, name: &str) {
        self.faults.ignore(format!("{}{name}", self.path));
    }

    /// Takes a field as it is, `null` included.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.members.remove(&self.key(name)).map(|(_, value)| value)
    }

    /// Whether a field is there and not `null`.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.members.get(&self.key(name)).is_some_and(|(_, value)| !value.is_null())
    }

    /// Takes a field if it is this word.
    pub(crate) fn is(&mut self, name: &'static str, word: &str) -> bool {
        let there = self.members.get(&self.key(name)).is_some_and(|(_, value)| value == word);
        if there {
            self.take(name);
        }
        there
    }

    /// A moment, which may also be written as a number of milliseconds since 1970.
    pub(crate) fn moment(&mut self, name: &'static str) -> Option<String> {
        let key = self.key(name);
        if let Some((_, value @ Value::Number(_))) = self.members.get_mut(&key) {
            *value = Value::String(value.to_string());
        }
        self.text(name, LONGEST_MOMENT)
    }

    /// Takes a field; `null` is as good as absent.
    fn given(&mut self, name: &'static str) -> Option<Value> {
        self.take(name).filter(|value| !value.is_null())
    }

    /// A field that `null` takes away: `Some(None)` for `null`, `None` where it is absent or wrong.
    pub(crate) fn nullable<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.members.get(&self.key(name)) {
            Some((_, Value::Null)) => {
                self.take(name);
                Some(None)
            }
            Some(_) | None => read(self, name).map(Some),
        }
    }

    /// A field that must be there.
    pub(crate) fn required<T: Default>(
        &mut self,
        name: &'static str,
        example: &str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> T {
        if !self.holds(name) {
            self.take(name);
            self.fault(name, format!("is missing; {example}"));
            return T::default();
        }
        read(self, name).unwrap_or_default()
    }

    /// Any text, also an empty one.
    pub(crate) fn any_text(&mut self, name: &'static str) -> Option<String> {
        match self.given(name)? {
            Value::String(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.fault(name, "must be a text in quotes");
                None
            }
        }
    }

    /// A text that holds a value, without white space around it and signs that nobody sees in it, of at most `longest`
    /// characters.
    pub(crate) fn text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let text = self.any_text(name)?;
        self.checked(name, |_| checked_text(&text, longest))
    }

    /// A text that `read` understands.
    pub(crate) fn read<T>(
        &mut self,
        name: &'static str,
        longest: usize,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name, longest)?;
        self.checked(name, |_| read(&text))
    }

    /// Notes what is wrong with a field that is looked at.
    pub(crate) fn checked<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Option<T> {
        match read(self) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(name, problem);
                None
            }
        }
    }

    /// One of several words, in any case of their letters.
    pub(crate) fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name, LONGEST_WORD)?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            let words = listed(words.iter().map(|(word, _)| *word));
            self.fault(name, format!("must be {words}, and not \"{text}\""));
        }
        found.map(|(_, value)| *value)
    }

    /// A whole number within a range. JSON knows one kind of number: 500.0 and 5e2 are 500.
    pub(crate) fn whole(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.given(name)?;
        let source = self.source;
        self.checked(name, |_| whole(&value, source, &range))
    }

    /// The same, for a range that fits.
    pub(crate) fn small(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.whole(name, i64::from(*range.start())..=i64::from(*range.end()))?;
        u32::try_from(number).ok()
    }

    /// Milliseconds within a range.
    pub(crate) fn ms(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u64> {
        self.small(name, range).map(u64::from)
    }

    /// A number within a range.
    pub(crate) fn number(&mut self, name: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.given(name)?;
        let number = value.as_f64().filter(|number| range.contains(number));
        if number.is_none() {
            self.fault(name, format!("must be a number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// Yes or no.
    pub(crate) fn yes(&mut self, name: &'static str) -> Option<bool> {
        let value = self.given(name)?;
        let yes = match (&value, self.source) {
            (Value::Bool(yes), _) => Some(*yes),
            (Value::String(text), Source::Query | Source::Form) => text.to_ascii_lowercase().parse().ok(),
            _ => None,
        };
        if yes.is_none() {
            self.fault(name, "must be true or false");
        }
        yes
    }

    /// An object as it is.
    pub(crate) fn object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        match self.given(name)? {
            Value::Object(object) => Some(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.fault(name, "must be an object, { … }");
                None
            }
        }
    }

    /// An object of values that a bot says: none of them may be what a template left behind.
    pub(crate) fn values(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        let object = self.object(name)?;
        let mut left = Vec::new();
        for (member, value) in &object {
            values::left_over(&format!("{name}.{member}"), value, &mut left);
        }
        let filled = left.is_empty();
        for (path, why) in left {
            self.fault(&path, why);
        }
        filled.then_some(object)
    }

    /// The fields of an object within this one.
    pub(crate) fn within<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Option<T> {
        let object = self.object(name)?;
        let path = format!("{}{name}.", self.path);
        let mut inner = Fields::over(object, (self.names, self.source), path, &mut *self.faults);
        let value = read(&mut inner);
        inner.close();
        Some(value)
    }

    /// A list of at most `most` objects, each of which `read` takes the fields of.
    pub(crate) fn objects<T>(
        &mut self,
        name: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Fields<'_>) -> T,
    ) -> Option<Vec<T>> {
        let items = self.given(name)?.as_array().filter(|items| items.len() <= most).cloned();
        let Some(items) = items else {
            self.fault(name, format!("must be a list of objects, [ {{ … }} ], {most} at most"));
            return None;
        };
        let mut taken = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            let Value::Object(object) = item else {
                self.fault(&format!("{name}[{at}]"), "must be an object, { … }");
                continue;
            };
            let path = format!("{}{name}[{at}].", self.path);
            let mut inner = Fields::over(object, (self.names, self.source), path, &mut *self.faults);
            taken.push(read(&mut inner));
            inner.close();
        }
        Some(taken)
    }

    /// A list of at most `most` texts, each of which `read` understands.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        most: usize,
        mut read: impl FnMut(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.given(name)? else {
            self.fault(name, "must be a list of texts, [ … ]");
            return None;
        };
        if items.len() > most {
            self.fault(name, format!("has {} entries; {most} is the most", items.len()));
            return None;
        }
        let length = items.len();
        let mut taken = Vec::with_capacity(length);
        for (at, item) in items.iter().enumerate() {
            let name = format!("{name}[{at}]");
            let text = item.as_str().ok_or("must be a text in quotes".to_owned());
            taken.extend(self.checked(&name, |_| text.and_then(&mut read)));
        }
        (taken.len() == length).then_some(taken)
    }

    /// What nobody asked for: strangers, or fields that mean nothing.
    fn close(mut self) {
        let strangers: Vec<String> =
            std::mem::take(&mut self.members).into_values().map(|(name, _)| name).collect();
        let known = self.known.join(", ");
        for name in strangers {
            match (self.names, self.source) {
                (_, Source::Form) => {}
                (Names::AnyCase, _) => self.ignore(&name),
                (Names::Exact, Source::Json) if self.known.is_empty() => {
                    self.fault(&name, "is no field here; there are none");
                }
                (Names::Exact, Source::Json) => {
                    self.fault(&name, format!("is no field here; there are {known}"));
                }
                (Names::Exact, Source::Query) => {
                    self.fault(&name, format!("is no parameter here; there are {known}"));
                }
            }
        }
    }
}

/// Longest moment, characters.
const LONGEST_MOMENT: usize = 64;
/// Longest word that is compared, characters.
const LONGEST_WORD: usize = 64;
