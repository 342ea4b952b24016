//! `/v1/accuracy`: labelled calls replayed with other settings of the detector, better settings searched for, and promoted.

mod shadow;
mod shapes;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::shadow::InShadowShown;
use self::shapes::{Parameters, TrialsShown};
use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::Query;
use super::fields::{self, Fields, Given, json as read, json_as};
use super::may::May;
use super::problems::{BadField, BadParameter, TooLarge};
use crate::access::{Administer, SeeServer, TryVerdicts};
use crate::trials::{Change, Fit, Refused, Trials, Which, in_shadow};

/// As in dial requests.
const TIMER_MS: std::ops::RangeInclusive<u32> = 100..=120_000;
const WORDS: std::ops::RangeInclusive<u32> = 1..=1_000;
const LONGEST_NAME: usize = 128;
/// Times of the evidence.
const EVIDENCE_MS: std::ops::RangeInclusive<u32> = 100..=10_000;
const BIAS: std::ops::RangeInclusive<f64> = -10.0..=10.0;
/// What an error of the other kind may cost.
const RATIO: std::ops::RangeInclusive<f64> = 0.01..=1000.0;
/// What it costs where nothing is said.
pub(crate) const USUAL_RATIO: f64 = 8.0;

pub(super) fn reading() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(trials)).routes(routes!(parameters)).routes(routes!(shadow))
}

pub(super) fn trying() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(what_if)).routes(routes!(tune)).routes(routes!(cancel))
}

pub(super) fn deciding() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(promote, take_back))
}

/// Timers of Kore, ms.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WhatIfTimers)]
struct TimersBody {
    #[schema(minimum = 100, maximum = 120_000)]
    no_speech_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    decision_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    tone_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    greeting_completion_timeout_ms: Option<u64>,
}

/// What is to be otherwise than it was in the calls; at least one thing.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WhatIf, example = json!({ "timers": { "noSpeechTimeoutMs": 3000 }, "costRatio": 20 }))]
struct WhatIfBody {
    timers: Option<TimersBody>,
    #[schema(minimum = 1, maximum = 1000)]
    threshold_word_count: Option<u32>,
    /// A set of parameters by its name or purpose, as in dial requests; `tuned` is what the last search found.
    #[schema(min_length = 1, max_length = 128)]
    amd_params: Option<String>,
    /// How many machines called people cost as much as one person called a machine.
    #[schema(minimum = 0.01, maximum = 1000)]
    cost_ratio: Option<f64>,
    /// Log-odds added for a machine: below 0 spares people, above 0 catches machines.
    #[schema(minimum = -10, maximum = 10)]
    bias: Option<f64>,
    /// No person is certain before this silence, ms.
    #[schema(minimum = 100, maximum = 10_000)]
    human_after_ms: Option<u64>,
    /// Sound alone names no machine before this much was said, ms.
    #[schema(minimum = 100, maximum = 10_000)]
    machine_after_ms: Option<u64>,
    /// `drawn`: the calls that were drawn at random and listened to; `all`: corrections of people as well. `drawn` when
    /// absent.
    #[schema(value_type = Option<String>)]
    calls: Which,
}

/// A search to begin.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Tune, example = json!({ "costRatio": 8, "fit": "times" }))]
struct TuneBody {
    /// How many machines called people cost as much as one person called a machine; 8 when absent.
    #[schema(minimum = 0.01, maximum = 1000)]
    cost_ratio: Option<f64>,
    /// `times`: times and costs, as `dering amd tune` does; `weights`: what each measure of a call weighs as well, as
    /// `dering amd learn` does, which takes 50 people and 50 machines of 20 numbers each. `times` when absent.
    #[schema(value_type = Option<String>)]
    fit: Fit,
    /// As of a replay.
    #[schema(value_type = Option<String>)]
    calls: Which,
}

fn which(fields: &mut Fields<'_>) -> Which {
    fields.word("calls", &Which::ALL.map(|which| (which.as_str(), which))).unwrap_or_default()
}

impl Given for TuneBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            cost_ratio: fields.number("costRatio", RATIO),
            fit: fields.word("fit", &Fit::ALL.map(|fit| (fit.as_str(), fit))).unwrap_or_default(),
            calls: which(fields),
        }
    }
}

/// Reads what a search is to be; for forms as well.
pub(crate) fn tune_of(fields: &mut Fields<'_>) -> (f64, Fit, Which) {
    let TuneBody { cost_ratio, fit, calls } = TuneBody::read(fields);
    (cost_ratio.unwrap_or(USUAL_RATIO), fit, calls)
}

impl Given for TimersBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            no_speech_timeout_ms: fields.ms("noSpeechTimeoutMs", TIMER_MS),
            decision_timeout_ms: fields.ms("decisionTimeoutMs", TIMER_MS),
            tone_timeout_ms: fields.ms("toneTimeoutMs", TIMER_MS),
            greeting_completion_timeout_ms: fields.ms("greetingCompletionTimeoutMs", TIMER_MS),
        }
    }
}

