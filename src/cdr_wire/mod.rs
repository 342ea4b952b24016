//! Lists of call detail records as the carrier's `GET /v1/cdr` puts them on the wire (Outgoing Call Service
//! 1.0.4 §3): `page`, `limit`, `sortBy` and `filter.<field>=$<operator>:<value>` in, `meta` out.
//!
//! The store answers such a query for our own API, the gateway answers it as the carrier, and the client of a
//! carrier asks it.

#[cfg(test)]
mod tests;

use callcore::call::Disposition;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Serialize};

const DEFAULT_LIMIT: u32 = 100;
/// Records on one page, at most.
const MAX_LIMIT: u32 = 1000;

/// What such a query may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::EnumString, strum::IntoStaticStr)]
pub enum CdrParameter {
    #[strum(serialize = "page")]
    Page,
    #[strum(serialize = "limit")]
    Limit,
    #[strum(serialize = "sortBy")]
    SortBy,
    #[strum(serialize = "filter.destination")]
    Destination,
    #[strum(serialize = "filter.duration")]
    Duration,
    #[strum(serialize = "filter.billableSeconds")]
    BillableSeconds,
    #[strum(serialize = "filter.disposition")]
    Disposition,
}

impl CdrParameter {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A page of records and what they must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdrQuery {
    /// From 1.
    pub page: u32,
    pub limit: u32,
    /// All must hold.
    pub filters: Vec<CdrFilter>,
    /// `(field, descending)`; empty means newest first.
    pub sort_by: Vec<(CdrField, bool)>,
}

impl Default for CdrQuery {
    fn default() -> Self {
        Self { page: 1, limit: DEFAULT_LIMIT, filters: Vec::new(), sort_by: Vec::new() }
    }
}

/// One condition on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CdrFilter {
    DestinationIs(String),
    DestinationContains(String),
    Duration(Comparison, i64),
    BillableSeconds(Comparison, i64),
    DispositionIn(Vec<Disposition>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    const ALL: [Self; 5] = [Self::Equal, Self::Greater, Self::GreaterOrEqual, Self::Less, Self::LessOrEqual];

    const fn operator(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "gte",
            Self::Less => "lt",
            Self::LessOrEqual => "lte",
        }
    }

    /// Whether `left` stands so to `right`.
    #[must_use]
    pub const fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
        }
    }
}

/// What records may be sorted by. `Id` is the order in which they were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CdrField {
    Id,
    StartTime,
    EndTime,
    Duration,
    BillableSeconds,
    Destination,
    Disposition,
}

impl CdrFilter {
    fn pair(&self) -> (CdrParameter, String) {
        match self {
            Self::DestinationIs(number) => (CdrParameter::Destination, format!("$eq:{number}")),
            Self::DestinationContains(part) => (CdrParameter::Destination, format!("$contains:{part}")),
            Self::Duration(how, seconds) => {
                (CdrParameter::Duration, format!("${}:{seconds}", how.operator()))
            }
            Self::BillableSeconds(how, seconds) => {
                (CdrParameter::BillableSeconds, format!("${}:{seconds}", how.operator()))
            }
            Self::DispositionIn(all) => {
                let names: Vec<&str> = all.iter().map(|d| d.as_str()).collect();
                let operator = if names.len() == 1 { "eq" } else { "in" };
                (CdrParameter::Disposition, format!("${operator}:{}", names.join(",")))
            }
        }
    }
}

impl CdrField {
    const ALL: [Self; 7] = [
        Self::Id,
        Self::StartTime,
        Self::EndTime,
        Self::Duration,
        Self::BillableSeconds,
        Self::Destination,
        Self::Disposition,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::StartTime => "startTime",
            Self::EndTime => "endTime",
            Self::Duration => "duration",
            Self::BillableSeconds => "billableSeconds",
            Self::Destination => "destination",
            Self::Disposition => "disposition",
        }
    }
}

