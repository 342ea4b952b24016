//! The editor of campaigns as people fill it in.

use axum::body::Body;
use axum::http::header;
use dering::access::{Options, Role};
use dering::store::{Actor, NewList};

use crate::console_fixture::{Pages, leads_to};

const FLOW: &str = "flow: short\nstart: a\nscenes: { a: [ { hangup: done } ] }\n";
const CALENDAR: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n\
    BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20281225\r\nSUMMARY:Natal\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:2\r\nDTSTART:20281226T090000Z\r\nSUMMARY:Stand-up <b>\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn multipart(fields: &[(&str, &str)], calendar: &str) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        form.push_str(&format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    form.push_str(&format!(
        "--x\r\nContent-Disposition: form-data; name=\"calendar\"; filename=\"office.ics\"\r\n\r\n{calendar}\r\n--x--\r\n"
    ));
    form
}

#[tokio::test]
async fn a_calendar_is_shown_before_it_holds_and_lists_keep_people_from_being_called() {
    let pages = Pages::with(&[("short.yaml", FLOW)], Options::default()).await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    let mut ids = Vec::new();
    for name in ["may", "paid"] {
        let list = NewList { name: name.into(), ..NewList::default() };
        ids.push(pages.api.store().create_list(list, Actor::operator()).await.unwrap().id);
    }
    let token = browser.token().await;
    let (called, paid) = (format!("list:{}", ids[0]), format!("suppress:{}", ids[1]));
    let usual = [
        ("token", token.as_str()),
        ("name", "May"),
        ("flow", "short"),
        (&called, "1"),
        (&paid, "1"),
        ("closed_on", "2028-12-24"),
        ("concurrent", "2"),
        ("per_second", "1"),
        ("priority", "3"),
        ("ramp_up", "0s"),
        ("per_day", "1"),
        ("in_all", "3"),
        ("breaker_percent", "30"),
        ("breaker_of", "20"),
        ("breaker_pause", "1m"),
        ("notify_url", "https://shop.example/events"),
    ];
    let retries: Vec<(String, String)> = [
        "busy",
        "no_answer",
        "network_mailbox",
        "voicemail_unheard",
        "screening",
        "hung_up_early",
        "unclear",
    ]
    .into_iter()
    .map(|outcome| (format!("retry:{outcome}:times"), "0".to_owned()))
    .collect();
    let with = |closed: &'static str| -> Vec<(&str, &str)> {
        let own =
            usual.iter().map(|(name, value)| (*name, if *name == "closed_on" { closed } else { *value }));
        own.chain(retries.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect()
    };
    let send = async |calendar: &str| {
        let request = browser.request("POST", "/campaigns/new").header("origin", "http://pages.test");
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        browser.send(request.body(Body::from(multipart(&with("2028-12-24"), calendar))).unwrap()).await
    };

    let answer = send(CALENDAR).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        answer.text.contains("1 closed days were taken from the calendar, 2028-12-25 to 2028-12-25"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("Not taken from the calendar: Stand-up &lt;b&gt;"), "{}", answer.text);
    assert!(answer.text.contains("value=\"2028-12-24, 2028-12-25\""), "{}", answer.text);
    assert_eq!(answer.text.matches(r#"value="1" checked"#).count(), 2, "what was chosen stays chosen");
    let answer = send("not a calendar").await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text.contains("id=\"calendar-error\"") && answer.text.contains("BEGIN:VCALENDAR"),
        "{}",
        answer.text
    );
    assert!(pages.api.store().campaigns(None, 10).await.unwrap().items.is_empty(), "nothing was kept yet");

    let answer = browser.post("/campaigns/new", &with("2028-12-24, 2028-12-25")).await;
    let kept = leads_to(&answer).to_owned();
    assert!(kept.ends_with("?done=campaign_kept"), "{kept}");
    let campaigns = pages.api.store().campaigns(None, 10).await.unwrap().items;
    let settings = &campaigns[0].settings;
    assert_eq!(
        (&settings.lists, &settings.suppression_lists),
        (&vec![ids[0].clone()], &vec![ids[1].clone()])
    );
    assert_eq!(settings.closed_on, ["2028-12-24", "2028-12-25"]);
    assert_eq!(settings.notify_url.as_deref(), Some("https://shop.example/events"));
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_field_in_the_language_of_who_wrote_it() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    let token = browser.token().await;
    let form = [
        ("token", token.as_str()),
        ("name", "Mei"),
        ("flow", "short"),
        ("concurrent", "1.5"),
        ("per_second", "inf"),
        ("priority", "3"),
        ("ramp_up", "soon"),
        ("per_day", "-1"),
        ("in_all", "3"),
        ("breaker_percent", "thirty"),
        ("breaker_of", "20"),
        ("breaker_pause", "1m"),
        ("windows", "mon-fri 08:00-20:00\nsometimes"),
    ];
    let reasons = [
        ("en", ["Is no whole number.", "Is no number.", "Is not a length of time"]),
        ("id", ["Bukan bilangan bulat.", "Bukan angka.", "Bukan lama waktu"]),
    ];
    for (language, [whole, number, span]) in reasons {
        browser.cookies.lock().unwrap().insert("dering_lang".to_owned(), language.to_owned());
        let answer = browser.post("/campaigns/new", &form).await;
        assert_eq!(answer.status, 422);
        let at = |field: &str| {
            let (_, from) = answer.text.split_once(&format!("id=\"{field}-error\">")).unwrap();
            from.split_once("</p>").unwrap().0.to_owned()
        };
        for field in ["concurrent", "per_day", "breaker_percent"] {
            assert_eq!(at(field), whole, "{field}");
        }
        assert_eq!(at("per_second"), number);
        assert!(at("ramp_up").starts_with(span), "{}", at("ramp_up"));
        assert!(at("windows").contains("sometimes"), "{}", at("windows"));
        assert!(answer.text.contains("value=\"thirty\""), "what was written stays");
    }
    let presets = browser.get("/campaigns/new").await.text;
    assert!(
        presets.contains("Indonesia: penagihan") && !presets.contains("collections</option>"),
        "{presets}"
    );
}
