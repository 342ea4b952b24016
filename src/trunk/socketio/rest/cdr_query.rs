//! Questions about call detail records: filters, paging and sorting of `GET /v1/cdr`, and its answer.

use callcore::call::{CarrierCdr, Disposition};
use serde::Deserialize;
use serde_json::Value;

use super::RestError;
use crate::trunk::socketio::messages::{Text, WireCdr};

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    const fn operator(self) -> &'static str {
        match self {
            Self::Equal => "$eq",
            Self::Greater => "$gt",
            Self::GreaterOrEqual => "$gte",
            Self::Less => "$lt",
            Self::LessOrEqual => "$lte",
        }
    }
}

/// One condition; a query keeps those records that meet all of its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CdrFilter {
    DestinationIs(String),
    DestinationContains(String),
    /// Whole seconds.
    Duration(Comparison, u64),
    /// Whole seconds.
    BillableSeconds(Comparison, u64),
    DispositionIs(Disposition),
    DispositionIn(Vec<Disposition>),
}

impl CdrFilter {
    fn pair(&self) -> (&'static str, String) {
        match self {
            Self::DestinationIs(number) => ("filter.destination", format!("$eq:{number}")),
            Self::DestinationContains(part) => ("filter.destination", format!("$contains:{part}")),
            Self::Duration(how, seconds) => ("filter.duration", format!("{}:{seconds}", how.operator())),
            Self::BillableSeconds(how, seconds) => {
                ("filter.billableSeconds", format!("{}:{seconds}", how.operator()))
            }
            Self::DispositionIs(one) => ("filter.disposition", format!("$eq:{one}")),
            Self::DispositionIn(all) => {
                let names: Vec<&str> = all.iter().map(|d| d.as_str()).collect();
                ("filter.disposition", format!("$in:{}", names.join(",")))
            }
        }
    }
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// The order of a list: a field as the carrier names it, and a direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdrSort {
    pub field: String,
    pub direction: Direction,
}

/// Which records, and which page of them. The default asks for the carrier's first page as it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CdrQuery {
    /// From 1.
    pub page: Option<u32>,
    /// Records per page.
    pub limit: Option<u32>,
    pub filters: Vec<CdrFilter>,
    /// Not in the carrier's document, which only shows it in answers: `sortBy=field:DIRECTION`.
    pub sort: Vec<CdrSort>,
}

impl CdrQuery {
    /// The query parameters, in order.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let page = self.page.map(|page| ("page", page.to_string()));
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        let sort = self.sort.iter().map(|sort| {
            let direction = match sort.direction {
                Direction::Ascending => "ASC",
                Direction::Descending => "DESC",
            };
            ("sortBy", format!("{}:{direction}", sort.field))
        });
        let filters = self.filters.iter().map(CdrFilter::pair);
        page.into_iter().chain(limit).chain(filters).chain(sort).collect()
    }
}

/// A record in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdrRecord {
    pub cdr: CarrierCdr,
    /// When the carrier wrote it first and last; ISO 8601 UTC.
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

/// Where in the list a page lies. What a carrier leaves out is 0 or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CdrMeta {
    pub items_per_page: u64,
    pub total_items: u64,
    pub current_page: u64,
    pub total_pages: u64,
    pub sort_by: Vec<CdrSort>,
}

/// A page of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CdrPage {
    pub records: Vec<CdrRecord>,
    pub meta: CdrMeta,
}

impl CdrPage {
    /// Reads `{"data": […], "meta": {…}}`. A record that cannot be read is left out and logged: the others
    /// are worth having.
    pub(super) fn read(answer: &Value) -> Result<Self, RestError> {
        let Some(list) = answer.get("data").and_then(Value::as_array) else {
            return Err(RestError::Answer("the list of records has no data".into()));
        };
        let read = |value: &Value| match WireCdr::deserialize(value) {
            Ok(cdr) => {
                let time = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
                Some(CdrRecord {
                    cdr: cdr.into_cdr(),
                    created_at: time("createdAt"),
                    updated_at: time("updatedAt"),
                })
            }
            Err(error) => {
                tracing::warn!(%error, "a record in the carrier's list cannot be read");
                None
            }
        };
        let records = list.iter().filter_map(read).collect();
        let meta = answer.get("meta").map(meta).unwrap_or_default();
        Ok(Self { records, meta })
    }
}

