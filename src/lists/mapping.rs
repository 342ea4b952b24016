//! What the columns of a file hold: guessed by their names, or as somebody says it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use callcore::language::hidden_sign;
use serde_json::{Value, json};

use super::columns::{Places, plain_name};
use super::error::Error;
use super::limits::NAME;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    Phone,
    Name,
    /// The name of a time zone.
    Zone,
    /// Where the number is at home.
    Country,
    ExternalId,
    /// When the person agreed to be called.
    ConsentAt,
    /// How, or where, they agreed.
    ConsentSource,
    /// A variable of the flow, by this name.
    Variable(String),
    /// Nothing that is kept.
    Ignore,
}

impl Meaning {
    /// Those that one column at most may have, each with its word.
    pub const SINGLE: [(Self, &'static str); 7] = [
        (Self::Phone, "phone"),
        (Self::Name, "name"),
        (Self::Zone, "zone"),
        (Self::Country, "country"),
        (Self::ExternalId, "externalId"),
        (Self::ConsentAt, "consentAt"),
        (Self::ConsentSource, "consentSource"),
    ];

    /// The word for it; of a variable, without its name.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if matches!(self, Self::Variable(_)) {
            return "variable";
        }
        Self::SINGLE.iter().find(|(known, _)| known == self).map_or("ignore", |(_, word)| word)
    }
}

/// `phone`, `variable:amount`.
impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Variable(name) = self {
            return write!(f, "variable:{name}");
        }
        f.write_str(self.word())
    }
}

impl FromStr for Meaning {
    type Err = String;

    /// `variable` alone leaves the name empty.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix("variable:") {
            return Ok(Self::Variable(name.trim().to_owned()));
        }
        match text {
            "variable" => return Ok(Self::Variable(String::new())),
            "ignore" => return Ok(Self::Ignore),
            _ => {}
        }
        let known = Self::SINGLE.into_iter().find(|(_, word)| word.eq_ignore_ascii_case(text));
        known.map(|(meaning, _)| meaning).ok_or_else(|| {
            let words: Vec<&str> = Self::SINGLE.iter().map(|(_, word)| *word).collect();
            format!("must be {}, variable, variable:NAME or ignore, and not \"{text}\"", words.join(", "))
        })
    }
}

/// What the columns of a file hold, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    columns: Vec<(String, Meaning)>,
}

impl Mapping {
    /// By the names of the columns; those that are not known are variables, those without a name nothing.
    #[must_use]
    pub fn guess(header: &[String]) -> Self {
        let places = Places::of(header);
        let meaning = |at: usize, name: &str| match Some(at) {
            at if at == places.phone => Meaning::Phone,
            at if at == places.name => Meaning::Name,
            at if at == places.zone => Meaning::Zone,
            at if at == places.country => Meaning::Country,
            at if at == places.external_id => Meaning::ExternalId,
            at if at == places.consent_at => Meaning::ConsentAt,
            at if at == places.consent_source => Meaning::ConsentSource,
            _ if name.is_empty() => Meaning::Ignore,
            _ => Meaning::Variable(name.to_owned()),
        };
        let columns = header.iter().enumerate().map(|(at, name)| (name.clone(), meaning(at, name)));
        Self { columns: columns.collect() }
    }

    /// As somebody says it: meanings by the names of columns, or by their places, `#1`. Columns they do not name stay as they
    /// are, except that what was guessed to hold the same holds a variable now.
    ///
    /// # Errors
    /// [`Error::Mapping`] with all that is wrong.
    pub fn with(mut self, said: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let mut touched = BTreeSet::new();
        for (column, meaning) in said {
            let at = match column.strip_prefix('#').and_then(|place| place.parse::<usize>().ok()) {
                Some(place) => place.checked_sub(1).filter(|at| *at < self.columns.len()),
                None => self.place(column),
            };
            let Some(at) = at else {
                faults.push((column.clone(), "the file has no such column".to_owned()));
                continue;
            };
            match meaning.parse::<Meaning>() {
                Ok(meaning) => {
                    if let Some((name, before)) = self.columns.get_mut(at) {
                        let unnamed = meaning == Meaning::Variable(String::new());
                        *before = if unnamed { Meaning::Variable(name.clone()) } else { meaning };
                        touched.insert(at);
                    }
                }
                Err(problem) => faults.push((column.clone(), problem)),
            }
        }
        let taken: Vec<Meaning> =
            touched.iter().filter_map(|at| Some(self.columns.get(*at)?.1.clone())).collect();
        for (at, (name, meaning)) in self.columns.iter_mut().enumerate() {
            let single = !matches!(meaning, Meaning::Variable(_) | Meaning::Ignore);
            if single && !touched.contains(&at) && taken.contains(meaning) {
                *meaning = if name.is_empty() { Meaning::Ignore } else { Meaning::Variable(name.clone()) };
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(Error::Mapping(faults)) }
    }

    fn place(&self, column: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|(name, _)| name == column);
        exact.or_else(|| self.columns.iter().position(|(name, _)| plain_name(name) == plain_name(column)))
    }

