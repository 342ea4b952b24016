//! Templates become pages: every page is rendered here, under a policy that allows nothing but this server's own files.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use tera::{Context, Kwargs, State, Tera, TeraResult, Value};

use super::words::filled;

/// Nothing inline, nothing evaluated, nothing from another host, no form to one, and nobody may frame a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

macro_rules! templates {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("templates/", $name)))),+] };
}

static PAGES: LazyLock<Result<Tera, tera::Error>> = LazyLock::new(|| {
    let mut tera = Tera::default();
    tera.register_filter("fill", fill);
    tera.add_raw_templates(templates![
        "frame.html",
        "live.html",
        "door.html",
        "sign_in.html",
        "second_step.html",
        "square.html",
        "recovery_codes.html",
        "own_factor.html",
        "welcome.html",
        "fault.html",
        "problem.html",
        "problems.html",
        "own.html",
        "home.html",
        "now.html",
        "lines.html",
        "calls.html",
        "call.html",
        "accuracy.html",
        "listen.html",
        "trial.html",
        "what_if.html",
        "tune.html",
        "campaigns.html",
        "campaign.html",
        "campaign_edit.html",
        "campaign_contacts.html",
        "campaign_contact.html",
        "campaign_report.html",
        "campaign_compare.html",
        "contacts.html",
        "contact.html",
        "lists.html",
        "list.html",
        "list_file.html",
        "list_import.html",
        "list_contacts.html",
        "trunks.html",
        "speech.html",
        "settings.html",
        "imported.html",
        "do_not_call.html",
        "flows.html",
        "flow.html",
        "talk.html",
        "ring.html",
        "upload.html",
        "audit.html",
        "people.html",
        "callers.html",
        "delivery_state.html",
        "webhooks.html",
        "webhook.html",
    ])?;
    Ok(tera)
});

/// Fills the gaps of a text: `{{ t.some_text | fill(n=3) }}`.
fn fill(text: &str, parts: Kwargs, _: &State) -> TeraResult<String> {
    let parts: Vec<(String, String)> =
        parts.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Ok(filled(text, parts.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

/// The page that `template` makes of the texts `t`, the frame `f` and what the page is about, `p`.
pub(super) fn render(
    template: &str,
    texts: Value,
    frame: &impl Serialize,
    page: &impl Serialize,
) -> Response {
    let mut context = Context::new();
    context.insert_value("t", texts);
    context.insert("f", frame);
    context.insert("p", page);
    let html = PAGES
        .as_ref()
        .map_err(ToString::to_string)
        .and_then(|pages| pages.render(template, &context).map_err(|error| error.to_string()));
    match html {
        Ok(html) => (headers(), Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, template, "a page could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn headers() -> [(HeaderName, HeaderValue); 7] {
    let is = HeaderValue::from_static;
    [
        (header::CONTENT_SECURITY_POLICY, is(POLICY)),
        (header::X_FRAME_OPTIONS, is("DENY")),
        (header::X_CONTENT_TYPE_OPTIONS, is("nosniff")),
        // With less, browsers do not say from where a form comes.
        (header::REFERRER_POLICY, is("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), is("same-origin")),
        (
            HeaderName::from_static("permissions-policy"),
            is("camera=(), geolocation=(), microphone=(), payment=()"),
        ),
        (header::CACHE_CONTROL, is("no-store")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_nothing_inline_and_no_template_needs_it() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("nonce") && !POLICY.contains("data:"));
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/templates");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for wrong in ["<style", " style=\"", " onclick=", " onload=", "javascript:", "| safe", "://"] {
                assert!(!text.contains(wrong), "{} holds {wrong}", path.display());
            }
            assert!(!text.contains("<script>"), "{}", path.display());
        }
        assert!(PAGES.is_ok(), "{:?}", PAGES.as_ref().err());
    }
}
