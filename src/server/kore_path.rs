//! Kore's paths as its callers write them: in any case of their letters, with or without `V2` and a slash at the end.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

const BEFORE: [&str; 4] = ["api", "1.1", "public", "bot"];
const AFTER: [&str; 2] = ["smartassist", "dialout"];
const VERSION: &str = "V2";
const BATCH: &str = "batch";

/// Before the id of a bot, in each version of the campaigns' paths; the first one is routed.
const CAMPAIGNS: [&[&str]; 3] = [
    &["campaign", "api", "v2", "public"],
    &["agentassist", "api", "v1", "public"],
    &["api", "1.1", "public"],
];
const CAMPAIGN: &str = "campaign";
const SCHEDULE: &str = "schedule";
const STATUS: &str = "status";
const LISTS: &str = "contactList";
/// What can be done with lists.
const LIST_VERBS: [&str; 3] = ["createContactList", "addContacts", "getAllListDetails"];

/// Gives a path of Kore's the spelling under which it is routed.
pub(super) fn spelt(mut request: Request) -> Request {
    let path = request.uri().path();
    if let Some(uri) =
        canonical(path).or_else(|| campaigns(path)).and_then(|path| with_path(request.uri(), &path))
    {
        *request.uri_mut() = uri;
    }
    request
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// The path of a dial-out; `None` for the path of something else.
fn canonical(path: &str) -> Option<String> {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
    let mut is = |wanted: &str| parts.next_if(|part| part.eq_ignore_ascii_case(wanted)).is_some();
    if !BEFORE.iter().all(|part| is(part)) {
        return None;
    }
    let bot = parts.next()?;
    let mut is = |wanted: &str| parts.next_if(|part| part.eq_ignore_ascii_case(wanted)).is_some();
    is(VERSION);
    if !AFTER.iter().all(|part| is(part)) {
        return None;
    }
    let call = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let call = call.map(|call| if call.eq_ignore_ascii_case(BATCH) { BATCH } else { call });
    let end = call.map(|call| format!("/{call}")).unwrap_or_default();
    Some(format!("/{}/{bot}/{}{end}", BEFORE.join("/"), AFTER.join("/")))
}

/// The path of something about campaigns; `None` for the path of something else.
fn campaigns(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let begins = |before: &&&[&str]| {
        let given = parts.get(..before.len());
        given.is_some_and(|given| {
            given.iter().zip(before.iter()).all(|(part, word)| part.eq_ignore_ascii_case(word))
        })
    };
    let before = CAMPAIGNS.iter().find(begins)?;
    let (bot, rest) = parts.get(before.len()..)?.split_first()?;
    let (first, rest) = rest.split_first()?;
    if !first.eq_ignore_ascii_case(CAMPAIGN) {
        return None;
    }
    let spelt = |part: &str, words: &[&'static str]| {
        let word = words.iter().find(|word| word.eq_ignore_ascii_case(part));
        word.map_or_else(|| part.to_owned(), |word| (*word).to_owned())
    };
    let end = match rest {
        [] => String::new(),
        [id] => format!("/{}", spelt(id, &[SCHEDULE])),
        [lists, id] if lists.eq_ignore_ascii_case(LISTS) => format!("/{LISTS}/{}", spelt(id, &LIST_VERBS)),
        [id, status] if status.eq_ignore_ascii_case(STATUS) => format!("/{id}/{STATUS}"),
        _ => return None,
    };
    let routed = CAMPAIGNS.first()?.join("/");
    Some(format!("/{routed}/{bot}/{CAMPAIGN}{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "/api/1.1/public/bot/st-E1/smartassist/dialout";

    #[test]
    fn the_path_of_a_dial_out_may_be_spelt_as_kore_takes_it() {
        for path in [
            PLAIN,
            "/api/1.1/public/bot/st-E1/V2/smartassist/dialout",
            "/api/1.1/public/bot/st-E1/v2/SmartAssist/DialOut",
            "/API/1.1/Public/Bot/st-E1/smartAssist/dialout/",
            "//api/1.1/public/bot/st-E1/smartassist/dialout",
        ] {
            assert_eq!(canonical(path).as_deref(), Some(PLAIN), "{path}");
        }
        let tail = |end: &str| canonical(&format!("/api/1.1/public/bot/st-E1/v2/SMARTASSIST/dialout/{end}"));
        assert_eq!(tail("Batch"), Some(format!("{PLAIN}/batch")));
        assert_eq!(tail("0199-Ab"), Some(format!("{PLAIN}/0199-Ab")), "ids keep their case");
        for path in [
            "/",
            "/v1/calls",
            "/api/1.1/public/bot/a/V3/smartassist/dialout",
            "/api/1.1/public/bot/smartassist/dialout",
        ] {
            assert_eq!(canonical(path), None, "{path}");
        }
        assert_eq!(tail("a/b"), None);
    }

    #[test]
    fn the_paths_of_campaigns_may_be_spelt_as_in_each_version() {
        let begin = "/campaign/api/v2/public/st-E1/campaign";
        for (path, end) in [
            ("/campaign/api/v2/public/st-E1/campaign", ""),
            ("/Campaign/API/V2/public/st-E1/CAMPAIGN/", ""),
            ("/agentassist/api/v1/public/st-E1/campaign/cp_Ab", "/cp_Ab"),
            ("/agentassist/api/v1/public/st-E1/campaign/cp_Ab/Status", "/cp_Ab/status"),
            ("/agentassist/api/v1/public/st-E1/campaign/Schedule", "/schedule"),
            (
                "/campaign/api/v2/public/st-E1/campaign/contactlist/createcontactlist",
                "/contactList/createContactList",
            ),
            ("/api/1.1/public/st-E1/campaign/contactList/addcontacts", "/contactList/addContacts"),
            ("/campaign/api/v2/public/st-E1/campaign/ContactList/ls_Ab", "/contactList/ls_Ab"),
        ] {
            assert_eq!(campaigns(path), Some(format!("{begin}{end}")), "{path}");
        }
        for path in [
            "/campaigns",
            "/campaign/api/v3/public/a/campaign",
            "/campaign/api/v2/public/a",
            "/campaign/api/v2/public/a/flow",
            "/campaign/api/v2/public/a/campaign/b/c",
            "/campaign/api/v2/public/a/campaign/b/status/c",
            "/api/1.1/public/bot/a/smartassist/dialout",
        ] {
            assert_eq!(campaigns(path), None, "{path}");
        }
    }

    #[test]
    fn the_query_stays() {
        let request = Request::builder().uri("/api/1.1/public/bot/a/V2/smartassist/dialout?x=%2B1");
        let request = spelt(request.body(axum::body::Body::empty()).unwrap());
        assert_eq!(request.uri(), "/api/1.1/public/bot/a/smartassist/dialout?x=%2B1");
    }
}
