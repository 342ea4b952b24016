//! `GET /v1/interactions`: calls as Kore's interactions page shows them, with its status of each.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use strum::IntoEnumIterator as _;
use utoipa::{IntoParams, ToSchema};

use super::super::Api;
use super::super::calls::LONGEST_BOT;
use super::super::error::Problem;
use super::super::extract::{Query, cursor, page_size};
use super::super::fields::{Fields, Given};
use super::super::may::May;
use super::super::problems::BadParameter;
use crate::access::SeeCalls;
use crate::kore::{InteractionRow, InteractionStatus};
use crate::store::{CallFilter, CallRow, CallStatus, Cursor};
use crate::wallclock::iso;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(in super::super) struct InteractionsQuery {
    /// Calls on a page, 1 to 500; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    after: Option<Cursor>,
    #[param(min_length = 1, max_length = 128)]
    bot_id: Option<String>,
    /// `scheduled`, `inProgress`, `machineDetected`, `completed` or `failed`.
    #[param(value_type = Option<String>, pattern = "^(scheduled|inProgress|machineDetected|completed|failed)$")]
    status: Option<InteractionStatus>,
}

impl Given for InteractionsQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let words: Vec<(&str, _)> = InteractionStatus::iter().map(|status| (status.into(), status)).collect();
        Self {
            limit: page_size(fields),
            after: cursor(fields),
            bot_id: fields.text("botId", LONGEST_BOT),
            status: fields.word("status", &words),
        }
    }
}

/// A page of them.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct InteractionList {
    interactions: Vec<InteractionRow>,
    /// The parameter `after` of the next page; `null` on the last one.
    next: Option<String>,
}

/// Calls as Kore's interactions page shows them, newest first, by pages.
#[utoipa::path(get, path = "/v1/interactions", operation_id = "listInteractions", tag = "calls",
    params(InteractionsQuery),
    responses(
        (status = 200, description = "A page of calls.", body = InteractionList),
        BadParameter,
    ))]
pub(in super::super) async fn interactions(
    State(api): State<Api>,
    may: May<SeeCalls>,
    Query(query): Query<InteractionsQuery>,
) -> Result<Json<InteractionList>, Problem> {
    if let Some(bot) = &query.bot_id {
        may.require_bot(bot)?;
    }
    let all = CallFilter::within(may.visibility());
    let filter = CallFilter { bot_id: query.bot_id, status: query.status.map(CallStatus::from), ..all };
    let page = api.store.calls(&filter, query.after.as_ref(), query.limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(InteractionList { interactions: page.items.into_iter().map(shown).collect(), next }))
}

fn shown(call: CallRow) -> InteractionRow {
    let seconds = call.answered_ms.zip(call.ended_ms).map(|(from, to)| (to - from) / 1000);
    InteractionRow {
        status: call.status().into(),
        duration: seconds,
        start_time: iso(call.began_ms.unwrap_or(call.created_ms)),
        scheduled_at: call.start_ms.map(iso),
        call_connect_time: call.answered_ms.map(iso),
        call_disconnect_time: call.ended_ms.map(iso),
        conversation_id: call.id,
        bot_id: call.bot_id,
        direction: call.direction.as_str().to_owned(),
        target: call.target,
        caller: call.caller,
        machine_detection: call.amd_event.map(|kind| kind.as_str().to_owned()),
        outcome: call.outcome,
    }
}

impl From<CallStatus> for InteractionStatus {
    fn from(status: CallStatus) -> Self {
        match status {
            CallStatus::Scheduled => Self::Scheduled,
            CallStatus::InProgress => Self::InProgress,
            CallStatus::EndedAtMachine => Self::MachineDetected,
            CallStatus::Completed => Self::Completed,
            CallStatus::Failed => Self::Failed,
        }
    }
}

impl From<InteractionStatus> for CallStatus {
    fn from(status: InteractionStatus) -> Self {
        match status {
            InteractionStatus::Scheduled => Self::Scheduled,
            InteractionStatus::InProgress => Self::InProgress,
            InteractionStatus::MachineDetected => Self::EndedAtMachine,
            InteractionStatus::Completed => Self::Completed,
            InteractionStatus::Failed => Self::Failed,
        }
    }
}