    /// All that is wrong with it, by column; empty when a file can be read by it.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        for (meaning, word) in Meaning::SINGLE {
            let mut columns = self.columns.iter().filter(|(_, own)| *own == meaning);
            let first = columns.next();
            for (name, _) in columns {
                let other = first.map_or("", |(name, _)| name);
                faults.push((name.clone(), format!("holds {word}, and so does `{other}`; choose one")));
            }
            if meaning == Meaning::Phone && first.is_none() {
                let why = "no column holds the numbers; say which one does";
                faults.push(("phone".to_owned(), why.to_owned()));
            }
        }
        let mut variables: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, (column, meaning)) in self.columns.iter().enumerate() {
            let Meaning::Variable(name) = meaning else { continue };
            let shown = if column.is_empty() { format!("#{}", at + 1) } else { column.clone() };
            if name.is_empty() {
                faults.push((
                    shown,
                    "is a variable without a name; give it one, or ignore the column".to_owned(),
                ));
            } else if name.chars().count() > NAME || hidden_sign(name).is_some() {
                faults.push((shown, format!("a variable's name has {NAME} characters at most, in one line")));
            } else if let Some(other) = variables.insert(name, at + 1) {
                let why = format!(
                    "columns {other} and {} are one variable, `{name}`; name one differently, or ignore it",
                    at + 1
                );
                faults.push((shown, why));
            }
        }
        faults
    }

    /// The columns and what they hold, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[(String, Meaning)] {
        &self.columns
    }

    /// What the member of this name of a line of JSON holds; a variable when nothing was said.
    #[must_use]
    pub fn of_member(&self, name: &str) -> Meaning {
        let known = self.columns.iter().find(|(column, _)| column == name);
        known.map_or_else(|| Meaning::Variable(name.to_owned()), |(_, meaning)| meaning.clone())
    }

    /// The names of variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter_map(|(_, meaning)| {
            let Meaning::Variable(name) = meaning else { return None };
            Some(name.as_str())
        })
    }

    /// As it is kept: `[["Nomor HP", "phone"], …]`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let columns = self.columns.iter().map(|(name, meaning)| json!([name, meaning.to_string()]));
        Value::Array(columns.collect())
    }

    /// What was kept.
    #[must_use]
    pub fn from_json(kept: &Value) -> Option<Self> {
        let column = |entry: &Value| {
            let name = entry.get(0)?.as_str()?.to_owned();
            Some((name, entry.get(1)?.as_str()?.parse().ok()?))
        };
        let columns = kept.as_array()?.iter().map(column).collect::<Option<Vec<_>>>()?;
        Some(Self { columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn said(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(column, meaning)| ((*column).to_owned(), (*meaning).to_owned())).collect()
    }

    fn words(mapping: &Mapping) -> Vec<String> {
        mapping.columns().iter().map(|(_, meaning)| meaning.to_string()).collect()
    }

    #[test]
    fn what_is_not_known_is_a_variable() {
        let guess = Mapping::guess(&header(&["Nama", "Nomor HP", "Jumlah", "", "zona waktu"]));
        assert_eq!(words(&guess), ["name", "phone", "variable:Jumlah", "ignore", "zone"]);
        assert_eq!(Mapping::from_json(&guess.to_json()), Some(guess.clone()));
        assert!(guess.faults().is_empty());
        assert_eq!(guess.variables().collect::<Vec<_>>(), ["Jumlah"]);
    }

    #[test]
    fn what_somebody_says_goes_before_what_was_guessed() {
        let guess = || Mapping::guess(&header(&["phone", "mobile", "Due", ""]));
        let mapped = guess().with(&said(&[("mobile", "phone"), ("#3", "variable:due_date")])).unwrap();
        assert_eq!(words(&mapped), ["variable:phone", "phone", "variable:due_date", "ignore"]);
        let mapped = guess().with(&said(&[("due", "ignore"), ("#4", "variable:note")])).unwrap();
        assert_eq!(words(&mapped), ["phone", "variable:mobile", "ignore", "variable:note"]);
        let Err(Error::Mapping(faults)) = guess().with(&said(&[("nope", "phone"), ("Due", "colour")])) else {
            panic!("it was taken");
        };
        assert_eq!(faults.len(), 2);
        assert!(faults[0].1.contains("must be phone, name"), "{faults:?}");
    }

    #[test]
    fn a_mapping_has_one_number_and_no_name_twice() {
        let faults = |names: &[&str], says: &[(&str, &str)]| {
            Mapping::guess(&header(names)).with(&said(says)).unwrap().faults()
        };
        assert!(faults(&["a", "b"], &[])[0].1.contains("no column holds the numbers"));
        assert!(faults(&["a", "b"], &[("a", "phone"), ("b", "phone")])[0].1.contains("so does `a`"));
        assert!(faults(&["phone", "due", "due"], &[])[0].1.contains("columns 2 and 3 are one variable"));
        assert!(faults(&["phone", ""], &[("#2", "variable")])[0].1.contains("without a name"));
        assert!(faults(&["phone", "due", "due"], &[("#3", "ignore")]).is_empty());
    }
}