fn meta(value: &Value) -> CdrMeta {
    let number = |field: &str| {
        let scalar = value.get(field).and_then(|v| Text::deserialize(v).ok());
        scalar.and_then(|text| text.whole()).unwrap_or(0)
    };
    let sort_by = value.get("sortBy").and_then(Value::as_array).map(|all| sort_by(all)).unwrap_or_default();
    CdrMeta {
        items_per_page: number("itemsPerPage"),
        total_items: number("totalItems"),
        current_page: number("currentPage"),
        total_pages: number("totalPages"),
        sort_by,
    }
}

/// A list of `[field, direction]` pairs; one carrier's document shows a single pair without its list.
fn sort_by(list: &[Value]) -> Vec<CdrSort> {
    let pair = |field: &Value, direction: &Value| {
        let descending = direction.as_str()?.eq_ignore_ascii_case("DESC");
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        Some(CdrSort { field: field.as_str()?.to_owned(), direction })
    };
    if let [field @ Value::String(_), direction @ Value::String(_)] = list {
        return pair(field, direction).into_iter().collect();
    }
    let pairs = list.iter().filter_map(|entry| match entry.as_array().map(Vec::as_slice) {
        Some([field, direction]) => pair(field, direction),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(filters: Vec<CdrFilter>) -> Vec<String> {
        let query = CdrQuery { filters, ..CdrQuery::default() };
        query.pairs().into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn every_documented_filter_is_written_as_documented() {
        assert_eq!(
            query(vec![
                CdrFilter::DestinationIs("08123456789".into()),
                CdrFilter::DestinationContains("0812".into()),
            ]),
            ["filter.destination=$eq:08123456789", "filter.destination=$contains:0812"]
        );
        let all = [
            (Comparison::Equal, "$eq"),
            (Comparison::Greater, "$gt"),
            (Comparison::GreaterOrEqual, "$gte"),
            (Comparison::Less, "$lt"),
            (Comparison::LessOrEqual, "$lte"),
        ];
        for (how, operator) in all {
            assert_eq!(
                query(vec![CdrFilter::Duration(how, 60), CdrFilter::BillableSeconds(how, 180)]),
                [format!("filter.duration={operator}:60"), format!("filter.billableSeconds={operator}:180")]
            );
        }
        let some = vec![Disposition::Answered, Disposition::NoAnswer, Disposition::Failed];
        assert_eq!(
            query(vec![CdrFilter::DispositionIs(Disposition::Answered), CdrFilter::DispositionIn(some)]),
            ["filter.disposition=$eq:ANSWERED", "filter.disposition=$in:ANSWERED,NO ANSWER,FAILED"]
        );
    }

    #[test]
    fn pages_and_order_are_asked_for() {
        let sort = vec![CdrSort { field: "duration".into(), direction: Direction::Descending }];
        let query = CdrQuery { page: Some(2), limit: Some(10), sort, ..CdrQuery::default() };
        let expected = [("page", "2"), ("limit", "10"), ("sortBy", "duration:DESC")];
        assert_eq!(query.pairs(), expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(CdrQuery::default().pairs(), []);
    }

    #[test]
    fn the_documented_page_is_read_with_its_sort_order_in_either_form() {
        let record = json!({
            "sessionId": "0198355b", "destination": "0811234678", "startTime": "2025-07-23T03:37:56.000Z",
            "answerTime": null, "endTime": "2025-07-23T03:38:20.000Z", "duration": 24, "billableSeconds": 0,
            "disposition": "NO ANSWER", "hangupBy": "CALLEE", "hangupCauseCode": 18,
            "hangupCauseText": "No response from destination",
            "createdAt": "2025-07-23T03:38:22.000Z", "updatedAt": "2025-07-23T03:38:22.000Z",
        });
        for sort in [json!(["id", "DESC"]), json!([["id", "DESC"]])] {
            let answer = json!({
                "data": [record, {"no": "record"}],
                "meta": { "itemsPerPage": 100, "totalItems": 36, "currentPage": 1, "totalPages": 1, "sortBy": sort },
            });
            let page = CdrPage::read(&answer).expect("a page");
            assert_eq!(page.records.len(), 1);
            assert_eq!(page.records[0].cdr.disposition, Disposition::NoAnswer);
            assert_eq!(page.records[0].created_at.as_deref(), Some("2025-07-23T03:38:22.000Z"));
            assert_eq!((page.meta.total_items, page.meta.items_per_page), (36, 100));
            let by_id = CdrSort { field: "id".into(), direction: Direction::Descending };
            assert_eq!(page.meta.sort_by, [by_id]);
        }
        assert!(CdrPage::read(&json!({"data": {}})).is_err());
    }
}
