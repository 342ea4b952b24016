//! Promises of the planner on simulated months: nobody outside a window, nobody above a cap, nobody forgotten.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Weekday as Day;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2026-03-20 00:00 UTC: clocks change in America and Europe within the months that follow.
const MARCH: i64 = 1_773_964_800_000;

const ZONES: [&str; 8] = [
    "Asia/Jakarta",
    "Asia/Jayapura",
    "America/New_York",
    "Europe/London",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
];

fn hours(days: &[Weekday], from: &str, until: &str) -> Hours {
    Hours { days: days.to_vec(), from: from.into(), until: until.into() }
}

fn rules(settings: Settings) -> Rules {
    Rules::new(settings, None).unwrap()
}

fn usual() -> Settings {
    Settings { flow: "f".into(), lists: vec!["l".into()], ..Settings::default() }
}

fn utc(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn dial_until(decision: &Decision) -> i64 {
    match decision {
        Decision::Dial { until_ms, .. } => *until_ms,
        Decision::Wait { .. } | Decision::Exclude(_) => panic!("{decision:?}"),
    }
}

fn waits_until(decision: &Decision) -> i64 {
    match decision {
        Decision::Wait { until_ms: Some(until_ms), .. } => *until_ms,
        Decision::Wait { .. } | Decision::Dial { .. } | Decision::Exclude(_) => panic!("{decision:?}"),
    }
}

const WORKDAYS: [Weekday; 6] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat];

#[test]
fn a_contact_waits_for_its_next_legal_minute_by_its_own_clock() {
    let settings = Settings {
        windows: vec![hours(&WORKDAYS, "08:00", "20:00")],
        holidays_of: vec!["ID".into()],
        ..usual()
    };
    let rules = rules(settings);
    let of = |zone: &str| Facts { zone: Some(zone.into()), ..Facts::default() };
    // Saturday, 15 August 2026: 20:30 in Jayapura, 18:30 in Jakarta; Monday is a holiday.
    let now = utc("2026-08-15T11:30:00Z");
    assert_eq!(dial_until(&decide(&rules, &of("Asia/Jakarta"), now)), utc("2026-08-15T13:00:00Z"));
    let later = decide(&rules, &of("Asia/Jayapura"), now);
    assert_eq!(waits_until(&later), utc("2026-08-17T23:00:00Z"), "Tuesday, eight in the morning");
    let holiday = decide(&rules, &of("Asia/Jakarta"), utc("2026-08-17T03:00:00Z"));
    let Decision::Wait { reason: Reason::Holiday { name, .. }, .. } = &holiday else { panic!("{holiday:?}") };
    assert_eq!(name, "Independence Day");
    let nowhere = decide(&rules, &Facts::default(), now);
    assert_eq!(nowhere, Decision::Wait { until_ms: None, reason: Reason::ZoneUnknown });
}

#[test]
fn hours_that_clocks_skip_or_repeat_are_legal_by_the_clock() {
    let sunday = [Weekday::Sun];
    let rules = rules(Settings { windows: vec![hours(&sunday, "01:30", "02:30")], ..usual() });
    let of = |zone: &str| Facts { zone: Some(zone.into()), ..Facts::default() };
    // In New York, clocks go from 02:00 to 03:00 on 8 March 2026: the window ends at the gap.
    let spring = decide(&rules, &of("America/New_York"), utc("2026-03-08T06:40:00Z"));
    assert_eq!(dial_until(&spring), utc("2026-03-08T07:00:00Z"));
    // On 1 November 01:30 comes twice; between the two it is 01:00 again.
    let first = decide(&rules, &of("America/New_York"), utc("2026-11-01T05:40:00Z"));
    assert_eq!(dial_until(&first), utc("2026-11-01T06:00:00Z"));
    let between = decide(&rules, &of("America/New_York"), utc("2026-11-01T06:10:00Z"));
    assert_eq!(waits_until(&between), utc("2026-11-01T06:30:00Z"));
    // Apia skipped 30 December 2011 altogether; a year without that day still has Fridays.
    let friday = super::Rules::new(
        Settings { windows: vec![hours(&[Weekday::Fri], "00:00", "24:00")], ..usual() },
        None,
    )
    .unwrap();
    let apia = decide(&friday, &of("Pacific/Apia"), utc("2011-12-29T12:00:00Z"));
    assert_eq!(waits_until(&apia), utc("2012-01-05T10:00:00Z"));
}

