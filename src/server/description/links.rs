//! What an answer leads to: links from what was made to what can be done with it, so that readers and tests of the
//! description can walk from one request to the next.

use utoipa::openapi::RefOr;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::Operation;

/// An answer, and an operation that takes something out of it.
struct Lead {
    /// The operation that answers, and the status of its answer.
    from: (&'static str, &'static str),
    to: &'static str,
    /// Parameters of `to`, and where their values are: in the answer's body or in the path of the request.
    with: &'static [(&'static str, &'static str)],
}

const fn lead(
    from: (&'static str, &'static str),
    to: &'static str,
    with: &'static [(&'static str, &'static str)],
) -> Lead {
    Lead { from, to, with }
}

const CONTACT: &[(&str, &str)] = &[("contact_id", "$response.body#/contact_id")];
const CALL: &[(&str, &str)] = &[("call_id", "$response.body#/call_id")];
const DIALLED: &[(&str, &str)] = &[("call_id", "$response.body#/callId")];
const CANCELLED: &[(&str, &str)] =
    &[("bot_id", "$request.path.bot_id"), ("call_id", "$response.body#/callId")];
const APP: &[(&str, &str)] = &[("app_id", "$response.body#/id")];
const SECRET: &[(&str, &str)] = &[("app_id", "$request.path.app_id"), ("secret_id", "$response.body#/id")];
const KEY: &[(&str, &str)] = &[("key_id", "$response.body#/id")];
const VERSION: &[(&str, &str)] = &[("name", "$response.body#/flow"), ("version", "$response.body#/digest")];
const FLOW: &[(&str, &str)] = &[("name", "$response.body#/flow")];

const LISTED: &[(&str, &str)] = &[("number", "$response.body#/number")];

const LEADS: [Lead; 32] = [
    lead(("createContact", "201"), "getContact", CONTACT),
    lead(("createContact", "201"), "changeContact", CONTACT),
    lead(("createContact", "201"), "deleteContact", CONTACT),
    lead(("addDoNotCall", "201"), "getDoNotCall", LISTED),
    lead(("addDoNotCall", "201"), "removeDoNotCall", LISTED),
    lead(("makeCall", "201"), "getCall", CALL),
    lead(("makeCall", "201"), "changeCall", CALL),
    lead(("makeCall", "201"), "hangUp", CALL),
    lead(("makeCall", "201"), "cancelCall", CALL),
    lead(("makeCall", "201"), "getTimeline", CALL),
    lead(("dialOut", "200"), "getCall", DIALLED),
    lead(("dialOut", "200"), "getTimeline", DIALLED),
    lead(("dialOut", "200"), "getTranscript", DIALLED),
    lead(("dialOut", "200"), "getEvidence", DIALLED),
    lead(("dialOut", "200"), "getEvidencePicture", DIALLED),
    lead(("dialOut", "200"), "getRecording", DIALLED),
    lead(("dialOut", "200"), "makeRecordingLink", DIALLED),
    lead(("dialOut", "200"), "getCallNotifications", DIALLED),
    lead(("dialOut", "200"), "hangUp", DIALLED),
    lead(("dialOut", "200"), "cancelDialOut", CANCELLED),
    lead(("createApp", "201"), "getApp", APP),
    lead(("createApp", "201"), "changeApp", APP),
    lead(("createApp", "201"), "deleteApp", APP),
    lead(("createApp", "201"), "listSecrets", APP),
    lead(("createApp", "201"), "addSecret", APP),
    lead(("addSecret", "201"), "changeSecret", SECRET),
    lead(("addSecret", "201"), "retireSecret", SECRET),
    lead(("createKey", "201"), "getKey", KEY),
    lead(("createKey", "201"), "changeKey", KEY),
    lead(("createKey", "201"), "revokeKey", KEY),
    lead(("uploadVersion", "201"), "getVersion", VERSION),
    lead(("uploadVersion", "201"), "listVersions", FLOW),
];

/// Adds the links of an operation's answers.
pub(super) fn add(operation: &mut Operation) {
    let leads = LEADS.iter().filter(|lead| operation.operation_id.as_deref() == Some(lead.from.0));
    for lead in leads {
        let Some(RefOr::T(response)) = operation.responses.responses.get_mut(lead.from.1) else { continue };
        let mut link = Link::builder().operation_id(lead.to);
        for (name, expression) in lead.with {
            link = link.parameter(*name, *expression);
        }
        response.links.insert(lead.to.to_owned(), RefOr::T(link.build()));
    }
}

/// Every operation that answers with a link, that link's target, and the parameters it gives.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str, Vec<&'static str>)> {
    LEADS
        .iter()
        .map(|lead| (lead.from.0, lead.from.1, lead.to, lead.with.iter().map(|(name, _)| *name).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn links_lead_from_answers_that_are_there_to_operations_that_take_what_they_give() {
        let described = serde_json::to_value(crate::server::description()).unwrap();
        let paths = described["paths"].as_object().unwrap();
        let operation = |id: &str| -> &Value {
            let all = paths.values().flat_map(|item| item.as_object().unwrap().values());
            all.into_iter().find(|operation| operation["operationId"] == id).unwrap_or_else(|| panic!("{id}"))
        };
        for (from, status, to, with) in all() {
            let link = &operation(from)["responses"][status]["links"][to];
            assert_eq!(link["operationId"], to, "{from} {status}");
            let taken: Vec<&str> = operation(to)["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            assert!(with.iter().all(|name| taken.contains(name)), "{to} takes {taken:?}, not {with:?}");
        }
    }
}
