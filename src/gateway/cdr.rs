//! Call detail records: kept in memory, listed with the filters and pages of the service.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use callcore::call::CarrierCdr;
use serde::Serialize;

use crate::wallclock::{iso, now_ms};

/// Records kept; the oldest are forgotten.
const MAX_RECORDS: usize = 20_000;

/// A finished call of one account.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    #[serde(flatten)]
    pub cdr: CarrierCdr,
    pub created_at: String,
    pub updated_at: String,
    #[serde(skip)]
    pub account: usize,
}

/// All records, oldest first.
#[derive(Debug, Default)]
pub struct Records(Mutex<VecDeque<Record>>);

impl Records {
    fn locked(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the record of a call that has just ended.
    pub fn add(&self, account: usize, cdr: CarrierCdr) {
        let now = iso(now_ms());
        let mut records = self.locked();
        if records.len() == MAX_RECORDS {
            records.pop_front();
        }
        records.push_back(Record { cdr, created_at: now.clone(), updated_at: now, account });
    }

    /// The record of one call, if it belongs to the account.
    #[must_use]
    pub fn find(&self, account: usize, session_id: &str) -> Option<Record> {
        let records = self.locked();
        records.iter().rev().find(|r| r.account == account && r.cdr.session_id == session_id).cloned()
    }

    /// One page of the account's records, newest first unless sorted otherwise.
    #[must_use]
    pub fn list(&self, account: usize, query: &Query) -> Page {
        let records = self.locked();
        let mut matching: Vec<&Record> = records
            .iter()
            .rev()
            .filter(|r| r.account == account && query.filters.iter().all(|f| f.matches(&r.cdr)))
            .collect();
        if let Some((field, direction)) = query.sort {
            matching.sort_by_key(|record| field.key(&record.cdr));
            if direction == Direction::Descending {
                matching.reverse();
            }
        }
        let total = matching.len();
        let data = matching
            .into_iter()
            .skip((query.page - 1).saturating_mul(query.limit))
            .take(query.limit)
            .cloned()
            .collect();
        Page {
            data,
            meta: Meta {
                items_per_page: query.limit,
                total_items: total,
                current_page: query.page,
                total_pages: total.div_ceil(query.limit),
                sort_by: [match query.sort {
                    None => ("id", Direction::Descending),
                    Some((field, direction)) => (field.name(), direction),
                }],
            },
        }
    }
}

/// One page of records, in the shape of the service.
#[derive(Debug, Serialize)]
pub struct Page {
    pub data: Vec<Record>,
    pub meta: Meta,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    pub items_per_page: usize,
    pub total_items: usize,
    pub current_page: usize,
    pub total_pages: usize,
    /// `[field, direction]` pairs.
    pub sort_by: [(&'static str, Direction); 1],
}

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

    const fn name(self) -> &'static str {
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

    fn key(self, cdr: &CarrierCdr) -> (u64, String) {
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

    fn matches(&self, cdr: &CarrierCdr) -> bool {
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

#[cfg(test)]
mod tests {
    use callcore::call::{Disposition, HangupBy};

    use super::*;

    fn records() -> Records {
        let records = Records::default();
        for n in 0..25_u64 {
            records.add(
                (n % 5 == 4).into(),
                CarrierCdr {
                    session_id: format!("s{n}"),
                    destination: format!("08{n:02}"),
                    start_time: format!("2026-01-01T00:00:{n:02}.000Z"),
                    answer_time: None,
                    end_time: String::new(),
                    duration: n,
                    billable_seconds: n / 2,
                    disposition: if n % 2 == 0 { Disposition::Answered } else { Disposition::NoAnswer },
                    hangup_by: Some(HangupBy::Callee),
                    hangup_cause_code: 16,
                    hangup_cause_text: String::new(),
                },
            );
        }
        records
    }

    fn ids(query: &str) -> Vec<String> {
        let pairs = query.split('&').filter_map(|p| p.split_once('='));
        let query = Query::parse(pairs).expect("a good query");
        records().list(0, &query).data.into_iter().map(|r| r.cdr.session_id).collect()
    }

    #[test]
    fn every_documented_filter_selects() {
        assert_eq!(ids("filter.destination=$eq:0807"), ["s7"]);
        assert_eq!(ids("filter.destination=$contains:082"), ["s23", "s22", "s21", "s20"]);
        assert_eq!(ids("filter.duration=$gte:22"), ["s23", "s22"]);
        assert_eq!(ids("filter.duration=$gt:22"), ["s23"]);
        assert_eq!(ids("filter.duration=$lt:2&sortBy=duration:ASC"), ["s0", "s1"]);
        assert_eq!(ids("filter.duration=$lte:1"), ["s1", "s0"]);
        assert_eq!(ids("filter.duration=5"), ["s5"]);
        assert_eq!(ids("filter.billableSeconds=$eq:11"), ["s23", "s22"]);
        assert_eq!(ids("filter.disposition=$eq:NO ANSWER&filter.duration=$lt:4"), ["s3", "s1"]);
        assert_eq!(ids("filter.disposition=$in:BUSY,ANSWERED&filter.duration=$lt:4"), ["s2", "s0"]);
    }

    #[test]
    fn pages_are_cut_and_described() {
        let query = Query::parse([("page", "2"), ("limit", "6")].into_iter()).expect("a good query");
        let page = records().list(0, &query);
        assert_eq!(page.data.len(), 6);
        assert_eq!(page.data[0].cdr.session_id, "s16");
        let meta = serde_json::to_value(&page.meta).expect("plain values");
        assert_eq!(
            meta,
            serde_json::json!({"itemsPerPage": 6, "totalItems": 20, "currentPage": 2, "totalPages": 4,
                               "sortBy": [["id", "DESC"]]})
        );
        let far = Query::parse([("page", "18446744073709551615")].into_iter()).expect("a good query");
        assert!(records().list(0, &far).data.is_empty());
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        for (name, value) in [
            ("page", "0"),
            ("limit", "many"),
            ("filter.duration", "$gte:long"),
            ("filter.duration", "$contains:1"),
            ("filter.destination", "$gt:1"),
            ("filter.colour", "$eq:red"),
            ("sortBy", "colour:ASC"),
            ("sortBy", "duration:UP"),
        ] {
            let error = Query::parse([(name, value)].into_iter()).expect_err(value);
            assert!(!error.to_string().is_empty());
        }
        assert!(Query::parse([("nonsense", "1")].into_iter()).is_ok());
    }

    #[test]
    fn another_account_sees_nothing() {
        let records = records();
        assert!(records.find(0, "s4").is_none());
        assert!(records.find(1, "s4").is_some());
    }
}