#[test]
fn all_that_is_wrong_with_settings_is_told_at_once() {
    let settings = Settings {
        zone: Some("Asia/Jakata".into()),
        windows: vec![hours(&[], "8", "07:00"), hours(&WORKDAYS, "20:00", "08:00")],
        holidays_of: vec!["Indonesia".into()],
        closed_on: vec!["24.12.".into()],
        starts: Some("soon".into()),
        caps: Caps { per_day: 0, in_all: 6 },
        caller_ids: vec![CallerId { number: "x".into(), per_day: None }],
        pacing: Pacing { per_second: f64::NAN, ..Pacing::default() },
        retry: RetryPlan::default().with(Outcome::Busy, RetryRule { times: 2, ..RetryRule::default() }),
        ..Settings::default()
    };
    let problems = Rules::new(settings, None).unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "flow",
            "lists",
            "caps.per_day",
            "pacing.per_second",
            "retry.busy.after",
            "windows[0].from",
            "windows[0].days",
            "windows[1].until",
            "holidays_of[0]",
            "closed_on[0]",
            "zone",
            "starts",
            "caller_ids[0].number",
        ]
    );
    let zone = problems.iter().find(|problem| problem.field == "zone").unwrap();
    assert!(zone.problem.contains("Asia/Jakata"), "{zone}");
}

#[test]
fn settings_are_written_as_they_are_read() {
    let text = r#"{
        "flow": "reminder@live", "lists": ["november"], "zone": "Asia/Jakarta",
        "windows": [{"days": ["mon", "sat"], "from": "08:00", "until": "20:00"}],
        "retry": {"no_answer": {"times": 2, "after": ["2h", "1d"], "other_part_of_day": true}},
        "pacing": {"concurrent": 20, "per_second": 2.5, "ramp_up": "5m"},
        "caller_ids": [{"number": "+622150001", "per_day": 200}]
    }"#;
    let settings: Settings = serde_json::from_str(text).unwrap();
    let rule = settings.retry.rule(Outcome::NoAnswer);
    assert_eq!((rule.times, rule.other_part_of_day), (2, true));
    let again: Settings = serde_json::from_value(serde_json::to_value(&settings).unwrap()).unwrap();
    assert_eq!(again, settings);
    let misspelt = serde_json::from_str::<Settings>(r#"{"flows": "x"}"#).unwrap_err();
    assert!(misspelt.to_string().contains("flows"), "{misspelt}");
}

#[test]
fn settings_of_the_wrong_kind_are_all_named() {
    let document = serde_json::json!({
        "flows": "x", "windows": [{"days": ["monday"], "from": "08:00", "until": "20:00"}],
        "pacing": {"concurent": 2}, "retry": {"bussy": {"times": 1}}, "budget": 5, "flow": "f",
        "ring_timeout": "30", "variables": {"a": 1},
    });
    let problems = Settings::read(document.as_object().unwrap()).unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["budget", "flows", "pacing", "retry", "ring_timeout", "windows"]);
    assert!(problems[1].problem.contains("did you mean `flow`"), "{}", problems[1]);
    assert!(problems.iter().all(|problem| !problem.problem.contains(" at line ")), "{problems:?}");
    let whole = serde_json::to_value(Settings { flow: "f".into(), ..usual() }).unwrap();
    assert_eq!(Settings::read(whole.as_object().unwrap()).unwrap(), usual());
}

