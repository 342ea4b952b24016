use super::*;

fn records() -> Records {
    let records = Records::default();
    for n in 0..25_u64 {
        records.add(
            (n % 5 == 4).into(),
            Arc::new(Cdr {
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
                hangup_cause_text: "",
                source: None,
            }),
        );
    }
    records
}

fn query(text: &str) -> CdrQuery {
    CdrQuery::from_pairs(text.split('&').filter_map(|p| p.split_once('='))).expect("a good query")
}

fn ids(text: &str) -> Vec<String> {
    records().list(0, &query(text)).data.into_iter().map(|r| r.cdr.session_id.clone()).collect()
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
    let page = records().list(0, &query("page=2&limit=6"));
    assert_eq!(page.data.len(), 6);
    assert_eq!(page.data[0].cdr.session_id, "s16");
    let meta = serde_json::to_value(&page.meta).expect("plain values");
    assert_eq!(
        meta,
        serde_json::json!({"itemsPerPage": 6, "totalItems": 20, "currentPage": 2, "totalPages": 4,
                           "sortBy": [["id", "DESC"]]})
    );
    assert!(records().list(0, &query("page=4294967295&limit=1000")).data.is_empty());
}

#[test]
fn several_orders_apply_one_after_another() {
    let sorted = ids("sortBy=disposition:ASC&sortBy=duration:DESC&filter.duration=$lt:4");
    assert_eq!(sorted, ["s2", "s0", "s3", "s1"]);
}

#[test]
fn another_account_sees_nothing() {
    let records = records();
    assert!(records.find(0, "s4").is_none());
    assert!(records.find(1, "s4").is_some());
}
