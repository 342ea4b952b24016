//! The answer to `GET /v1/cdr`: a page of call detail records. Carriers differ in it; what can be read is read.

use callcore::call::CarrierCdr;
use serde::Deserialize;
use serde_json::Value;

use super::RestError;
use crate::trunk::carrier_json::{Text, WireCdr};

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
    /// `(field, descending)`, the field as the carrier names it.
    pub sort_by: Vec<(String, bool)>,
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
                let time = |field: &str| {
                    value.get(field).and_then(Value::as_str).map(|text| text.chars().take(40).collect())
                };
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
fn sort_by(list: &[Value]) -> Vec<(String, bool)> {
    let pair = |field: &Value, direction: &Value| {
        let descending = direction.as_str()?.eq_ignore_ascii_case("DESC");
        Some((field.as_str()?.to_owned(), descending))
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
    use callcore::call::Disposition;
    use serde_json::json;

    use super::*;

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
            assert_eq!(page.meta.sort_by, [("id".to_owned(), true)]);
        }
        assert!(CdrPage::read(&json!({"data": {}})).is_err());
    }
}