#[test]
fn a_retry_may_avoid_the_part_of_the_day_that_did_not_work() {
    let settings = Settings {
        windows: vec![hours(&WORKDAYS, "08:00", "20:00")],
        retry: RetryPlan::default().with(
            Outcome::NoAnswer,
            RetryRule { times: 2, after: vec![Span::minutes(30)], other_part_of_day: true },
        ),
        ..usual()
    };
    let rules = rules(settings);
    let zone = Some("Asia/Jakarta");
    // 09:00 in Jakarta: half an hour later is still morning.
    let next = rules.after(Outcome::NoAnswer, 1, zone, utc("2026-06-01T02:00:00Z"), None, 0.0);
    let Next::Again { due_ms, .. } = next else { panic!("{next:?}") };
    assert_eq!(due_ms, utc("2026-06-01T05:00:00Z"), "noon");
    let third = rules.after(Outcome::NoAnswer, 3, zone, utc("2026-06-01T02:00:00Z"), None, 0.0);
    assert_eq!(third, Next::Exhausted { outcome: Outcome::NoAnswer });
    let heard = rules.after(Outcome::HeardToTheEnd, 1, zone, utc("2026-06-01T02:00:00Z"), None, 0.0);
    assert_eq!(heard, Next::Done { outcome: Outcome::HeardToTheEnd });
}

#[test]
fn who_declined_is_left_alone_for_hours_whatever_the_plan_says() {
    let plan = RetryPlan::default().with(
        Outcome::Declined,
        RetryRule { times: 1, after: vec![Span::minutes(1)], other_part_of_day: false },
    );
    let rules = rules(Settings { retry: plan, zone: Some("UTC".into()), ..usual() });
    let next = rules.after(Outcome::Declined, 1, None, MARCH, None, 0.0);
    assert!(matches!(next, Next::Again { due_ms, .. } if due_ms >= MARCH + 4 * HOUR), "{next:?}");
}

#[test]
fn who_asked_for_a_call_at_a_time_is_called_then_if_that_is_legal() {
    let settings = Settings { windows: vec![hours(&WORKDAYS, "08:00", "20:00")], ..usual() };
    let rules = rules(settings);
    let zone = Some("Asia/Jakarta");
    let ended = utc("2026-06-01T02:00:00Z");
    let wanted = rules.moment_there(zone, "2026-06-02 14:30").unwrap();
    assert_eq!(wanted, utc("2026-06-02T07:30:00Z"));
    let next = rules.after(Outcome::Callback, 1, zone, ended, Some(wanted), 0.5);
    assert_eq!(next, Next::Again { due_ms: wanted, reason: Reason::CallbackAt { at_ms: wanted } });
    let night = rules.moment_there(zone, "2026-06-02 23:00").unwrap();
    let next = rules.after(Outcome::Callback, 1, zone, ended, Some(night), 0.5);
    assert!(matches!(next, Next::Again { due_ms, .. } if due_ms == utc("2026-06-03T01:00:00Z")), "{next:?}");
}

#[test]
fn the_rate_rises_and_calls_at_a_time_are_limited() {
    let pacing = Pacing { concurrent: 5, per_second: 2.0, ramp_up: Span::minutes(1), ..Pacing::default() };
    let mut pacer = Pacer::new(pacing, 0);
    let first = pacer.allowance(0, 0);
    assert_eq!((first.dials, first.binding), (1, Binding::RampUp));
    pacer.dialled(1);
    let later = pacer.allowance(2 * MINUTE, 0);
    assert_eq!((later.dials, later.binding), (2, Binding::Rate));
    let full = pacer.allowance(3 * MINUTE, 4);
    assert_eq!((full.dials, full.binding), (1, Binding::Concurrency));
}

