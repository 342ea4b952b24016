//! Which call detail records to list: the query parameters of the carrier's `GET /v1/cdr`
//! (Outgoing Call Service 1.0.4 §3: `page`, `limit`, `filter.<field>=$<operator>:<value>`).

use callcore::call::Disposition;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

const DEFAULT_LIMIT: u32 = 100;
/// Records on one page, at most.
const MAX_LIMIT: u32 = 1000;

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
    /// Only records of this app's calls.
    pub app_id: Option<String>,
}

impl Default for CdrQuery {
    fn default() -> Self {
        Self { page: 1, limit: DEFAULT_LIMIT, filters: Vec::new(), sort_by: Vec::new(), app_id: None }
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
    /// Names the first parameter that cannot be understood and says what it takes.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, CdrQueryError>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut query = Self::default();
        for (name, value) in pairs {
            let (name, value) = (name.as_ref(), value.as_ref());
            let read = match name {
                "page" => positive(value).map(|page| query.page = page),
                "limit" => positive(value).map(|limit| query.limit = limit.min(MAX_LIMIT)),
                "sortBy" => sort(value).map(|sort| query.sort_by.push(sort)),
                _ => match name.strip_prefix("filter.") {
                    Some(field) => filter(field, value).map(|filter| query.filters.push(filter)),
                    None => Ok(()),
                },
            };
            read.map_err(|problem| CdrQueryError { parameter: name.to_owned(), problem })?;
        }
        Ok(query)
    }
}

fn positive(value: &str) -> Result<u32, String> {
    let number = value.parse::<u32>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{value:?} is not a whole number from 1"))
}

fn sort(value: &str) -> Result<(CdrField, bool), String> {
    let (name, direction) = value.split_once(':').unwrap_or((value, "ASC"));
    let descending = match direction {
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

fn filter(field: &str, value: &str) -> Result<CdrFilter, String> {
    // The carrier's clients also write a bare value, meaning equality.
    let (operator, operand) = match value.strip_prefix('$') {
        Some(rest) => rest.split_once(':').ok_or("an operator is followed by a colon and a value")?,
        None => ("eq", value),
    };
    let unsupported = |takes: &str| Err(format!("${operator} is not supported here; use {takes}"));
    match (field, operator) {
        ("destination", "eq") => Ok(CdrFilter::DestinationIs(operand.to_owned())),
        ("destination", "contains") => Ok(CdrFilter::DestinationContains(operand.to_owned())),
        ("destination", _) => unsupported("$eq or $contains"),
        ("duration" | "billableSeconds", _) => {
            let comparison = match operator {
                "eq" => Comparison::Equal,
                "gt" => Comparison::Greater,
                "gte" => Comparison::GreaterOrEqual,
                "lt" => Comparison::Less,
                "lte" => Comparison::LessOrEqual,
                _ => return unsupported("$eq, $gt, $gte, $lt or $lte"),
            };
            let seconds =
                operand.parse().map_err(|_| format!("{operand:?} is not a whole number of seconds"))?;
            Ok(match field {
                "duration" => CdrFilter::Duration(comparison, seconds),
                _ => CdrFilter::BillableSeconds(comparison, seconds),
            })
        }
        ("disposition", "eq") => Ok(CdrFilter::DispositionIn(vec![disposition(operand)?])),
        ("disposition", "in") => {
            operand.split(',').map(disposition).collect::<Result<_, _>>().map(CdrFilter::DispositionIn)
        }
        ("disposition", _) => unsupported("$eq or $in"),
        _ => Err("records are filtered by destination, duration, billableSeconds or disposition".to_owned()),
    }
}

fn disposition(text: &str) -> Result<Disposition, String> {
    let text: StrDeserializer<'_, ValueError> = text.trim().into_deserializer();
    Disposition::deserialize(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<CdrQuery, String> {
        CdrQuery::from_pairs(pairs.iter().copied()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_carriers_own_examples_are_understood() {
        let query = read(&[
            ("page", "2"),
            ("limit", "10"),
            ("filter.destination", "$contains:0812"),
            ("filter.duration", "$gte:30"),
            ("filter.disposition", "$in:ANSWERED,NO ANSWER,FAILED"),
            ("sortBy", "startTime:DESC"),
        ])
        .unwrap();
        assert_eq!((query.page, query.limit), (2, 10));
        let dispositions = vec![Disposition::Answered, Disposition::NoAnswer, Disposition::Failed];
        assert_eq!(
            query.filters,
            [
                CdrFilter::DestinationContains("0812".to_owned()),
                CdrFilter::Duration(Comparison::GreaterOrEqual, 30),
                CdrFilter::DispositionIn(dispositions),
            ]
        );
        assert_eq!(query.sort_by, [(CdrField::StartTime, true)]);
    }

    #[test]
    fn a_parameter_that_makes_no_sense_is_named_with_what_would() {
        let cases = [
            ("page", "0", "page: \"0\" is not a whole number from 1"),
            ("filter.duration", "$contains:3", "filter.duration: $contains is not supported here"),
            ("filter.duration", "$gte:long", "filter.duration: \"long\" is not a whole number of seconds"),
            ("filter.disposition", "$eq:MAYBE", "filter.disposition: unknown variant `MAYBE`"),
            ("filter.colour", "$eq:red", "filter.colour: records are filtered by destination"),
            ("sortBy", "price:ASC", "sortBy: records cannot be sorted by \"price\""),
        ];
        for (name, value, expected) in cases {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_page_is_never_larger_than_the_limit_of_the_server() {
        assert_eq!(read(&[("limit", "4000000000")]).unwrap().limit, MAX_LIMIT);
    }

    proptest! {
        #[test]
        fn any_filter_text_is_read_or_refused(field in "[a-zA-Z]{0,12}", value in ".{0,40}") {
            let name = format!("filter.{field}");
            let _outcome = CdrQuery::from_pairs([(name, value)]);
        }
    }
}