/// A parameter that cannot be understood, with what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {problem}")]
pub struct CdrQueryError {
    pub parameter: String,
    pub problem: String,
}

impl CdrQuery {
    /// Reads decoded query parameters. Parameters of other names are left alone.
    ///
    /// # Errors
    /// Names the parameters that cannot be understood and says what each takes.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, Vec<CdrQueryError>>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut query = Self::default();
        let mut wrong = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.as_ref(), value.as_ref());
            let read = match name.parse() {
                Ok(CdrParameter::Page) => positive(value).map(|page| query.page = page),
                Ok(CdrParameter::Limit) => positive(value).map(|limit| query.limit = limit.min(MAX_LIMIT)),
                Ok(CdrParameter::SortBy) => sort(value).map(|sort| query.sort_by.push(sort)),
                Ok(CdrParameter::Destination) => destination(value).map(|filter| query.filters.push(filter)),
                Ok(CdrParameter::Duration) => {
                    seconds(value).map(|(how, seconds)| query.filters.push(CdrFilter::Duration(how, seconds)))
                }
                Ok(CdrParameter::BillableSeconds) => seconds(value)
                    .map(|(how, seconds)| query.filters.push(CdrFilter::BillableSeconds(how, seconds))),
                Ok(CdrParameter::Disposition) => {
                    dispositions(value).map(|any| query.filters.push(CdrFilter::DispositionIn(any)))
                }
                Err(_) if name.starts_with("filter.") => Err(UNKNOWN_FILTER.to_owned()),
                Err(_) => Ok(()),
            };
            if let Err(problem) = read {
                wrong.push(CdrQueryError { parameter: name.to_owned(), problem });
            }
        }
        if wrong.is_empty() { Ok(query) } else { Err(wrong) }
    }

    /// The query parameters that [`CdrQuery::from_pairs`] reads as this query, in order. `sortBy` is not in the
    /// carrier's document, which shows it in answers only.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        use CdrParameter::{Limit, Page, SortBy};
        let page = [(Page, self.page.to_string()), (Limit, self.limit.to_string())];
        let filters = self.filters.iter().map(CdrFilter::pair);
        let sort = self
            .sort_by
            .iter()
            .map(|(field, descending)| (SortBy, format!("{}:{}", field.as_str(), direction(*descending))));
        let all = page.into_iter().chain(filters).chain(sort);
        all.map(|(parameter, value)| (parameter.as_str(), value)).collect()
    }

    /// The order asked for; newest first when none was.
    #[must_use]
    pub fn order(&self) -> &[(CdrField, bool)] {
        const NEWEST_FIRST: [(CdrField, bool); 1] = [(CdrField::Id, true)];
        if self.sort_by.is_empty() { &NEWEST_FIRST } else { &self.sort_by }
    }

    /// Records before the first of the page.
    #[must_use]
    pub fn offset(&self) -> u64 {
        u64::from(self.page.max(1) - 1) * u64::from(self.limit.max(1))
    }
}

/// Where in the list a page lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CdrMeta {
    pub items_per_page: u32,
    pub total_items: u64,
    pub current_page: u32,
    pub total_pages: u64,
    /// `[field, "ASC" | "DESC"]` pairs.
    pub sort_by: Vec<(&'static str, &'static str)>,
}

impl CdrMeta {
    /// Describes the page that answers `query` when `total_items` records match.
    #[must_use]
    pub fn new(query: &CdrQuery, total_items: u64) -> Self {
        let limit = query.limit.max(1);
        Self {
            items_per_page: limit,
            total_items,
            current_page: query.page.max(1),
            total_pages: total_items.div_ceil(u64::from(limit)),
            sort_by: query.order().iter().map(|(field, desc)| (field.as_str(), direction(*desc))).collect(),
        }
    }
}

const fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