impl WhatIfBody {
    fn read(fields: &mut Fields<'_>, trials: &Trials) -> Self {
        let settings = [
            "timers",
            "thresholdWordCount",
            "amdParams",
            "costRatio",
            "bias",
            "humanAfterMs",
            "machineAfterMs",
        ];
        if !settings.iter().any(|name| fields.holds(name)) {
            fields.fault("timers", "say at least one setting that is to be otherwise");
        }
        Self {
            timers: fields.within("timers", TimersBody::read),
            threshold_word_count: fields.small("thresholdWordCount", WORDS),
            amd_params: fields.read("amdParams", LONGEST_NAME, |name| match trials.set(name) {
                Some(_) => Ok(name.to_owned()),
                None => Err("is no set of parameters that this server knows".to_owned()),
            }),
            cost_ratio: fields.number("costRatio", RATIO),
            bias: fields.number("bias", BIAS),
            human_after_ms: fields.ms("humanAfterMs", EVIDENCE_MS),
            machine_after_ms: fields.ms("machineAfterMs", EVIDENCE_MS),
            calls: which(fields),
        }
    }
}

impl From<WhatIfBody> for Change {
    fn from(body: WhatIfBody) -> Self {
        let timers = body.timers;
        let timer = |of: fn(&TimersBody) -> Option<u64>| timers.as_ref().and_then(of);
        Self {
            no_speech_timeout_ms: timer(|timers| timers.no_speech_timeout_ms),
            decision_timeout_ms: timer(|timers| timers.decision_timeout_ms),
            tone_timeout_ms: timer(|timers| timers.tone_timeout_ms),
            greeting_completion_timeout_ms: timer(|timers| timers.greeting_completion_timeout_ms),
            threshold_word_count: body.threshold_word_count,
            amd_params: body.amd_params,
            cost_ratio: body.cost_ratio,
            bias: body.bias,
            human_after_ms: body.human_after_ms,
            machine_after_ms: body.machine_after_ms,
        }
    }
}

/// Reads what is to be otherwise; for forms as well.
pub(crate) fn change_of(fields: &mut Fields<'_>, trials: &Trials) -> (Change, Which) {
    let body = WhatIfBody::read(fields, trials);
    let calls = body.calls;
    (body.into(), calls)
}

/// Which parameters are promoted, and what was seen by the one who decides.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PromoteParameters, example = json!({ "tuned": 1_764_600_000_000_u64, "revision": 0 }))]
struct PromoteBody {
    /// `id` of what the search found.
    tuned: i64,
    /// `revision` of the parameters as you saw them: 0 as long as none were promoted.
    revision: i64,
}

impl Given for PromoteBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        let whole = |fields: &mut Fields<'_>, name| fields.whole(name, 0..=i64::MAX);
        Self {
            tuned: fields.required("tuned", "give the id of what the search found", whole),
            revision: fields.required(
                "revision",
                "give the revision of the parameters as you saw them",
                whole,
            ),
        }
    }
}

/// What was seen by the one who decides.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct RevisionQuery {
    /// `revision` of the parameters as you saw them.
    #[param(minimum = 0)]
    revision: i64,
}

impl Given for RevisionQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let whole = |fields: &mut Fields<'_>, name| fields.whole(name, 0..=i64::MAX);
        let example = "give the revision of the parameters as you saw them";
        Self { revision: fields.required("revision", example, whole) }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let why = refused.to_string();
        match refused {
            Refused::Busy(_) | Refused::Changed | Refused::NoResult | Refused::NothingPromoted => {
                Self::new(Code::Conflict, why)
            }
            Refused::NoLabels | Refused::NoRecordings | Refused::TooFew(_) => Self::new(Code::Invalid, why),
            Refused::Stopping => Self::unavailable(why),
            Refused::Thread(_) => Self::new(Code::Internal, why),
            Refused::Store(error) => error.into(),
        }
    }
}

/// Replays and searches: what runs, and what came of the last ones.
///
/// Results are kept until the next of their kind, or until the server stops.
#[utoipa::path(get, path = "/v1/accuracy/trials", operation_id = "getTrials", tag = "accuracy",
    responses((status = 200, description = "How things stand.", body = TrialsShown)))]
async fn trials(State(api): State<Api>, _: May<SeeServer>) -> Json<TrialsShown> {
    Json(api.trials.look().into())
}

