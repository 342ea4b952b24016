//! What people send, and what they are told.

use serde_json::{Value, json};

use super::*;

const ASKED: Asked<'_> = Asked {
    bot_id: "sales",
    runs: "short@beta",
    policy: &AddressPolicy::Anywhere,
    now_ms: 1_750_942_157_600,
};

fn read(body: &str) -> Result<DialOut, Problem> {
    parse(Object::read(body.as_bytes(), "body")?, ASKED)
}

fn parsed(body: Value) -> Result<DialOut, String> {
    read(&body.to_string()).map_err(|problem| problem.detail().to_owned())
}

/// The fields that are wrong.
fn wrong(body: Value) -> Vec<String> {
    let members = read(&body.to_string()).unwrap_err().members();
    let errors = members["errors"].as_array().unwrap().iter();
    errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_documented_sample_is_understood() {
    let sample = json!({
        "bot": "sales", "target": "tel:911234567890", "caller": "+11234567890", "trunk": "TRUNK",
        "timers": {"noSpeechTimeoutMs": 12000, "decisionTimeoutMs": 15000, "toneTimeoutMs": 20000,
                   "greetingCompletionTimeoutMs": 10000},
        "timeoutInMs": 60000, "thresholdWordCount": 4, "machineDetection": "detect",
        "notifyurl": "https://example.com/notify",
        "notifyHeaders": {"Accept": "application/json", "Content-Type": "application/json",
                          "x-channel-type": "X42_IVR"},
        "callControlParameter": {"sttProvider": "deepgram", "sttLanguage": "en-AU", "interim": true,
            "sttLabel": "deepgram-abcd", "continuousASRTimeoutInMS": 2000,
            "deepgramUtteranceEndMs": 1000, "deepgramEndpointing": 300},
        "metadata": {"userName": "John Doe"}
    });
    let dial = parsed(sample).unwrap();
    assert_eq!((dial.target.as_str(), dial.trunk.as_deref()), ("tel:911234567890", Some("TRUNK")));
    assert_eq!(dial.timers.unwrap().greeting_completion_timeout_ms, Some(10_000));
    assert_eq!(dial.machine_detection, Some(MachineDetection::Detect));
    assert_eq!(dial.notify_headers.get("x-channel-type").map(String::as_str), Some("X42_IVR"));
    assert_eq!((dial.amd_events_subscription, dial.ignored), (None, vec![]));
    let expected = session::CallControl {
        provider: Some("deepgram".into()),
        label: Some("deepgram-abcd".into()),
        language: Some("en-AU".into()),
        interim: Some(true),
        continuous_ms: Some(2_000),
        utterance_end_ms: Some(1_000),
        endpointing_ms: Some(300),
    };
    assert_eq!(session::CallControl::from(dial.call_control_parameter.unwrap()), expected);
}

#[test]
fn names_are_taken_in_any_case_and_strangers_are_reported() {
    let dial =
        parsed(json!({"TARGET": "sip:+628123456901@1.2.3.4:5060", "NotifyURL": "https://x", "colour": 1}))
            .unwrap();
    assert_eq!((dial.target.as_str(), dial.notify_url.as_deref()), ("+628123456901", Some("https://x")));
    assert_eq!(dial.ignored, ["target.host", "colour"], "calls go to a carrier, not to a host");
    let dial = parsed(json!({
        "target": "tel:+62 812-345.67", "timers": {"foo": 1, "decisiontimeoutms": 500.0},
        "callControlParameter": {"sttMood": "good"}, "botId": "x", "bot": "sales", "Shade": 2
    }))
    .unwrap();
    assert_eq!((dial.target.as_str(), dial.timers.unwrap().decision_timeout_ms), ("+6281234567", Some(500)));
    assert_eq!(dial.ignored, ["botId", "timers.foo", "callControlParameter.sttMood", "Shade"]);
}

#[test]
fn headers_that_are_ours_and_what_nobody_is_notified_of_are_told() {
    let headers = json!({"Host": "a", "SAVG-Signature": "b", "X-Own": "c", "Content-Type": "text/xml"});
    let dial =
        parsed(json!({"target": "tel:123", "notifyUrl": "https://x", "notifyHeaders": headers})).unwrap();
    let told = ["notifyHeaders.Content-Type", "notifyHeaders.Host", "notifyHeaders.SAVG-Signature"];
    assert_eq!(dial.ignored, told);
    let lonely = json!({"target": "tel:123", "notifyHeaders": {"X-Own": "c"}, "amdEventsSubscription": []});
    assert_eq!(parsed(lonely).unwrap().ignored, ["notifyHeaders", "amdEventsSubscription"]);
}

#[test]
fn a_target_has_its_one_form_once_its_country_is_known_and_what_means_nothing_in_it_is_named() {
    for (target, country, dialled) in [
        ("tel:+44 (0)20 7946 0019", json!(null), "+442079460019"),
        ("tel:0812345678;phone-context=+62", json!(null), "+62812345678"),
        // The flow or the server may know its country: which of its digits lead abroad is theirs to say.
        ("tel:00628123456901", json!(null), "tel:00628123456901"),
        (" 007 65 6123 4567", json!(null), "007 65 6123 4567"),
        ("007 65 6123 4567", json!("ID"), "+6561234567"),
        ("+62\u{a0}812\u{a0}3456\u{a0}901", json!(null), "+628123456901"),
        ("08123456901", json!("ID"), "+628123456901"),
        ("08123456901", json!(62), "+628123456901"),
        ("08123456901", json!(null), "08123456901"),
    ] {
        let dial = parsed(json!({"target": target, "country": country})).unwrap();
        assert_eq!((dial.target.as_str(), dial.ignored.len()), (dialled, 0), "{target}");
    }
    let dial = parsed(json!({"target": "tel:+62812345678;ext=12;postd=pp22"})).unwrap();
    assert_eq!(dial.ignored, ["target.ext", "target.postd"]);
}

#[test]
fn a_request_says_when_the_bot_may_greet_and_only_in_the_words_that_there_are() {
    let greet = |word: &str| json!({"target": "tel:123", "greet": word});
    assert_eq!(parsed(greet("sure")).unwrap().greet, Some(Greet::Sure));
    assert_eq!(parsed(greet("Early")).unwrap().request("a", "b").greet, Some(flow::Greet::Early));
    assert_eq!(parsed(json!({"target": "tel:123"})).unwrap().greet, None);
    assert_eq!(wrong(greet("later")), ["greet"]);
}

#[test]
fn an_empty_subscription_is_not_an_absent_one() {
    let body = json!({"target": "tel:123", "notifyUrl": "https://x", "amdEventsSubscription": []});
    assert_eq!(parsed(body).unwrap().amd_events_subscription, Some(vec![]));
}

#[test]
fn what_a_template_left_behind_is_named_wherever_it_would_be_said() {
    let metadata = json!({
        "name": "{{name}}", "amount": "${amount}", "due": "undefined", "note": "", "to": "Null",
        "items": [{"what": "Dear {{ x }}"}, "ok"],
    });
    let told = ["metadata.amount", "metadata.due", "metadata.items[0].what", "metadata.name"];
    let mut found = wrong(json!({"target": "tel:123", "metadata": metadata}));
    found.sort();
    assert_eq!(found, told);
}

#[test]
fn all_that_is_wrong_is_named_at_once_with_its_path() {
    let body = json!({
        "caller": "a\u{1b}b", "timers": {"toneTimeoutMs": 1e9, "decisionTimeoutMs": "5"},
        "callControlParameter": {"interim": "yes", "deepgramEndpointing": 600_000},
        "amdEventsSubscription": ["amd_joy", 7], "notifyUrl": "", "flow": "{{flow}}",
        "notifyHeaders": {"a b": "x", "c": {}}, "metadata": [1], "scheduleAt": "",
    });
    let told = [
        "scheduleAt",
        "target",
        "caller",
        "metadata",
        "timers.decisionTimeoutMs",
        "timers.toneTimeoutMs",
        "callControlParameter.interim",
        "callControlParameter.deepgramEndpointing",
        "notifyUrl",
        "notifyHeaders.a b",
        "notifyHeaders.c",
        "amdEventsSubscription[0]",
        "amdEventsSubscription[1]",
        "flow",
    ];
    assert_eq!(wrong(body), told);
}

#[test]
fn what_is_wrong_is_named() {
    for (body, field) in [
        (json!({"target": "tel:12ab"}), "target"),
        (json!({"target": "6281234567013.0"}), "target"),
        (json!({"target": "tel:0812345678", "country": "Mars"}), "country"),
        (json!({"target": "mailto:a@b"}), "target"),
        (json!({"target": 7}), "target"),
        (json!({"target": null}), "target"),
        (json!({"target": "tel:123", "machineDetection": "maybe"}), "machineDetection"),
        (json!({"target": "tel:123", "timeoutInMs": 5}), "timeoutInMs"),
        (json!({"target": "tel:123", "ignoreDoNotCall": "yes"}), "ignoreDoNotCall"),
        (json!({"target": "sip:alice@example.com"}), "target"),
        (json!({"target": "tel:123", "caller": "a\nb"}), "caller"),
        (json!({"target": "tel:123", "caller": "1".repeat(200_000)}), "caller"),
        (json!({"target": "tel:123", "trunk": 1}), "trunk"),
        (json!({"target": "tel:123", "trunk": " "}), "trunk"),
        (json!({"target": "tel:123", "flow": ["x"]}), "flow"),
        (json!({"target": "tel:123", "flow": "other@latest"}), "flow"),
        (json!({"target": "tel:123", "thresholdWordCount": 0}), "thresholdWordCount"),
        (json!({"target": "tel:123", "thresholdWordCount": 1.5}), "thresholdWordCount"),
        (json!({"target": "tel:123", "timers": 7}), "timers"),
        (json!({"target": "tel:123", "notifyUrl": 7}), "notifyUrl"),
        (json!({"target": "tel:123", "notifyUrl": "undefined"}), "notifyUrl"),
        (json!({"target": "tel:123", "notifyUrl": "https://x/{{id}}"}), "notifyUrl"),
        (json!({"target": "tel:123", "notifyHeaders": {"a": "x\r\ny: z"}}), "notifyHeaders.a"),
        (json!({"target": "tel:123", "notifyHeaders": {"a": "größe"}}), "notifyHeaders.a"),
        (json!({"target": "tel:123", "notifyHeaders": {"a": "x".repeat(100_000)}}), "notifyHeaders.a"),
        (json!({"target": "tel:123", "notifyHeaders": {"a": "x", "A": "y"}}), "notifyHeaders.a"),
        (json!({"target": "tel:123", "callControlParameter": "deepgram"}), "callControlParameter"),
        (json!({"target": "tel:123", "expiresAt": 5}), "expiresAt"),
        (json!({"target": "tel:123", "dryRun": 1}), "dryRun"),
        (json!({"target": "tel:123", "idempotencyKey": ""}), "idempotencyKey"),
        (json!({"target": "tel:123", "TARGET": "tel:124"}), "target"),
    ] {
        assert_eq!(wrong(body.clone()), [field], "{body}");
    }
    let twice = read(r#"{"target": "tel:123", "target": "tel:124"}"#).unwrap_err();
    assert_eq!(twice.detail(), "target: stands twice; send it once");
}

#[test]
fn upper_bounds_are_named_and_whole_numbers_may_have_a_point() {
    let told = parsed(json!({"target": "tel:123", "timeoutInMs": 300_001})).unwrap_err();
    assert_eq!(told, "timeoutInMs: must be a whole number from 1000 to 300000");
    let told = parsed(json!({"target": "tel:123", "trunk": "x".repeat(129)})).unwrap_err();
    assert_eq!(told, "trunk: has 129 characters; 128 is the most");
    for number in [json!(2000), json!(2000.0), json!(2e3)] {
        let control = json!({"continuousASRTimeoutInMS": number, "deepgramEndpointing": number});
        let body = json!({"target": "tel:123", "timeoutInMs": number, "callControlParameter": control});
        let dial = parsed(body).unwrap();
        let control = session::CallControl::from(dial.call_control_parameter.unwrap());
        assert_eq!((dial.timeout_in_ms, control.continuous_ms), (Some(2_000), Some(2_000)));
    }
}

#[test]
fn a_request_may_choose_a_version_of_the_bots_flow_and_no_other_flow() {
    let version = |pin: &str| pinned(ASKED, pin);
    assert_eq!(parsed(json!({"target": "tel:123"})).unwrap().flow, "short@beta");
    assert_eq!(version("short").unwrap(), "short");
    assert_eq!(version("short@campaign-7").unwrap(), "short@campaign-7");
    assert_eq!(version("campaign-7").unwrap(), "short@campaign-7");
    assert_eq!(version("@3f9c1d2ab0e4").unwrap(), "short@3f9c1d2ab0e4");
    let error = version("other@latest").unwrap_err();
    assert!(error.starts_with("the bot sales runs the flow `short`, not `other`"), "{error}");
}
