//! The pages of the webhook ledger.

use axum::response::Response;
use serde::Serialize;

use super::render;

/// The list of notifications, and how endpoints fare.
#[derive(Clone, Debug, Serialize)]
pub struct ListPage {
    pub tabs: Vec<Tab>,
    pub fields: WantedFields,
    pub deliveries: Vec<DeliveryLine>,
    pub endpoints: Vec<EndpointLine>,
    /// The address of the next page.
    pub next: Option<String>,
    /// Dead letters in all.
    pub dead: u64,
    /// Dead letters that the list is narrowed to; 0 when it shows something else, or to those who may not send them again.
    pub matching: u64,
    /// Dead letters that the button sends again at once.
    pub most: u64,
    /// Goes with every form.
    pub token: String,
}

/// One of the states that the list may show.
#[derive(Clone, Debug, Serialize)]
pub struct Tab {
    pub name: String,
    pub title: String,
    pub here: bool,
}

/// What the list is narrowed to; empty for anything.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WantedFields {
    pub state: String,
    pub call_id: String,
    pub app_id: String,
    pub endpoint: String,
    pub kind: String,
    pub reason: String,
    pub since: String,
    pub until: String,
}

/// One notification of the list.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryLine {
    pub id: String,
    pub call_id: String,
    pub kind: String,
    /// `waiting`, `due`, `sending`, `delivered` or `dead`.
    pub state: String,
    /// What became of it, as a sentence.
    pub why: String,
    pub endpoint: String,
    pub attempts: i64,
    /// ISO 8601 UTC; the browser shows it in its own zone.
    pub made: String,
    /// When it is tried next; empty when nobody knows, or never.
    pub due: String,
}

/// One endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointLine {
    pub endpoint: String,
    /// `closed`, `open` or `half_open`.
    pub breaker: String,
    /// The same in a person's words.
    pub word: String,
    /// When it is tried again, ISO 8601 UTC; empty unless it is held back.
    pub until: String,
    pub answer: String,
    pub delivered: i64,
    pub failed: i64,
    pub due: i64,
    pub dead: i64,
    /// The last one, while there is trouble.
    pub problem: String,
}

/// One notification with its request and its attempts.
#[derive(Clone, Debug, Serialize)]
pub struct OnePage {
    pub line: DeliveryLine,
    /// It may be sent again.
    pub settled: bool,
    /// Whoever looks at it may have it sent again.
    pub resends: bool,
    pub url: String,
    pub app_id: String,
    pub seq: i64,
    pub redelivered: i64,
    /// Secrets are hidden.
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub attempts: Vec<AttemptLine>,
    pub token: String,
}

/// One attempt.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptLine {
    pub attempt: i64,
    /// ISO 8601 UTC.
    pub at: String,
    pub took_ms: i64,
    /// Empty when nobody answered.
    pub status: String,
    pub error: String,
    /// The start of the answer's body.
    pub response: String,
}

/// The page of the list.
#[must_use]
pub fn list(page: &ListPage) -> Response {
    render("webhooks.html", &[("page", page)])
}

/// The page of one notification.
#[must_use]
pub fn one(page: &OnePage) -> Response {
    render("webhook.html", &[("page", page)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead() -> DeliveryLine {
        DeliveryLine {
            id: "msg_1".into(),
            call_id: "c1".into(),
            kind: "completed".into(),
            state: "dead".into(),
            why: "All attempts failed; the last one: <b>500</b>".into(),
            endpoint: "https://shop.test".into(),
            attempts: 9,
            made: "2026-11-20T23:00:00.000Z".into(),
            due: String::new(),
        }
    }

    fn one_page(settled: bool) -> OnePage {
        let attempt = AttemptLine {
            attempt: 1,
            at: "2026-11-20T23:00:01.000Z".into(),
            took_ms: 12,
            status: "500".into(),
            error: "the receiver answered 500 Internal Server Error".into(),
            response: "<script>alert(1)</script>".into(),
        };
        OnePage {
            line: DeliveryLine { state: if settled { "dead" } else { "due" }.into(), ..dead() },
            settled,
            resends: true,
            url: "https://shop.test/hook".into(),
            app_id: "shop".into(),
            seq: 3,
            redelivered: 1,
            headers: vec![("x-api-key".into(), "(hidden)".into())],
            body: "{\n  \"status\": \"completed\"\n}".into(),
            attempts: vec![attempt],
            token: "t0ken".into(),
        }
    }

    async fn html(response: Response) -> String {
        assert_eq!(response.status(), 200);
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_dead_letter_says_why_and_has_a_button_that_needs_no_script() {
        let html = html(one(&one_page(true))).await;
        assert!(html.contains("All attempts failed; the last one: &lt;b&gt;500&lt;"), "{html}");
        assert!(html.contains("<form method=\"post\" action=\"/webhooks/msg_1/redeliver\">"), "{html}");
        assert!(html.contains("<button type=\"submit\">Send again</button>"), "{html}");
        assert!(html.contains("name=\"token\" value=\"t0ken\""), "{html}");
        assert!(html.contains("the receiver answered 500 Internal Server Error") && html.contains("12 ms"));
        assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert"));
        assert!(!html.contains("http-equiv=\"refresh\""));
    }

    #[tokio::test]
    async fn what_is_on_its_way_has_no_button_and_renews_itself() {
        let html = html(one(&one_page(false))).await;
        assert!(!html.contains("<button"), "{html}");
        assert!(html.contains("http-equiv=\"refresh\""), "{html}");
    }

    #[tokio::test]
    async fn the_list_shows_dead_letters_and_the_health_of_their_endpoints() {
        let endpoint = EndpointLine {
            endpoint: "https://shop.test".into(),
            breaker: "open".into(),
            word: "held back".into(),
            until: "2026-11-20T23:10:00.000Z".into(),
            answer: "8 ms".into(),
            delivered: 5,
            failed: 12,
            due: 2,
            dead: 1,
            problem: "the receiver did not answer in time".into(),
        };
        let mut page = ListPage {
            tabs: vec![Tab { name: "dead".into(), title: "Dead letters".into(), here: true }],
            fields: WantedFields {
                state: "dead".into(),
                endpoint: "https://shop.test".into(),
                ..WantedFields::default()
            },
            deliveries: vec![dead()],
            endpoints: vec![endpoint],
            next: Some("/webhooks?after=msg_1".into()),
            dead: 1,
            matching: 1,
            most: 1_000,
            token: "t0ken".into(),
        };
        let shown = html(list(&page)).await;
        assert!(shown.contains("href=\"/webhooks/msg_1\"") && shown.contains("held back"), "{shown}");
        assert!(shown.contains("Send 1 again") && shown.contains("aria-current=\"page\""), "{shown}");
        assert!(
            shown.contains("name=\"endpoint\" value=\"https:&#x2F;&#x2F;shop.test\"")
                || shown.contains("name=\"endpoint\" value=\"https://shop.test\""),
            "{shown}"
        );
        page.deliveries.clear();
        page.matching = 0;
        let empty = html(list(&page)).await;
        assert!(!empty.contains("<button type=\"submit\">Send"), "{empty}");
    }
}