/// Begin to replay labelled calls with other settings, in the background.
///
/// Each is replayed twice, with the settings of the call and with yours, at most the 2,000 calls that were labelled last. One trial
/// runs at a time.
#[utoipa::path(post, path = "/v1/accuracy/trials/what-if", operation_id = "beginWhatIf", tag = "accuracy",
    request_body = WhatIfBody,
    responses(
        (status = 202, description = "It runs; `GET` the trials for what comes of it.", body = TrialsShown),
        BadField, TooLarge,
        (status = 409, description = "Another trial runs.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "No labelled call can be replayed.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn what_if(
    State(api): State<Api>,
    by: May<TryVerdicts>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<TrialsShown>), Problem> {
    let (change, calls) = json_as(body, Code::Malformed, |fields| change_of(fields, &api.trials))?;
    api.trials.what_if(change, calls, by.actor().name).await?;
    Ok((StatusCode::ACCEPTED, Json(api.trials.look().into())))
}

/// Begin to search parameters on labelled calls, in the background, as `dering amd tune` and `dering amd learn` do.
///
/// At most the 1,000 calls that were labelled last. Nothing changes until somebody promotes what is found. Calls that cannot bear
/// learning, or teach nothing that holds for calls not seen, leave a sentence in `failed` and nothing to promote.
#[utoipa::path(post, path = "/v1/accuracy/trials/tune", operation_id = "beginTune", tag = "accuracy", request_body = TuneBody,
    responses(
        (status = 202, description = "It runs; `GET` the trials for what comes of it.", body = TrialsShown),
        BadField, TooLarge,
        (status = 409, description = "Another trial runs.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "Too few people or machines are labelled.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn tune(
    State(api): State<Api>,
    by: May<TryVerdicts>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<TrialsShown>), Problem> {
    let (cost_ratio, fit, calls) = json_as(body, Code::Malformed, tune_of)?;
    api.trials.tune(cost_ratio, fit, calls, by.actor().name).await?;
    Ok((StatusCode::ACCEPTED, Json(api.trials.look().into())))
}

/// Give up the trial that runs.
#[utoipa::path(delete, path = "/v1/accuracy/trials/running", operation_id = "cancelTrial", tag = "accuracy",
    responses(
        (status = 204, description = "It ends after the recording it is at."),
        (status = 404, description = "None runs.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
async fn cancel(State(api): State<Api>, _: May<TryVerdicts>) -> Result<StatusCode, Problem> {
    if api.trials.cancel() { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("trial that runs")) }
}

/// The parameters of the verdict that new calls take.
///
/// A request that names `amdParams`, and a flow that has parameters of its own in the configuration, keep theirs.
#[utoipa::path(get, path = "/v1/accuracy/parameters", operation_id = "getParameters", tag = "accuracy",
    responses((status = 200, description = "They.", body = Parameters)))]
async fn parameters(State(api): State<Api>, _: May<SeeServer>) -> Result<Json<Parameters>, Problem> {
    Ok(Json(Parameters::of(&api, api.trials.promoted().await?)))
}

/// What parameters in shadow would have said of the last calls.
///
/// `amd: { shadow: NAME }` of the configuration lets a set run beside every call, without any effect on it. A flow went on by the
/// verdict that counted, so what a callee said after that is not what they would have said after the other.
#[utoipa::path(get, path = "/v1/accuracy/shadow", operation_id = "getShadow", tag = "accuracy",
    responses((status = 200, description = "How the set fares.", body = InShadowShown)))]
async fn shadow(State(api): State<Api>, _: May<SeeServer>) -> Result<Json<InShadowShown>, Problem> {
    let found = match api.calls.amd_shadow() {
        Some(set) => Some(in_shadow(&api.store, &set).await?),
        None => None,
    };
    Ok(Json(found.into()))
}

/// Let new calls take what a search found. Calls under way keep what they began with.
#[utoipa::path(put, path = "/v1/accuracy/parameters", operation_id = "promoteParameters", tag = "accuracy",
    request_body = PromoteBody,
    responses(
        (status = 200, description = "They hold.", body = Parameters),
        BadField, TooLarge,
        (status = 409, description = "That result is gone, or somebody else was first.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn promote(
    State(api): State<Api>,
    admin: May<Administer>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Parameters>, Problem> {
    let body: PromoteBody = read(body)?;
    let promoted = api.trials.promote(body.tuned.unsigned_abs(), body.revision, admin.actor()).await?;
    Ok(Json(Parameters::of(&api, promoted)))
}

/// Let new calls take the parameters of the configuration again.
#[utoipa::path(delete, path = "/v1/accuracy/parameters", operation_id = "takeBackParameters", tag = "accuracy",
    params(RevisionQuery),
    responses(
        (status = 200, description = "Those that hold now.", body = Parameters),
        BadParameter,
        (status = 409, description = "None were promoted, or somebody else was first.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn take_back(
    State(api): State<Api>,
    admin: May<Administer>,
    Query(query): Query<RevisionQuery>,
) -> Result<Json<Parameters>, Problem> {
    let promoted = api.trials.take_back(query.revision, admin.actor()).await?;
    Ok(Json(Parameters::of(&api, promoted)))
}

/// A form's fields as the members of a body: numbers as numbers, what was left empty left out.
pub(crate) fn body_of_form<'w>(written: impl Iterator<Item = (&'static str, &'w str)>) -> fields::Object {
    let mut body = serde_json::Map::new();
    for (path, text) in written.filter(|(_, text)| !text.is_empty()) {
        let number = serde_json::from_str::<serde_json::Number>(&text.replace(',', "."));
        let value = number.map_or_else(|_| text.into(), serde_json::Value::Number);
        match path.split_once('.') {
            Some((object, name)) => {
                let inner = body.entry(object).or_insert_with(|| json!({}));
                inner[name] = value;
            }
            None => drop(body.insert(path.to_owned(), value)),
        }
    }
    body.into()
}
