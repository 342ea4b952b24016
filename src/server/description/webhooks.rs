//! What the server posts to a `notifyUrl`, as the description shows it. `kore` writes the bodies.

use serde_json::{Map, Value};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::api::dialout::AmdEvent;

macro_rules! notification {
    ($(#[$about:meta])* $name:ident { $($body:tt)* }) => {
        $(#[$about])*
        #[derive(ToSchema)]
        #[serde(rename_all = "camelCase")]
        #[expect(dead_code, reason = "it is the shape that counts")]
        struct $name {
            /// The `callId` of the dial-out's answer.
            conversation_id: String,
            /// Counts 1, 2, 3 … within a call.
            #[schema(minimum = 1)]
            sequence: u64,
            /// How long it rang, ms.
            #[serde(rename = "ringDurationInMS")]
            ring_duration_in_ms: u64,
            /// From the request to the answer, ms.
            #[serde(rename = "connectDurationInMS")]
            connect_duration_in_ms: u64,
            /// SIP code and its text.
            #[schema(example = "200 OK")]
            reason: String,
            $($body)*
        }
    };
}

notification! {
    /// The callee picked up.
    Answered {
        #[schema(pattern = "^Answered$")]
        status: String,
        #[schema(example = "OK")]
        reason_code: String,
        /// ISO 8601 UTC with milliseconds.
        #[schema(format = DateTime)]
        call_connect_time: String,
    }
}

notification! {
    /// Detection found something. Fields that are not known are left out.
    AmdNotification {
        #[schema(pattern = "^Call-In-Progress$")]
        status: String,
        #[schema(example = "OK")]
        reason_code: String,
        #[schema(format = DateTime)]
        call_connect_time: String,
        machine_detection: AmdEvent,
        /// Counts the AMD events of the call.
        amd_sequence: u64,
        /// From the answer to the decision, ms.
        amd_decision_ms: u64,
        amd_reason: Option<String>,
        amd_subtype: Option<String>,
        #[schema(minimum = 0.0, maximum = 1.0)]
        amd_confidence: Option<f64>,
        amd_speech_onset_ms: Option<u64>,
        amd_speech_end_ms: Option<u64>,
        amd_greeting: Option<String>,
        hint: Option<String>,
        language: Option<String>,
        /// Of a tone, Hz.
        frequency: Option<f64>,
    }
}

notification! {
    /// A `notify` step of the flow.
    FlowNotification {
        #[schema(pattern = "^Call-In-Progress$")]
        status: String,
        #[schema(example = "OK")]
        reason_code: String,
        #[schema(format = DateTime)]
        call_connect_time: String,
        /// As the flow names it.
        event: String,
        #[schema(value_type = Object)]
        data: Map<String, Value>,
    }
}

notification! {
    /// An answered call is over.
    Completed {
        #[schema(pattern = "^completed$")]
        status: String,
        /// Who ended it: `caller-disconnected`, `bot-disconnected`, or `KoreVG-disconnected` when the carrier vanished.
        reason_code: String,
        #[schema(format = DateTime)]
        call_connect_time: String,
        #[schema(format = DateTime)]
        call_disconnect_time: String,
        /// Seconds from answer to end.
        call_duration: u64,
        /// The same.
        duration: u64,
        /// The carrier's name of the call.
        session_id: Option<String>,
        /// What decided who answered.
        machine_detection: Option<AmdEvent>,
        /// The callee asked not to be called again.
        do_not_call: Option<bool>,
    }
}

notification! {
    /// The call was never answered.
    Failed {
        #[schema(pattern = "^Failed$")]
        status: String,
        /// The text of the SIP code.
        #[schema(example = "Busy Here")]
        reason_code: String,
        #[schema(format = DateTime)]
        call_connect_time: String,
        #[schema(format = DateTime)]
        call_disconnect_time: String,
        /// Why the call was not dialled at all: it expired, was called off, or could not be.
        detail: Option<String>,
    }
}

const HEADERS: [(&str, &str); 4] = [
    (
        "SAVG-Signature",
        "`t=<unix seconds>,v1=<hex HMAC-SHA256>` over `<t>.<raw body>`, one `v1` for each active secret.",
    ),
    ("webhook-id", "Standard Webhooks: stays the same when a notification is sent again."),
    ("webhook-timestamp", "Standard Webhooks: unix seconds."),
    ("webhook-signature", "Standard Webhooks: over `<id>.<timestamp>.<raw body>`."),
];

/// The webhooks, by what they tell.
pub(super) fn paths() -> Paths {
    let mut paths = Paths::new();
    let told = [
        ("answered", name::<Answered>(), "The callee picked up."),
        ("amd", name::<AmdNotification>(), "Detection found out something about who answered."),
        ("flowEvent", name::<FlowNotification>(), "The flow tells something."),
        ("completed", name::<Completed>(), "An answered call is over. The last notification of a call."),
        ("failed", name::<Failed>(), "The call was never answered. The last notification of a call."),
    ];
    for (webhook, schema, about) in told {
        paths.paths.insert(webhook.to_owned(), item(webhook, &schema, about));
    }
    paths
}

fn item(webhook: &str, schema: &str, about: &str) -> PathItem {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let body =
        RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
    let text = || RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).build()));
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("on{}", capital(webhook))))
        .tag("webhooks")
        .summary(Some(about))
        .request_body(Some(body))
        .response("2XX", ResponseBuilder::new().description("Received; any 2xx will do.").build())
        .response("410", ResponseBuilder::new().description("Never send this again.").build())
        .response(
            "default",
            ResponseBuilder::new().description("Sent again later; `Retry-After` is honoured.").build(),
        );
    for (header, about) in HEADERS {
        let parameter = ParameterBuilder::new()
            .name(header)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(about))
            .schema(Some(text()))
            .build();
        operation = operation.parameter(parameter);
    }
    PathItem::new(HttpMethod::Post, operation.build())
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn name<T: ToSchema>() -> String {
    T::name().into_owned()
}

/// The bodies, for the components.
pub(super) fn schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
    fn add<T: ToSchema + PartialSchema>(into: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(into);
        into.push((name::<T>(), T::schema()));
    }
    add::<Answered>(into);
    add::<AmdNotification>(into);
    add::<FlowNotification>(into);
    add::<Completed>(into);
    add::<Failed>(into);
}
