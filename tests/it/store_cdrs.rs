//! Call detail records in the carrier's own shape.

use dering::store::{CallBatch, CdrQuery, Store, Visibility};
use serde_json::{Value, json};

use crate::store_fixture::{begun, cdr, later, store_with_app, unanswered_cdr};

async fn store_with_records() -> Store {
    let store = store_with_app().await;
    let records = [
        cdr("s1", "0812111", 70),
        cdr("s2", "0812222", 10),
        unanswered_cdr("s3", "0899333"),
        cdr("s4", "08_2%44", 30),
    ];
    for record in records {
        let call_id = format!("call-{}", record.session_id);
        store.record(CallBatch { cdr: Some(record), ..begun(&call_id, 5) }).await.unwrap();
    }
    store
}

async fn list(store: &Store, pairs: &[(&str, &str)]) -> Value {
    let query = CdrQuery::from_pairs(pairs.iter().copied()).unwrap();
    serde_json::to_value(store.cdrs(&query, &Visibility::all()).await.unwrap()).unwrap()
}

fn sessions(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|record| record["sessionId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_listing_has_the_carriers_shape() {
    let store = store_with_records().await;
    let page = list(&store, &[("limit", "1"), ("page", "1"), ("filter.disposition", "$eq:NO ANSWER")]).await;
    let created = page["data"][0]["createdAt"].as_str().unwrap().to_owned();
    assert_eq!((created.len(), &created[10..11], &created[23..]), (24, "T", "Z"));
    assert_eq!(
        page,
        json!({
            "data": [{
                "sessionId": "s3",
                "destination": "0899333",
                "startTime": "2025-07-23T03:37:56.000Z",
                "answerTime": null,
                "endTime": "2025-07-23T03:38:20.000Z",
                "duration": 24,
                "billableSeconds": 0,
                "disposition": "NO ANSWER",
                "hangupBy": "CALLEE",
                "hangupCauseCode": 18,
                "hangupCauseText": "No response from destination",
                "createdAt": created,
                "updatedAt": created,
            }],
            "meta": {
                "itemsPerPage": 1, "totalItems": 1, "currentPage": 1, "totalPages": 1,
                "sortBy": [["id", "DESC"]],
            },
        })
    );
}

#[tokio::test]
async fn filters_narrow_as_the_carriers_do() {
    let store = store_with_records().await;
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 8] = [
        (&[("filter.destination", "$eq:0812222")], &["s2"]),
        (&[("filter.destination", "$contains:0812")], &["s1", "s2"]),
        // Wildcards of SQL mean nothing special.
        (&[("filter.destination", "$contains:_2%")], &["s4"]),
        (&[("filter.duration", "$gte:30")], &["s1", "s4"]),
        (&[("filter.duration", "$lt:30"), ("filter.billableSeconds", "$gt:0")], &["s2"]),
        (&[("filter.billableSeconds", "$lte:8")], &["s2", "s3"]),
        (&[("filter.disposition", "$in:NO ANSWER,BUSY")], &["s3"]),
        (&[("filter.disposition", "$eq:BUSY")], &[]),
    ];
    for (pairs, expected) in cases {
        let page = list(&store, pairs).await;
        let mut found = sessions(&page);
        found.sort_unstable();
        assert_eq!(found, expected, "{pairs:?}");
        assert_eq!(page["meta"]["totalItems"], expected.len(), "{pairs:?}");
    }
}

#[tokio::test]
async fn pages_and_orders_follow_the_query() {
    let store = store_with_records().await;
    let by_duration = [("sortBy", "duration:DESC"), ("sortBy", "id:ASC"), ("limit", "3")];
    let first = list(&store, &by_duration).await;
    assert_eq!(sessions(&first), ["s1", "s4", "s3"]);
    assert_eq!(first["meta"]["sortBy"], json!([["duration", "DESC"], ["id", "ASC"]]));
    assert_eq!(first["meta"]["totalPages"], 2);
    let second = list(&store, &[by_duration.as_slice(), &[("page", "2")]].concat()).await;
    assert_eq!(sessions(&second), ["s2"]);
    assert_eq!(sessions(&list(&store, &[("page", "9")]).await), Vec::<&str>::new());
}

#[tokio::test]
async fn an_app_sees_only_the_records_of_its_own_calls() {
    let store = store_with_records().await;
    let all = CdrQuery::default();
    let seen = async |bots: Option<&str>, asked_by: Option<&str>| {
        let bots = bots.map(|bot| vec![bot.to_owned()]);
        let visibility = Visibility::narrowed(bots, asked_by.map(str::to_owned));
        store.cdrs(&all, &visibility).await.unwrap().meta.total_items
    };
    assert_eq!((seen(None, Some("cs-demo")).await, seen(None, Some("cs-other")).await), (4, 0));
    assert_eq!((seen(Some("st-demo"), None).await, seen(Some("st-other"), None).await), (4, 0));
    assert_eq!(seen(Some("st-demo"), Some("cs-other")).await, 0);
}

#[tokio::test]
async fn a_record_that_arrives_twice_is_kept_once_with_the_newer_facts() {
    let store = store_with_app().await;
    store.record(CallBatch { cdr: Some(cdr("s1", "0812", 10)), ..begun("c1", 5) }).await.unwrap();
    store.record(CallBatch { cdr: Some(cdr("s1", "0812", 12)), ..later("c1") }).await.unwrap();
    let page = store.cdrs(&CdrQuery::default(), &Visibility::all()).await.unwrap();
    assert_eq!((page.meta.total_items, page.data[0].cdr.duration), (1, 12));
    let one = store.cdr("s1").await.unwrap().unwrap();
    assert_eq!((one.call_id.as_str(), one.cdr.duration), ("c1", 12));
    assert_eq!(store.cdr("s2").await.unwrap(), None);
}

#[tokio::test]
async fn two_calls_that_a_carrier_names_alike_keep_a_record_each() {
    let store = store_with_app().await;
    let (first, second) = (
        CallBatch { cdr: Some(cdr("s1", "0812", 10)), ..begun("c1", 5) },
        CallBatch { cdr: Some(cdr("s1", "0899", 20)), cdr_estimated: true, ..begun("c2", 6) },
    );
    let (one, two) = tokio::join!(store.record(first), store.record(second));
    one.unwrap();
    two.unwrap();
    // The carrier's own record of the second takes the place of ours, under the name that it got.
    store.record(CallBatch { cdr: Some(cdr("s1", "0899", 21)), ..later("c2") }).await.unwrap();
    let page = store.cdrs(&CdrQuery::default(), &Visibility::all()).await.unwrap();
    let mut kept: Vec<_> = page.data.iter().map(|row| (row.call_id.as_str(), row.cdr.duration)).collect();
    kept.sort_unstable();
    assert_eq!(kept, [("c1", 10), ("c2", 21)]);
    assert_eq!(store.cdr("s1").await.unwrap().unwrap().call_id, "c1");
    assert_eq!(store.cdr("s1~c2").await.unwrap().unwrap().cdr.destination, "0899");
}
