//! The pages of the webhook ledger.

use axum::response::Response;
use serde::Serialize;

use crate::console::render::render;

/// The list of notifications, and how endpoints fare.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ListPage {
    pub(super) tabs: Vec<Tab>,
    pub(super) fields: WantedFields,
    pub(super) deliveries: Vec<DeliveryLine>,
    pub(super) endpoints: Vec<EndpointLine>,
    /// The address of the next page.
    pub(super) next: Option<String>,
    /// Dead letters in all.
    pub(super) dead: u64,
    /// Dead letters that the list is narrowed to; 0 when it shows something else, or to those who may not send them again.
    pub(super) matching: u64,
    /// Dead letters that the button sends again at once.
    pub(super) most: u64,
    /// Goes with every form.
    pub(super) token: String,
}

/// One of the states that the list may show.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tab {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) here: bool,
}

/// What the list is narrowed to; empty for anything.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct WantedFields {
    pub(super) state: String,
    pub(super) call_id: String,
    pub(super) app_id: String,
    pub(super) endpoint: String,
    pub(super) kind: String,
    pub(super) reason: String,
    pub(super) since: String,
    pub(super) until: String,
}

/// One notification of the list.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DeliveryLine {
    pub(super) id: String,
    pub(super) call_id: String,
    pub(super) kind: String,
    /// `waiting`, `due`, `sending`, `delivered` or `dead`.
    pub(super) state: String,
    /// What became of it, as a sentence.
    pub(super) why: String,
    pub(super) endpoint: String,
    pub(super) attempts: i64,
    /// ISO 8601 UTC; the browser shows it in its own zone.
    pub(super) made: String,
    /// When it is tried next; empty when nobody knows, or never.
    pub(super) due: String,
}

/// One endpoint.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EndpointLine {
    pub(super) endpoint: String,
    /// `closed`, `open` or `half_open`.
    pub(super) breaker: String,
    /// The same in a person's words.
    pub(super) word: String,
    /// When it is tried again, ISO 8601 UTC; empty unless it is held back.
    pub(super) until: String,
    pub(super) answer: String,
    pub(super) delivered: i64,
    pub(super) failed: i64,
    pub(super) due: i64,
    pub(super) dead: i64,
    /// The last one, while there is trouble.
    pub(super) problem: String,
}

/// One notification with its request and its attempts.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OnePage {
    pub(super) line: DeliveryLine,
    /// It may be sent again.
    pub(super) settled: bool,
    /// Whoever looks at it may have it sent again.
    pub(super) resends: bool,
    pub(super) url: String,
    pub(super) app_id: String,
    pub(super) seq: i64,
    pub(super) redelivered: i64,
    /// Secrets are hidden.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) attempts: Vec<AttemptLine>,
    pub(super) token: String,
}

/// One attempt.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AttemptLine {
    pub(super) attempt: i64,
    /// ISO 8601 UTC.
    pub(super) at: String,
    pub(super) took_ms: i64,
    /// Empty when nobody answered.
    pub(super) status: String,
    pub(super) error: String,
    /// The start of the answer's body.
    pub(super) response: String,
}

/// The page of the list.
#[must_use]
pub(super) fn list(page: &ListPage) -> Response {
    render("webhooks.html", &[("page", page)])
}

/// The page of one notification.
#[must_use]
pub(super) fn one(page: &OnePage) -> Response {
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
