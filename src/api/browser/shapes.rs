//! Bodies of calls in the browser.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::fields::{Fields, Given};
use crate::trunk::webrtc::LONGEST_OFFER;

/// Longest name of a flow with its version, characters.
const LONGEST_FLOW: usize = 200;
/// Longest token, characters.
pub(super) const LONGEST_TOKEN: usize = 100;
/// How long a token lasts when nobody says so, and at least and at most, seconds.
const LASTS: u32 = 60;
const SHORTEST: u32 = 5;
const LONGEST: u32 = 3_600;

/// A call that a page may place.
#[derive(Debug, ToSchema)]
#[schema(as = NewBrowserToken, example = json!({ "flow": "reminder", "variables": { "name": "Ani" } }))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewToken {
    /// `name`, `name@label` or `name@digest`.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) flow: String,
    /// Variables of the flow.
    #[schema(value_type = Option<Object>)]
    pub(super) variables: Map<String, Value>,
    /// How long it may be used, seconds; 60 when absent.
    #[schema(value_type = Option<u32>, minimum = 5, maximum = 3600)]
    pub(super) expires_in: u32,
}

impl Given for NewToken {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            flow: fields.required("flow", "name the flow that takes the call", |fields, name| {
                fields.text(name, LONGEST_FLOW)
            }),
            variables: fields.values("variables").unwrap_or_default(),
            expires_in: fields.small("expiresIn", SHORTEST..=LONGEST).unwrap_or(LASTS),
        }
    }
}

/// A token for one call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BrowserToken {
    pub(super) token: String,
    #[schema(format = DateTime)]
    pub(super) expires_at: String,
}

/// A call from a browser.
#[derive(Debug, ToSchema)]
#[schema(as = NewBrowserCall)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCall {
    /// The offer of an `RTCPeerConnection`: one audio track, both ways.
    #[schema(min_length = 1, max_length = 32768)]
    pub(super) sdp: String,
    /// A token of `POST /v1/browser-tokens`, which names the flow.
    #[schema(min_length = 1, max_length = 100)]
    pub(super) token: Option<String>,
    /// Without a token: `name`, `name@label` or `name@digest`.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) flow: Option<String>,
    /// Without a token: variables of the flow.
    #[schema(value_type = Option<Object>)]
    pub(super) variables: Option<Map<String, Value>>,
}

/// The offer of a browser.
pub(in crate::api) fn offer(fields: &mut Fields<'_>) -> String {
    fields.required("sdp", "send the offer of the browser", |fields, name| {
        let text = fields.any_text(name)?;
        let fits = |text: String| match text.len() {
            0 => Err("is empty; send the offer of the browser".to_owned()),
            length if length > LONGEST_OFFER => Err(format!("is longer than {LONGEST_OFFER} bytes")),
            _ => Ok(text),
        };
        fields.checked(name, |_| fits(text))
    })
}

impl Given for NewCall {
    fn read(fields: &mut Fields<'_>) -> Self {
        let sdp = offer(fields);
        let has_token = fields.holds("token");
        let call = Self {
            sdp,
            token: fields.text("token", LONGEST_TOKEN),
            flow: fields.text("flow", LONGEST_FLOW),
            variables: fields.values("variables"),
        };
        if has_token && (call.flow.is_some() || call.variables.is_some()) {
            fields.fault("token", "names the flow and its variables; leave `flow` and `variables` out");
        }
        call
    }
}

/// A call that rings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BrowserCall {
    pub(super) call_id: String,
    /// The answer, for `setRemoteDescription`.
    pub(super) sdp: String,
}
