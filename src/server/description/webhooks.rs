//! What the server posts to a `notifyUrl`, as the description shows it. `kore` writes the bodies of calls, the store those of campaigns.

use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::kore::{AmdNotification, Answered, Completed, Failed, FlowNotification};
use crate::store::CampaignNotice;

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
        (
            "campaign",
            name::<CampaignNotice<'static>>(),
            "Something became of a campaign, to its `notify_url`. In order within the campaign.",
        ),
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
    add::<CampaignNotice<'static>>(into);
}
