//! What the Calls API takes and gives.

use std::collections::BTreeMap;

use callcore::number::Country;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

use crate::api::dialout::parts::{self, LONGEST_NAME, LONGEST_URL};
use crate::api::extract::{cursor, page_size};
use crate::api::fields::{Fields, Given};
use crate::api::numbers;
use crate::net::guard::AddressPolicy;
use crate::session::RingLink;
use crate::store::{CallRow, Cursor, HistoryRow, LARGEST_METADATA};
use crate::trunk::webrtc::TRUNK;

const LONGEST_ID: usize = 64;
/// Longest name of a flow with its version, characters.
const LONGEST_FLOW: usize = 200;
const LONGEST_TIME: usize = 64;
/// How long a call may ring, at least and at most, s.
const SHORTEST_RING: u32 = 5;
const LONGEST_RING: u32 = 3_600;

/// What kind of call it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum CallType {
    #[default]
    Voice,
    /// Carried by voice where nothing on the way carries a picture.
    Video,
}

const TYPES: [(&str, CallType); 3] =
    [("voice", CallType::Voice), ("suara", CallType::Voice), ("video", CallType::Video)];

/// A contact to call, or a number.
#[derive(Debug, ToSchema)]
#[schema(as = MakeCall, example = json!({ "contact_id": "jj084", "type": "voice" }))]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Make {
    /// The contact; this or `number` is needed.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) contact_id: Option<String>,
    /// A telephone number that belongs to no contact, in any spelling. Needs `flow`, unless there is a default.
    #[schema(min_length = 1, max_length = 256, example = "+6281234567890")]
    pub(super) number: Option<String>,
    /// Country of a `number` that does not name its own, as in `ID` or 62; that of the flow or of the server when absent.
    #[schema(value_type = Option<String>)]
    pub(super) country: Option<Country>,
    /// `voice`, or `suara`, which is the same; or `video`, which is carried by voice where nothing on the way carries a picture. In any case of its letters.
    #[schema(pattern = "^([Vv][Oo][Ii][Cc][Ee]|[Ss][Uu][Aa][Rr][Aa]|[Vv][Ii][Dd][Ee][Oo])$", value_type = String)]
    pub(super) r#type: CallType,
    /// Variables of the flow, above those of the contact; 16 KiB at most.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
    /// On whose behalf it is called; the history can be asked for it.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) user_id: Option<String>,
    /// `name`, `name@label` or `name@digest`. When absent: the contact's flow, else that of the bot `default`, else
    /// the only flow there is.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) flow: Option<String>,
    /// Our number, as the callee sees it.
    #[schema(pattern = "^[A-Za-z0-9+_.@:;=() -]+$", min_length = 1, max_length = 128)]
    pub(super) caller: Option<String>,
    /// Which carrier, by its name in the configuration; the first one when absent. `browser` rings a link, also for a contact
    /// with a number.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) trunk: Option<String>,
    /// How long it rings, seconds. When absent: as the server says; a link, 300.
    #[schema(value_type = Option<u32>, minimum = 5, maximum = 3600)]
    pub(super) ring_timeout: Option<u32>,
    /// Where status changes are posted, signed with the secrets of the client app that asks, or that the key acts for.
    #[schema(format = "uri", max_length = 2048)]
    pub(super) notify_url: Option<String>,
    /// Headers to send along with them.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub(super) notify_headers: BTreeMap<String, String>,
    /// Call although the number's owner asked not to be called again. Only with a new consent.
    #[schema(value_type = Option<bool>)]
    pub(super) ignore_do_not_call: bool,
    /// Say what would become of the call, and do nothing.
    #[schema(value_type = Option<bool>)]
    pub(super) dry_run: bool,
}