#[test]
fn when_the_network_fails_nobody_is_dialled_for_a_while_and_one_call_tries() {
    let breaker = Breaker { percent: 50, of: 10, pause: Span::minutes(5) };
    let mut pacer = Pacer::new(Pacing { breaker, ramp_up: Span::minutes(0), ..Pacing::default() }, 0);
    assert!(!Outcome::Lost.is_fault(), "our own stop is not the network's fault");
    for at in 0..10 {
        assert!(pacer.broken_until().is_none());
        pacer.ended(if at % 2 == 0 { Outcome::NetworkFault } else { Outcome::Busy }, at);
    }
    assert_eq!(pacer.allowance(MINUTE, 0).binding, Binding::Breaker);
    let probe = pacer.allowance(6 * MINUTE, 0);
    assert_eq!((probe.dials, probe.binding), (1, Binding::Breaker));
    pacer.dialled(1);
    assert_eq!(pacer.allowance(6 * MINUTE + 1, 1).dials, 0);
    pacer.ended(Outcome::NoAnswer, 7 * MINUTE);
    assert!(pacer.allowance(8 * MINUTE, 0).dials > 0);
}

#[test]
fn every_preset_is_a_part_of_valid_settings() {
    assert!(presets().len() >= 4);
    for preset in presets() {
        let mut whole = serde_json::json!({ "flow": "f", "lists": ["l"] });
        let (Some(whole_map), Some(part)) = (whole.as_object_mut(), preset.settings.as_object()) else {
            panic!("{}", preset.name)
        };
        whole_map.extend(part.clone());
        let settings: Settings = serde_json::from_value(whole).unwrap();
        Rules::new(settings, None).unwrap();
    }
}

#[test]
fn a_preset_that_is_named_sets_what_is_left_out_and_nothing_else() {
    let named = Settings { preset: Some("id-offers".into()), ..usual() };
    let filled = named.clone().with_preset().unwrap();
    assert_eq!(
        (filled.windows[0].until.as_str(), filled.holidays_of.as_slice()),
        ("18:00", ["ID".to_owned()].as_slice())
    );
    assert!(filled.consent_within.is_some() && filled.caps.per_day == 1);
    let own = Settings { windows: vec![hours(&[Weekday::Mon], "09:00", "10:00")], ..named };
    assert_eq!(own.clone().with_preset().unwrap().windows, own.windows);
    let unknown = Settings { preset: Some("nope".into()), ..usual() }.with_preset().unwrap_err();
    assert!(unknown.problem.contains("id-offers"), "{unknown}");
}

#[test]
fn a_beginning_without_its_country_is_refused_because_it_would_protect_nobody() {
    let with = |begin: &str| Settings { never_call: vec![begin.into()], ..usual() };
    for good in ["+62812", "62812", "0062812"] {
        Rules::new(with(good), None).unwrap();
    }
    assert_eq!(Rules::new(with("0812"), None).unwrap_err()[0].field, "never_call[0]");
    Rules::new(with("0812"), "ID".parse().ok()).unwrap();
}

#[test]
fn a_forecast_waits_for_windows_and_counts_retries() {
    let settings = Settings {
        windows: vec![hours(&WORKDAYS, "08:00", "20:00")],
        pacing: Pacing { concurrent: 100, per_second: 1.0, ..Pacing::default() },
        ..usual()
    };
    let rules = rules(settings);
    // Saturday 19:00 in Jakarta: 3,600 dials in the last hour, the rest on Monday.
    let now = utc("2026-08-01T12:00:00Z");
    let groups = [
        Group { zone: Some("Asia/Jakarta".into()), due_ms: now, contacts: 10_000 },
        Group { zone: None, due_ms: now, contacts: 7 },
    ];
    let mix = Mix { again: 0.0, ..Mix::default() };
    let told = forecast(&rules, &groups, &mix, now);
    assert_eq!((told.calls, told.never), (10_000, 7));
    let ends = told.ends_ms.unwrap();
    assert!(ends > utc("2026-08-03T02:40:00Z") && ends < utc("2026-08-03T03:10:00Z"), "{ends}");
    assert_eq!(told.by_day.len(), 2);
    let few = [Group { zone: Some("Asia/Jakarta".into()), due_ms: now, contacts: 3 }];
    let soon = forecast(&rules, &few, &Mix::default(), now);
    assert!(soon.ends_ms.unwrap() < utc("2026-08-03T03:30:00Z"), "two retries of one contact: {soon:?}");
    let retried = forecast(&rules, &groups, &Mix::default(), now);
    assert!(retried.calls > 13_000 && retried.ends_late_ms >= retried.ends_ms);
}

