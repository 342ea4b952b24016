//! Templates become pages: every page is rendered here, under a policy that allows nothing but its own style and script.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use tera::{Context, Tera};

/// Allows nothing but our own style and script, which carry the number of this answer.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

static PAGES: LazyLock<Result<Tera, tera::Error>> = LazyLock::new(|| {
    let mut tera = Tera::default();
    tera.add_raw_templates([
        ("calls.html", include_str!("templates/calls.html")),
        ("rows.html", include_str!("templates/rows.html")),
        ("webhooks.html", include_str!("templates/webhooks.html")),
        ("webhook.html", include_str!("templates/webhook.html")),
        ("style.css", include_str!("templates/style.css")),
        ("ledger.css", include_str!("templates/ledger.css")),
    ])?;
    Ok(tera)
});

/// One line of the page of calls.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CallLine {
    pub(super) call_id: String,
    /// Masked.
    pub(super) number: String,
    pub(super) flow: String,
    /// `queued`, `placing`, `dialing`, `ringing`, `answered` or `ended`.
    pub(super) phase: String,
    /// Who answered, in a word; empty while nobody knows.
    pub(super) who: String,
    pub(super) latest: String,
    /// Local to the reader's browser: ISO 8601 UTC.
    pub(super) began: String,
}

/// The page of calls.
#[must_use]
pub(super) fn calls_page(live: &[CallLine], ended: &[CallLine]) -> Response {
    render("calls.html", &[("live", live), ("ended", ended)])
}

/// Just its rows, for the page to put in place.
#[must_use]
pub(super) fn calls_rows(live: &[CallLine], ended: &[CallLine]) -> Response {
    render("rows.html", &[("live", live), ("ended", ended)])
}

pub(super) fn render<T: Serialize + ?Sized>(template: &str, parts: &[(&'static str, &T)]) -> Response {
    let nonce = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    let mut context = Context::new();
    context.insert("nonce", &nonce);
    for (name, part) in parts {
        context.insert(*name, *part);
    }
    let html = PAGES
        .as_ref()
        .map_err(ToString::to_string)
        .and_then(|pages| pages.render(template, &context).map_err(|error| error.to_string()));
    let policy = HeaderValue::try_from(policy(&nonce)).map_err(|error| error.to_string());
    match html.and_then(|html| Ok((html, policy?))) {
        Ok((html, policy)) => {
            let headers: [(HeaderName, HeaderValue); 3] = [
                (header::CONTENT_SECURITY_POLICY, policy),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (headers, Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, template, "a page could not be made");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_carrier_says_cannot_become_markup() {
        let line = CallLine {
            call_id: "c1".into(),
            number: "…01".into(),
            flow: "<script>alert(1)</script>".into(),
            phase: "answered".into(),
            who: "human".into(),
            latest: "heard \"greeting\"".into(),
            began: "2026-11-20T23:00:00.000Z".into(),
        };
        let page = calls_page(&[line], &[]);
        assert_eq!(page.status(), 200);
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(!policy.contains("unsafe") && policy.contains("script-src 'nonce-"), "{policy}");
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let bytes = axum::body::to_bytes(page.into_body(), 1 << 20).await.unwrap();
        let html = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;"));
        assert!(html.contains("answered"));
        assert_eq!(html.matches(&format!(" nonce=\"{nonce}\">")).count(), 2, "style and script: {html}");
        assert!(
            !html.contains("<style>") && !html.contains("<script>") && !html.contains("style=\""),
            "{html}"
        );
    }
}
