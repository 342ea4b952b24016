//! Numbers that a call brings, as people and spreadsheets write them; and where a flow is at home.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Run;
use crate::flow::parse::parse;

const FLOW: &str = "flow: f\nlanguage: id\nstart: a\nvariables:\n  amount: { type: number, default: 0 }\nscenes:\n  a:\n    - say: \"{{ amount | spoken_money(currency='IDR') }}\"\n    - hangup\n";

fn bound(amount: Value) -> Result<Value, String> {
    let flow = Arc::new(parse("f.yaml", FLOW).flow.unwrap());
    let brought: Map<String, Value> = [("amount".to_owned(), amount)].into_iter().collect();
    Run::new(flow, brought).map(|run| run.variables()["amount"].clone()).map_err(|error| error.to_string())
}

#[test]
fn a_number_that_may_be_two_is_refused_and_never_guessed() {
    for text in ["250.000", "250,000"] {
        let told = bound(json!(text)).unwrap_err();
        assert!(told.contains("write 250000 or 250,000.0") && told.contains("`amount`"), "{told}");
    }
    for (text, number) in [
        ("250000", json!(250_000)),
        ("250,000.0", json!(250_000)),
        ("1.250.000", json!(1_250_000)),
        ("2,5", json!(2.5)),
        ("-12.50", json!(-12.5)),
    ] {
        assert_eq!(bound(json!(text)), Ok(number), "{text}");
    }
    assert!(bound(json!("Rp 5")).unwrap_err().contains("must be a number"));
}

#[test]
fn an_author_is_asked_which_number_is_meant() {
    let parsed = parse("f.yaml", &FLOW.replace("default: 0", "default: 250.000"));
    let told = format!("{:?}", parsed.diagnostics);
    assert!(parsed.flow.is_none() && told.contains("write 250000 or 250,000.0"), "{told}");
}

#[test]
fn a_flow_is_at_home_in_a_zone_with_its_summer_time_and_in_a_country() {
    let read = |top: &str| parse("f.yaml", &FLOW.replace("language: id", top));
    let flow = read("timezone: America/New_York\ncountry: US").flow.unwrap();
    // 2026-07-15, noon UTC.
    assert_eq!(flow.local_time(1_784_116_800_000).unwrap().time.to_string(), "08:00");
    assert_eq!(flow.country().unwrap().calling_code(), 1);
    for (top, hint) in [
        ("timezone: UTC+7", "did you mean `+07:00`?"),
        ("timezone: Asia/Jakata", "did you mean `Asia/Jakarta`?"),
        ("timezone: CEST", "did you mean `Europe/Berlin`?"),
        ("country: Mars", "calling code such as `62`"),
    ] {
        let told = format!("{:?}", read(top).diagnostics);
        assert!(told.contains(hint), "{top}: {told}");
    }
}
