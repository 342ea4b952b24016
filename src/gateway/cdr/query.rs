//! Which records a client asks for: filters, sorting and pages of `GET /v1/cdr`.

use callcore::call::CarrierCdr;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Direction {
    #[serde(rename = "ASC")]
    Ascending,
    #[serde(rename = "DESC")]
    Descending,
}

/// A field that can be sorted by; some can be filtered by, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Destination,
    StartTime,
    Duration,
    BillableSeconds,
    Disposition,
}

impl Field {
    const ALL: [Self; 5] =
        [Self::Destination, Self::StartTime, Self::Duration, Self::BillableSeconds, Self::Disposition];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::StartTime => "startTime",
            Self::Duration => "duration",
            Self::BillableSeconds => "billableSeconds",
            Self::Disposition => "disposition",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    fn number(self, cdr: &CarrierCdr) -> u64 {
        match self {
            Self::Duration => cdr.duration,
            Self::BillableSeconds => cdr.billable_seconds,
            Self::Destination | Self::StartTime | Self::Disposition => 0,
        }
    }

    fn text(self, cdr: &CarrierCdr) -> &str {
        match self {
            Self::Destination => &cdr.destination,
            Self::StartTime => &cdr.start_time,
            Self::Disposition => cdr.disposition.as_str(),
            Self::Duration | Self::BillableSeconds => "",
        }
    }

    pub(super) fn key(self, cdr: &CarrierCdr) -> (u64, String) {
        (self.number(cdr), self.text(cdr).to_owned())
    }
}

/// One condition on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    Is(Field, String),
    Contains(Field, String),
    In(Field, Vec<String>),
    Compare(Field, Comparison, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    /// Reads `filter.<field>=$operator:value`; without an operator it is `$eq`.
    fn parse(field: &str, text: &str) -> Result<Self, QueryError> {
        let (operator, value) =
            text.strip_prefix('$').and_then(|rest| rest.split_once(':')).unwrap_or(("eq", text));
        let comparison = match operator {
            "eq" => Some(Comparison::Equal),
            "gt" => Some(Comparison::Greater),
            "gte" => Some(Comparison::GreaterOrEqual),
            "lt" => Some(Comparison::Less),
            "lte" => Some(Comparison::LessOrEqual),
            _ => None,
        };
        let unknown_operator =
            || QueryError(format!("Operator ${operator} is not supported for filter.{field}"));
        match Field::named(field) {
            Some(by @ (Field::Duration | Field::BillableSeconds)) => {
                let comparison = comparison.ok_or_else(unknown_operator)?;
                let number = value.trim().parse().map_err(|_| {
                    QueryError(format!("filter.{field} must be a whole number of seconds, not `{value}`"))
                })?;
                Ok(Self::Compare(by, comparison, number))
            }
            Some(by @ Field::Destination) => match operator {
                "eq" => Ok(Self::Is(by, value.into())),
                "contains" => Ok(Self::Contains(by, value.into())),
                _ => Err(unknown_operator()),
            },
            Some(by @ Field::Disposition) => match operator {
                "eq" => Ok(Self::Is(by, value.into())),
                "in" => Ok(Self::In(by, value.split(',').map(|v| v.trim().to_owned()).collect())),
                _ => Err(unknown_operator()),
            },
            Some(Field::StartTime) | None => {
                Err(QueryError(format!("Filtering by {field} is not supported")))
            }
        }
    }

    pub(super) fn matches(&self, cdr: &CarrierCdr) -> bool {
        match self {
            Self::Is(field, value) => field.text(cdr).eq_ignore_ascii_case(value),
            Self::Contains(field, value) => field.text(cdr).contains(value.as_str()),
            Self::In(field, values) => values.iter().any(|v| field.text(cdr).eq_ignore_ascii_case(v)),
            Self::Compare(field, comparison, value) => {
                let number = field.number(cdr);
                match comparison {
                    Comparison::Equal => number == *value,
                    Comparison::Greater => number > *value,
                    Comparison::GreaterOrEqual => number >= *value,
                    Comparison::Less => number < *value,
                    Comparison::LessOrEqual => number <= *value,
                }
            }
        }
    }
}

/// A query that cannot be answered; the text is for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(String);

/// Which records, and which page of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// From 1.
    pub page: usize,
    pub limit: usize,
    pub filters: Vec<Filter>,
    pub sort: Option<(Field, Direction)>,
}

/// Records on a page when the client names no number.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

impl Query {
    /// Reads the query parameters; unknown ones are ignored.
    ///
    /// # Errors
    /// With a sentence for the client when a parameter cannot be understood.
    pub fn parse<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, QueryError> {
        let mut query = Self { page: 1, limit: DEFAULT_LIMIT, filters: Vec::new(), sort: None };
        let whole = |name: &str, value: &str| match value.parse::<usize>() {
            Ok(n) if n >= 1 => Ok(n),
            Ok(_) | Err(_) => Err(QueryError(format!("{name} must be a whole number from 1"))),
        };
        for (name, value) in pairs {
            match name {
                "page" => query.page = whole(name, value)?,
                "limit" => query.limit = whole(name, value)?.min(MAX_LIMIT),
                "sortBy" => query.sort = parse_sort(value)?,
                _ => {
                    if let Some(field) = name.strip_prefix("filter.") {
                        query.filters.push(Filter::parse(field, value)?);
                    }
                }
            }
        }
        Ok(query)
    }
}

fn parse_sort(text: &str) -> Result<Option<(Field, Direction)>, QueryError> {
    let (name, direction) = text.split_once(':').unwrap_or((text, "ASC"));
    let direction = match direction.to_ascii_uppercase().as_str() {
        "ASC" => Direction::Ascending,
        "DESC" => Direction::Descending,
        _ => return Err(QueryError("sortBy needs a direction, ASC or DESC".into())),
    };
    if name == "id" && direction == Direction::Descending {
        return Ok(None);
    }
    let name = if name == "id" { "startTime" } else { name };
    let field = Field::named(name);
    field
        .map(|f| Some((f, direction)))
        .ok_or_else(|| QueryError(format!("Sorting by {name} is not supported")))
}
