//! `POST /v1/webhooks/test`: an example, posted as notifications are.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde::Serialize;
use utoipa::ToSchema;

use super::LONGEST;
use super::show::TrialResult;
use crate::access::Administer;
use crate::api::Api;
use crate::api::dialout::parts::LONGEST_URL;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::fields::{Faults, Fields, Names, Object};
use crate::api::may::May;
use crate::api::problems::{BadField, TooLarge};
use crate::net::guard::AddressPolicy;
use crate::outbox::{Example, examples};
use crate::store::{DeliveryFilter, Visibility};
use crate::wallclock::now_ms;

/// Where an example goes, and which.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestWebhook)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// The client app whose secrets sign it.
    #[schema(min_length = 1, max_length = 512, example = "shop")]
    app_id: String,
    /// Where it goes; where the latest webhook of the app went when absent.
    #[schema(format = "uri", max_length = 2048, min_length = 1)]
    url: Option<String>,
    /// Its kind, in any case of its letters; `completed` when absent.
    #[schema(min_length = 1, max_length = 512, example = "amd_human_detected")]
    event: Option<String>,
}

impl Wanted {
    fn read(fields: &mut Fields<'_>, policy: &AddressPolicy) -> Self {
        let known = examples("", now_ms());
        Self {
            app_id: fields.required("appId", "name a client app", |fields, name| fields.text(name, LONGEST)),
            url: fields.read("url", LONGEST_URL, |url| {
                policy.check(url).map(|_| url.to_owned()).map_err(|error| error.to_string())
            }),
            event: fields.read("event", LONGEST, |event| named(event, &known)),
        }
    }
}

/// Post an example of a notification.
///
/// It is signed with the secrets of an app and posted at once, to the addresses that notifications may go to, with the header `dering-test: true`.
/// Nothing of it is kept or tried again.
#[utoipa::path(post, path = "/v1/webhooks/test", operation_id = "testWebhook", tag = "webhooks",
    request_body = Wanted,
    responses(
        (status = 200, description = "What came of it; see `taken`.", body = TrialResult),
        BadField,
        TooLarge,
        (status = 404, description = "There is no such app.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "No address was named and the app has no webhook yet.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn test(
    State(api): State<Api>,
    _: May<Administer>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<TrialResult>, Problem> {
    let body = Object::read(&body?, "body")?;
    let mut faults = Faults::default();
    let asked = body.fields(Names::Exact, &mut faults, |fields| Wanted::read(fields, &api.policy));
    faults.end(Code::Malformed)?;
    let Wanted { app_id: app, url, event } = asked;
    if api.store.known_app(&app).await?.is_none() {
        return Err(Problem::not_found(&format!("client app {app}")));
    }
    let url = match url {
        Some(url) => url,
        None => latest(&api, &app).await?,
    };
    let event = event.unwrap_or_else(|| "completed".to_owned());
    let example = examples(&app, now_ms()).into_iter().find(|example| example.kind == event);
    let example = example.ok_or_else(|| Problem::not_found(&format!("example {event}")))?;
    let secrets = api.store.signing_secrets(&app).await?;
    let tried = api.outbox.trial().post(&app, &secrets, &url, example).await;
    Ok(Json(TrialResult::new(&url, tried)))
}

/// A kind as it is written.
fn named(event: &str, known: &[Example]) -> Result<String, String> {
    let found = known.iter().find(|example| example.kind.eq_ignore_ascii_case(event));
    found.map(|example| example.kind.clone()).ok_or_else(|| {
        let kinds: Vec<&str> = known.iter().map(|example| example.kind.as_str()).collect();
        format!("there is no example of that kind; there are {}", kinds.join(", "))
    })
}

async fn latest(api: &Api, app: &str) -> Result<String, Problem> {
    let of_app = DeliveryFilter { app_id: Some(app.to_owned()), ..DeliveryFilter::within(Visibility::all()) };
    let page = api.store.deliveries(&of_app, None, 1).await?;
    let url = page.items.into_iter().next().map(|row| row.notification.url);
    url.ok_or_else(|| {
        let why = "name one: this app has no webhook yet whose address could be taken";
        Problem::new(Code::Invalid, format!("url: {why}")).with_field("url", why)
    })
}