impl Make {
    pub(super) fn read(fields: &mut Fields<'_>, policy: &AddressPolicy) -> Self {
        let lonely = !fields.holds("notify_url") && fields.holds("notify_headers");
        let userless = fields.holds("number") && fields.holds("user_id");
        let country = numbers::country(fields);
        let (contact_id, number) = whom(fields, country);
        let made = Self {
            contact_id,
            number,
            country,
            r#type: fields.required("type", "send \"voice\"", |fields, name| fields.word(name, &TYPES)),
            metadata: metadata(fields),
            user_id: fields.text("user_id", LONGEST_ID),
            flow: fields.text("flow", LONGEST_FLOW),
            caller: parts::caller(fields),
            trunk: fields.text("trunk", LONGEST_NAME),
            ring_timeout: fields.small("ring_timeout", SHORTEST_RING..=LONGEST_RING),
            notify_url: fields.read("notify_url", LONGEST_URL, |url| {
                policy.check(url).map(|_| url.to_owned()).map_err(|error| error.to_string())
            }),
            notify_headers: parts::headers(fields, "notify_headers"),
            ignore_do_not_call: fields.yes("ignore_do_not_call").unwrap_or_default(),
            dry_run: fields.yes("dry_run").unwrap_or_default(),
        };
        if lonely {
            fields.ignore("notify_headers");
        }
        if userless {
            fields.ignore("user_id");
        }
        made
    }
}

/// The contact or the number to call: one of them.
fn whom(fields: &mut Fields<'_>, country: Option<Country>) -> (Option<String>, Option<String>) {
    if !fields.holds("number") {
        let id = |fields: &mut Fields<'_>, name| fields.text(name, LONGEST_ID);
        let contact = fields.required("contact_id", "name the contact to call, or send `number`", id);
        return (Some(contact), None);
    }
    if fields.take("contact_id").is_some_and(|contact| !contact.is_null()) {
        fields.fault("number", "came with a contact_id; send one of them");
    }
    let number = numbers::number(fields, "number", country);
    (None, number.map(|(number, _)| number))
}

/// Metadata of a bounded size.
fn metadata(fields: &mut Fields<'_>) -> Option<Map<String, Value>> {
    let metadata = fields.values("metadata")?;
    fields.checked("metadata", |_| {
        let size = serde_json::to_string(&metadata).map_or(usize::MAX, |text| text.len());
        if size <= LARGEST_METADATA { Ok(metadata) } else { Err(TOO_MUCH.to_owned()) }
    })
}

/// What is told of metadata that is too large.
pub(super) const TOO_MUCH: &str = "is larger than 16 KiB; keep only what the flow says";

/// What to change about a call.
#[derive(Debug, ToSchema)]
#[schema(as = ChangeCall, example = json!({ "end_time": "2023-08-21T08:10:00Z" }))]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Change {
    /// Ends the call now. Must lie between its start and now.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) end_time: Option<OffsetDateTime>,
    /// Merged into the call's metadata, which may have 16 KiB; a member that is `null` goes.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
}

impl Given for Change {
    fn read(fields: &mut Fields<'_>) -> Self {
        let time = |text: &str| {
            OffsetDateTime::parse(text, &Rfc3339)
                .map_err(|_| "is not a time such as 2023-08-21T08:10:00Z".to_owned())
        };
        Self { end_time: fields.read("end_time", LONGEST_TIME, time), metadata: metadata(fields) }
    }
}

/// A call of a contact, or of a number.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CallRecord {
    call_id: String,
    /// Absent where a number was called that is no contact's.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_id: Option<String>,
    r#type: CallType,
    /// How a `video` call is carried: `video` where pictures go at least one way, `voice` where they go none. Absent while a link is not
    /// answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<CallType>,
    /// In the answer to the request alone: the link that rings, good for one answer. Deliver it to the contact, and to nobody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://voice.example.com/ring#rl_5f3a")]
    ring_link: Option<String>,
    /// Until when the link rings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    ring_until: Option<String>,
    #[schema(format = DateTime, example = "2023-08-21T08:00:00Z")]
    start_time: String,
    /// Absent while the call runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, example = "2023-08-21T08:10:00Z")]
    end_time: Option<String>,
    /// What came with the call, and what it was changed to since.
    #[schema(value_type = Object)]
    metadata: Value,
    /// What was kept of the contact when it was called, `name` and its own metadata: the flow knows it, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    contact_data: Option<Value>,
    /// On whose behalf it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