/// What is simulated of a contact.
#[derive(Debug, Default)]
struct Simulated {
    zone: Option<&'static str>,
    due: Option<i64>,
    over: bool,
    reason: Option<Reason>,
    dials: Vec<i64>,
    outcomes: BTreeMap<Outcome, u32>,
}

fn any_hours() -> impl Strategy<Value = Hours> {
    let day = prop::sample::select(vec![
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
        Weekday::Sat,
        Weekday::Sun,
    ]);
    (prop::collection::vec(day, 1..5), 0_u32..1_400, 10_u32..600).prop_map(|(days, from, length)| {
        let until = (from + length).min(1_440);
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        Hours { days, from: clock(from), until: clock(until) }
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let home = prop::option::of(prop::sample::select(ZONES.to_vec()));
    let caps = (1_u32..4, 1_u32..8).prop_map(|(per_day, in_all)| Caps { per_day, in_all });
    (prop::collection::vec(any_hours(), 1..4), home, caps, any::<bool>(), any::<bool>()).prop_map(
        |(windows, home, caps, other_part_of_day, holidays)| {
            let rule = RetryRule { times: 9, after: vec![Span::minutes(7)], other_part_of_day };
            Settings {
                windows,
                zone: home.map(str::to_owned),
                holidays_of: if holidays { vec!["US".into(), "ID".into()] } else { Vec::new() },
                caps,
                retry: RetryPlan::default().with(Outcome::NoAnswer, rule),
                ..usual()
            }
        },
    )
}

/// By another way than the planner's: the clock of the zone, looked up for this moment alone.
fn legal(settings: &Settings, zone: &str, at_ms: i64) -> bool {
    let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
    let local = zone.to_datetime(Timestamp::from_millisecond(at_ms).unwrap());
    let day = match local.weekday() {
        Day::Monday => Weekday::Mon,
        Day::Tuesday => Weekday::Tue,
        Day::Wednesday => Weekday::Wed,
        Day::Thursday => Weekday::Thu,
        Day::Friday => Weekday::Fri,
        Day::Saturday => Weekday::Sat,
        Day::Sunday => Weekday::Sun,
    };
    let clock = format!("{:02}:{:02}", local.hour(), local.minute());
    settings.windows.iter().any(|hours| {
        hours.days.contains(&day)
            && hours.from.as_str() <= clock.as_str()
            && clock.as_str() < hours.until.as_str()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn in_simulated_months_nobody_is_called_out_of_hours_too_often_or_never(
        first in any_settings(),
        second in any_settings(),
        zones in prop::collection::vec(prop::option::of(prop::sample::select(ZONES.to_vec())), 1..6),
        outcomes in prop::collection::vec(prop::sample::select(vec![
            Outcome::NoAnswer, Outcome::Busy, Outcome::HeardToTheEnd, Outcome::Declined, Outcome::NotDialled,
            Outcome::VoicemailUnheard, Outcome::NetworkFault,
        ]), 40),
        opted_out in prop::option::of(0_usize..6),
        edit_day in 1_i64..20,
    ) {
        let mut settings = &first;
        let mut rules = rules(first.clone());
        let mut contacts: Vec<Simulated> =
            zones.iter().map(|zone| Simulated { zone: *zone, due: Some(MARCH), ..Simulated::default() }).collect();
        let mut outcome = outcomes.iter().cycle();
        let mut edited = false;
        for _ in 0..3_000 {
            let due = contacts.iter().enumerate().filter(|(_, c)| !c.over).filter_map(|(at, c)| Some((c.due?, at)));
            let Some((now, at)) = due.min() else { break };
            if now > MARCH + 120 * DAY {
                break;
            }
            if !edited && now >= MARCH + edit_day * DAY {
                edited = true;
                settings = &second;
                rules = super::Rules::new(second.clone(), None).unwrap();
                for contact in contacts.iter_mut().filter(|contact| !contact.over) {
                    contact.due = contact.due.or(Some(now));
                }
            }
            let listed = opted_out == Some(at) && !contacts[at].dials.is_empty();
            let contact = &mut contacts[at];
            let begin = rules.day_begin(contact.zone, now);
            let facts = Facts {
                zone: contact.zone.map(str::to_owned),
                listed_ms: listed.then_some(now),
                today: contact.dials.iter().filter(|dial| **dial >= begin).count() as u32,
                in_all: contact.dials.len() as u32,
                ..Facts::default()
            };
            match decide(&rules, &facts, now) {
                Decision::Dial { until_ms, .. } => {
                    let zone = contact.zone.or(settings.zone.as_deref()).unwrap();
                    prop_assert!(legal(settings, zone, now), "{zone} {now}");
                    prop_assert!(legal(settings, zone, until_ms - 1), "{zone}: {now} until {until_ms}");
                    prop_assert!(until_ms > now);
                    prop_assert!(facts.today < settings.caps.per_day && facts.in_all < settings.caps.in_all);
                    prop_assert!(!listed);
                    let outcome = *outcome.next().unwrap();
                    if outcome.counts() {
                        contact.dials.push(now);
                    }
                    let nth = contact.outcomes.entry(outcome).or_default();
                    *nth += 1;
                    match rules.after(outcome, *nth, contact.zone, now + 30_000, None, 0.5) {
                        Next::Again { due_ms, reason } => {
                            prop_assert!(due_ms > now);
                            (contact.due, contact.reason) = (Some(due_ms), Some(reason));
                        }
                        Next::Done { .. } | Next::Exhausted { .. } => contact.over = true,
                    }
                }
                Decision::Wait { until_ms, reason } => {
                    prop_assert!(until_ms.is_none_or(|until| until > now), "{reason:?}");
                    (contact.due, contact.reason) = (until_ms, Some(reason));
                }
                Decision::Exclude(reason) => (contact.over, contact.reason) = (true, Some(reason)),
            }
            prop_assert!(contact.over || contact.due.is_some() || contact.reason == Some(Reason::ZoneUnknown));
            prop_assert!(contact.over || contact.reason.is_some());
        }
    }

    #[test]
    fn the_next_legal_minute_is_the_first_one(settings in any_settings(), zone in prop::sample::select(ZONES.to_vec()), minute in 0_i64..300_000) {
        let plain = Settings { holidays_of: Vec::new(), ..settings };
        let rules = rules(plain.clone());
        let from = MARCH + minute * MINUTE;
        let opens = rules.first_legal(Some(zone), from).unwrap();
        prop_assert!(opens >= from && legal(&plain, zone, opens));
        // Sampled before it, nothing is legal.
        for step in 0..200 {
            let at = from + (opens - from) * step / 200;
            prop_assert!(at >= opens || !legal(&plain, zone, at), "{at} before {opens}");
        }
    }
}

#[test]
fn an_hour_of_the_week_is_that_on_the_clock_of_the_contact() {
    let tuesday = utc("2026-12-01T00:30:00Z");
    for (zone, hour) in [("Asia/Jakarta", 24 + 7), ("America/Los_Angeles", 16), ("Pacific/Apia", 24 + 13)] {
        assert_eq!(rules(usual()).week_hour(Some(zone), tuesday), Some(hour), "{zone}");
    }
    assert_eq!(rules(usual()).week_hour(None, tuesday), None);
    let home = rules(Settings { zone: Some("Asia/Tokyo".into()), ..usual() });
    assert_eq!(home.own_day(tuesday), (utc("2026-11-30T15:00:00Z"), "2026-12-01".to_owned()));
    let wrong = Rules::new(Settings { abandon_limit: Some(101.0), ..usual() }, None).unwrap_err();
    assert_eq!(wrong[0].field, "abandon_limit");
}
