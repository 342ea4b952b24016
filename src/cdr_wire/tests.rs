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
    assert_eq!(read(&[("sortBy", "id:desc")]).unwrap().order(), CdrQuery::default().order());
    assert_eq!(read(&[("filter.disposition", "no answer")]).unwrap().filters.len(), 1);
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

#[test]
fn a_page_is_described_as_the_carrier_describes_it() {
    let query = read(&[("page", "2"), ("limit", "10"), ("sortBy", "duration:ASC")]).unwrap();
    let meta = serde_json::to_value(CdrMeta::new(&query, 36)).unwrap();
    assert_eq!(
        meta,
        serde_json::json!({"itemsPerPage": 10, "totalItems": 36, "currentPage": 2, "totalPages": 4,
                           "sortBy": [["duration", "ASC"]]})
    );
    assert_eq!(query.offset(), 10);
}

fn queries() -> impl Strategy<Value = CdrQuery> {
    let comparison = || prop::sample::select(Comparison::ALL.to_vec());
    let dispositions = vec![Disposition::Answered, Disposition::NoAnswer, Disposition::Failed];
    let filter = prop_oneof![
        "[+0-9]{1,15}".prop_map(CdrFilter::DestinationIs),
        "[+0-9]{1,15}".prop_map(CdrFilter::DestinationContains),
        (comparison(), 0..100_000_i64).prop_map(|(how, s)| CdrFilter::Duration(how, s)),
        (comparison(), 0..100_000_i64).prop_map(|(how, s)| CdrFilter::BillableSeconds(how, s)),
        prop::sample::subsequence(dispositions, 1..=3).prop_map(CdrFilter::DispositionIn),
    ];
    let sort = (prop::sample::select(CdrField::ALL.to_vec()), any::<bool>());
    (1..u32::MAX, 1..=MAX_LIMIT, prop::collection::vec(filter, 0..4), prop::collection::vec(sort, 0..3))
        .prop_map(|(page, limit, filters, sort_by)| CdrQuery { page, limit, filters, sort_by })
}

proptest! {
    #[test]
    fn any_filter_text_is_read_or_refused(field in "[a-zA-Z]{0,12}", value in ".{0,40}") {
        let name = format!("filter.{field}");
        let _outcome = CdrQuery::from_pairs([(name, value)]);
    }

    #[test]
    fn a_query_that_is_written_is_read_as_it_was(query in queries()) {
        prop_assert_eq!(CdrQuery::from_pairs(query.pairs()).unwrap(), query);
    }
}