/// Calls of contacts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CallHistory {
    pub(super) call_records: Vec<CallRecord>,
    /// The parameter `after` of the next page; `null` on the last one.
    pub(super) next: Option<String>,
}

impl From<HistoryRow> for CallRecord {
    fn from(row: HistoryRow) -> Self {
        Self {
            contact_id: row.contact_id,
            contact_data: row.contact_data,
            user_id: row.user_id,
            ..Self::from(row.call)
        }
    }
}

impl CallRecord {
    /// With the link that rings, for whoever asked for the call.
    pub(super) fn with_link(self, link: Option<RingLink>) -> Self {
        match link {
            Some(RingLink { url, expires_ms, .. }) => {
                Self { ring_link: Some(url), ring_until: Some(second(expires_ms)), ..self }
            }
            None => self,
        }
    }
}

/// How a call that was asked for as a video call goes, as far as it is known.
fn carried(call: &CallRow) -> Option<CallType> {
    let is_known = call.pictures.is_some() || call.trunk != TRUNK;
    let carried = if call.pictures == Some(true) { CallType::Video } else { CallType::Voice };
    (call.video && is_known).then_some(carried)
}

impl From<CallRow> for CallRecord {
    fn from(call: CallRow) -> Self {
        let carried = carried(&call);
        Self {
            call_id: call.id,
            contact_id: None,
            r#type: if call.video { CallType::Video } else { CallType::Voice },
            carried,
            ring_link: None,
            ring_until: None,
            start_time: second(call.created_ms),
            end_time: call.ended_ms.map(second),
            metadata: call.metadata,
            contact_data: None,
            user_id: None,
        }
    }
}

/// A time as the Calls API writes it: whole seconds, UTC.
fn second(epoch_ms: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1000)).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct HistoryQuery {
    /// Only calls of this user: the contact that was called or called us, or the `user_id` on whose behalf.
    #[param(min_length = 1, max_length = 64)]
    pub(super) user_id: Option<String>,
    /// Records on a page; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    pub(super) limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    pub(super) after: Option<Cursor>,
}

impl Given for HistoryQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { user_id: fields.text("user_id", LONGEST_ID), limit: page_size(fields), after: cursor(fields) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::error::Code;
    use crate::api::fields::{Faults, Names, Object};

    #[test]
    fn times_read_as_in_the_document() {
        assert_eq!(second(1_692_604_800_999), "2023-08-21T08:00:00Z");
    }

    #[test]
    fn the_kind_of_a_call_is_taken_in_any_case() {
        let read = |body: Value| {
            let object = Object::read(body.to_string().as_bytes(), "body").unwrap();
            let mut faults = Faults::default();
            let made =
                object.fields(Names::Exact, &mut faults, |fields| Make::read(fields, &AddressPolicy::Public));
            faults.end(Code::Malformed).map(|_| made.r#type).map_err(|problem| problem.detail().to_owned())
        };
        for (word, kind) in [
            ("voice", CallType::Voice),
            ("VOICE", CallType::Voice),
            ("Suara", CallType::Voice),
            ("Video", CallType::Video),
        ] {
            assert_eq!(read(json!({"contact_id": "a", "type": word})), Ok(kind));
        }
        let told = read(json!({"type": "fax", "caller": "a\r\nb", "user_id": ""})).unwrap_err();
        assert_eq!(
            told,
            "contact_id: is missing; name the contact to call, or send `number`; type: must be \"voice\", \"suara\" or \"video\", \
             and not \"fax\"; user_id: is empty; give it a value; caller: has a line break or another control \
             character in it; take it out"
        );
        assert_eq!(json!(CallType::Voice), "voice");
        let told = read(json!({"type": "voice", "contact_id": "a", "number": "+6281234567890"})).unwrap_err();
        assert_eq!(told, "number: came with a contact_id; send one of them");
        assert_eq!(read(json!({"type": "voice", "number": "+62 812-3456-7890"})), Ok(CallType::Voice));
        let told = read(json!({"type": "voice", "number": "soon"})).unwrap_err();
        assert!(told.starts_with("number: "), "{told}");
    }
}
