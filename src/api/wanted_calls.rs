//! Which calls are wanted: the filters of `GET /v1/calls` and of the page of calls.

use callcore::amd::{EventKind, Subtype};
use callcore::call::{Direction, Disposition};
use callcore::number::{self, Country};
use utoipa::IntoParams;

use super::fields::{Fields, Given};
use super::when::{Moment, moment};
use crate::store::{CallFilter, Progress, Visibility, is_linked_contact};

const PROGRESS: [(&str, Progress); 3] =
    [("scheduled", Progress::Scheduled), ("live", Progress::Live), ("ended", Progress::Ended)];
pub(crate) const DISPOSITIONS: [Disposition; 5] = [
    Disposition::Answered,
    Disposition::NoAnswer,
    Disposition::Busy,
    Disposition::Failed,
    Disposition::Cancel,
];
pub(crate) const VERDICTS: [(&str, EventKind); 4] = [
    ("human", EventKind::HumanDetected),
    ("machine", EventKind::MachineDetected),
    ("no_speech", EventKind::NoSpeechDetected),
    ("timeout", EventKind::DecisionTimeout),
];
const DIRECTIONS: [Direction; 2] = [Direction::Outbound, Direction::Inbound];
pub(crate) const SUBTYPES: [Subtype; 7] = [
    Subtype::Human,
    Subtype::Voicemail,
    Subtype::Unavailable,
    Subtype::Network,
    Subtype::Ivr,
    Subtype::Screening,
    Subtype::Fax,
];
/// Longest name, characters.
const LONGEST: usize = 128;
/// Fewest digits that are looked for.
const FEWEST_DIGITS: usize = 3;

/// Which calls; what is left out does not matter.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct WantedCalls {
    #[param(min_length = 1, max_length = 128)]
    pub(crate) bot_id: Option<String>,
    /// The client app, or whoever else asked for the call.
    #[param(min_length = 1, max_length = 128)]
    app_id: Option<String>,
    /// A campaign, by its id.
    #[param(min_length = 1, max_length = 128)]
    campaign: Option<String>,
    /// The name of the flow.
    #[param(min_length = 1, max_length = 128)]
    flow: Option<String>,
    /// The digest of a flow's version, or its beginning.
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{4,64}$")]
    version: Option<String>,
    #[param(min_length = 1, max_length = 128)]
    trunk: Option<String>,
    #[param(value_type = Option<String>, pattern = "^(outbound|inbound)$")]
    direction: Option<Direction>,
    /// As the carrier spells it, `NO ANSWER` for example.
    #[param(value_type = Option<String>, pattern = "^(ANSWERED|NO ANSWER|BUSY|FAILED|CANCEL)$")]
    disposition: Option<Disposition>,
    /// Who answered: `human`, `machine`, `no_speech` or `timeout`.
    #[param(value_type = Option<String>, pattern = "^(human|machine|no_speech|timeout)$")]
    verdict: Option<EventKind>,
    /// The kind of person or machine.
    #[param(value_type = Option<String>, pattern = "^(human|voicemail|unavailable|network|ivr|screening|fax)$")]
    subtype: Option<Subtype>,
    /// How the flow ended.
    #[param(min_length = 1, max_length = 128)]
    outcome: Option<String>,
    /// The number that was called or that called: whole, its beginning with a plus, or at least three of its digits. Some of its
    /// digits are looked for among 30,000 calls for each page: while `next` is there, a page may hold fewer calls than `limit`, or
    /// none, and older ones may still fit.
    #[param(value_type = Option<String>, min_length = 3, max_length = 128)]
    number: Option<String>,
    /// `scheduled`, `live` or `ended`.
    #[param(value_type = Option<String>, pattern = "^(scheduled|live|ended)$")]
    progress: Progress,
    /// Calls that were asked for at this moment or later.
    #[param(value_type = Option<Moment>)]
    since: Option<i64>,
    /// As `since`; calls of this moment are left out.
    #[param(value_type = Option<Moment>)]
    until: Option<i64>,
}

impl Given for WantedCalls {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            bot_id: fields.text("botId", LONGEST),
            app_id: fields.text("appId", LONGEST),
            campaign: fields.text("campaign", LONGEST),
            flow: fields.text("flow", LONGEST),
            version: version(fields),
            trunk: fields.text("trunk", LONGEST),
            direction: fields.word("direction", &DIRECTIONS.map(|one| (one.as_str(), one))),
            disposition: fields.word("disposition", &DISPOSITIONS.map(|one| (one.as_str(), one))),
            verdict: fields.word("verdict", &VERDICTS),
            subtype: fields.word("subtype", &SUBTYPES.map(|one| (one.as_str(), one))),
            outcome: fields.text("outcome", LONGEST),
            number: digits(fields),
            progress: fields.word("progress", &PROGRESS).unwrap_or(Progress::Any),
            since: moment(fields, "since"),
            until: moment(fields, "until"),
        }
    }
}

fn version(fields: &mut Fields<'_>) -> Option<String> {
    let digest = fields.text("version", 64)?;
    if digest.len() >= 4 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Some(digest);
    }
    fields.fault("version", "is no digest, or less than four characters of one");
    None
}

fn digits(fields: &mut Fields<'_>) -> Option<String> {
    let number = fields.text("number", LONGEST)?;
    if is_linked_contact(&number) || number.chars().filter(char::is_ascii_digit).count() >= FEWEST_DIGITS {
        return Some(number);
    }
    fields.fault("number", "has fewer than three digits");
    None
}

impl WantedCalls {
    /// For the store. `country` is that of a number which does not name its own.
    pub(crate) fn filter(self, visibility: Visibility, country: Option<Country>) -> CallFilter {
        CallFilter {
            app_id: self.app_id,
            bot_id: self.bot_id,
            disposition: self.disposition,
            amd_event: self.verdict,
            amd_subtype: self.subtype,
            direction: self.direction,
            campaign_id: self.campaign,
            flow: self.flow,
            flow_digest: self.version,
            trunk: self.trunk,
            outcome: self.outcome,
            begins: self.number.as_deref().is_some_and(|number| number.trim_start().starts_with('+')),
            digits: self.number.map(|number| {
                if is_linked_contact(&number) { number } else { number::key(&number, country) }
            }),
            progress: self.progress,
            since_ms: self.since,
            until_ms: self.until,
            ..CallFilter::within(visibility)
        }
    }
}
