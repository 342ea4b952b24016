use proptest::prelude::*;

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<CdrQuery, String> {
    CdrQuery::from_pairs(pairs.iter().copied())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
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
        ("filter.disposition", "$eq:MAYBE", "filter.disposition: \"MAYBE\" is no disposition"),
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
        "\\+?[0-9]{1,15}".prop_map(CdrFilter::DestinationIs),
        "\\+?[0-9]{1,15}".prop_map(CdrFilter::DestinationContains),
        (comparison(), 0..100_000_i64).prop_map(|(how, s)| CdrFilter::Duration(how, s)),
        (comparison(), 0..100_000_i64).prop_map(|(how, s)| CdrFilter::BillableSeconds(how, s)),
        prop::sample::subsequence(dispositions, 1..=3).prop_map(CdrFilter::DispositionIn),
    ];
    let sort = (prop::sample::select(CdrField::ALL.to_vec()), any::<bool>());
    (1..u32::MAX, 1..=MAX_LIMIT, prop::collection::vec(filter, 0..4), prop::collection::vec(sort, 0..3))
        .prop_map(|(page, limit, filters, sort_by)| CdrQuery { page, limit, filters, sort_by })
}

#[test]
fn a_plus_that_was_not_escaped_is_a_plus_in_numbers() {
    for value in ["$contains:+628", "$contains: 628", "$contains: 62 8", "$contains:+62-8"] {
        let query = read(&[("filter.destination", value)]).unwrap();
        assert_eq!(query.filters, [CdrFilter::DestinationContains("+628".into())], "{value}");
    }
    let query = read(&[("filter.destination", " 62812")]).unwrap();
    assert_eq!(query.filters, [CdrFilter::DestinationIs("+62812".into())], "a bare value means equality");
    let query = read(&[("filter.destination", "$eq:alice@example.com")]).unwrap();
    assert_eq!(query.filters, [CdrFilter::DestinationIs("alice@example.com".into())]);
}

#[test]
fn all_that_cannot_be_understood_is_told_and_whole_numbers_may_have_a_point() {
    let told =
        read(&[("page", "0"), ("limit", "x"), ("filter.duration", "$gte:1.5"), ("filter.destination", "")]);
    assert_eq!(told.unwrap_err().matches("; ").count(), 4);
    let query = read(&[("page", "2.0"), ("filter.duration", "$gte:30.0")]).unwrap();
    assert_eq!(
        (query.page, &query.filters[..]),
        (2, &[CdrFilter::Duration(Comparison::GreaterOrEqual, 30)][..])
    );
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