fn positive(value: &str) -> Result<u32, String> {
    let number = whole(value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    number.ok_or_else(|| {
        let value = value.trim();
        if value.is_empty() {
            return "is empty; give it a whole number from 1".to_owned();
        }
        format!("{value:?} is not a whole number from 1 to {}", u32::MAX)
    })
}

/// A whole number, also one that is written with a point: 30.0 is 30.
fn whole(value: &str) -> Option<i64> {
    let value = value.trim();
    let pointed = || {
        let number = value.parse::<f64>().ok()?;
        (number.fract() == 0.0 && number.abs() <= 9e15).then_some(number as i64)
    };
    value.parse().ok().or_else(pointed)
}

/// A number, or a part of one, as it is kept. In a query a plus stands for a space unless it is escaped, so a space in
/// front was a plus; what people write between digits goes.
fn number(operand: &str) -> String {
    let plus = operand.starts_with([' ', '+']);
    let digits: String =
        operand.chars().filter(|sign| !matches!(sign, ' ' | '+' | '-' | '.' | '(' | ')')).collect();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return operand.to_owned();
    }
    if plus { format!("+{digits}") } else { digits }
}

fn sort(value: &str) -> Result<(CdrField, bool), String> {
    let (name, direction) = value.split_once(':').unwrap_or((value, "ASC"));
    let descending = match direction.to_ascii_uppercase().as_str() {
        "ASC" => false,
        "DESC" => true,
        _ => return Err(format!("{direction:?} is not a direction; use ASC or DESC")),
    };
    let field = CdrField::ALL.into_iter().find(|field| field.as_str() == name);
    let names = || CdrField::ALL.map(CdrField::as_str).join(", ");
    field
        .map(|field| (field, descending))
        .ok_or_else(|| format!("records cannot be sorted by {name:?}; use {}", names()))
}

const UNKNOWN_FILTER: &str = "records are filtered by destination, duration, billableSeconds or disposition";

/// The operator of a filter and what it is applied to. The carrier's clients also write a bare value, meaning equality.
fn operation(value: &str) -> Result<(&str, &str), &'static str> {
    match value.strip_prefix('$') {
        Some(rest) => rest.split_once(':').ok_or("an operator is followed by a colon and a value"),
        None => Ok(("eq", value)),
    }
}

fn unsupported(operator: &str, takes: &str) -> String {
    format!("${operator} is not supported here; use {takes}")
}

fn destination(value: &str) -> Result<CdrFilter, String> {
    match operation(value)? {
        ("eq" | "contains", operand) if operand.trim().is_empty() => {
            Err("is empty; give it a number or a part of one".to_owned())
        }
        ("eq", operand) => Ok(CdrFilter::DestinationIs(number(operand))),
        ("contains", operand) => Ok(CdrFilter::DestinationContains(number(operand))),
        (operator, _) => Err(unsupported(operator, "$eq or $contains")),
    }
}

fn seconds(value: &str) -> Result<(Comparison, i64), String> {
    let (operator, operand) = operation(value)?;
    let how = Comparison::ALL.into_iter().find(|how| how.operator() == operator);
    let how = how.ok_or_else(|| unsupported(operator, "$eq, $gt, $gte, $lt or $lte"))?;
    let seconds = whole(operand).ok_or_else(|| format!("{operand:?} is not a whole number of seconds"))?;
    Ok((how, seconds))
}

fn dispositions(value: &str) -> Result<Vec<Disposition>, String> {
    match operation(value)? {
        ("eq", operand) => Ok(vec![disposition(operand)?]),
        ("in", operand) => operand.split(',').map(disposition).collect(),
        (operator, _) => Err(unsupported(operator, "$eq or $in")),
    }
}

fn disposition(text: &str) -> Result<Disposition, String> {
    let upper = text.trim().to_ascii_uppercase();
    let read: StrDeserializer<'_, ValueError> = upper.as_str().into_deserializer();
    Disposition::deserialize(read)
        .map_err(|_| format!("{text:?} is no disposition; use ANSWERED, NO ANSWER, BUSY, FAILED or CANCEL"))
}
