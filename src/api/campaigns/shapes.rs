//! Campaigns as they are written on the wire.

use callcore::campaign::{Settings, presets};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::api::error::{Code, Problem};
use crate::api::extract::{cursor, page_size};
use crate::api::fields::{self, Fields};
use crate::campaigns::Hold;
use crate::store::{AttemptCount, CampaignRow, Cursor, PlaceCount, RevisionRow};
use crate::wallclock::iso;

/// Longest name, characters.
const LONGEST_NAME: usize = 120;

/// A campaign. Times are ISO 8601, UTC.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Campaign {
    campaign_id: String,
    name: String,
    /// `draft`, `ready`, `running`, `paused`, `draining`, `done` or `stopped`.
    state: String,
    /// Counts the changes of the settings.
    revision: i64,
    /// As documented in `docs/campaigns.md`.
    #[schema(value_type = Object)]
    settings: Value,
    author: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// The revision that the last pre-flight looked at.
    preflight_revision: Option<i64>,
    #[schema(format = DateTime)]
    launched_at: Option<String>,
    launched_by: Option<String>,
    /// What the one who launched it stated on consent.
    consent: Option<String>,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Contacts by where they stand, and by the rule that decided.
    contacts: Contacts,
    /// What came of attempts, by outcome.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    outcomes: Value,
    attempts: i64,
    /// From answer to end, each call rounded up.
    minutes: i64,
    /// What holds it back now, where it runs.
    #[schema(value_type = Option<Object>)]
    hold: Value,
}

/// Where contacts stand.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = CampaignContacts)]
pub(crate) struct Contacts {
    total: i64,
    waiting: i64,
    calling: i64,
    done: i64,
    exhausted: i64,
    excluded: i64,
    /// How many by the rule that decided last.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    by_rule: Value,
}

impl Contacts {
    pub(crate) const fn total(&self) -> i64 {
        self.total
    }

    pub(crate) const fn waiting(&self) -> i64 {
        self.waiting
    }

    pub(crate) const fn calling(&self) -> i64 {
        self.calling
    }

    /// Those who are done with, in whichever way.
    pub(crate) const fn through(&self) -> i64 {
        self.done + self.exhausted + self.excluded
    }

    pub(crate) fn of(counts: &[PlaceCount]) -> Self {
        let mut contacts = Self::default();
        let mut by_rule = Map::new();
        for count in counts {
            contacts.total += count.places;
            let state = match count.state.as_str() {
                "waiting" => &mut contacts.waiting,
                "calling" => &mut contacts.calling,
                "done" => &mut contacts.done,
                "exhausted" => &mut contacts.exhausted,
                _ => &mut contacts.excluded,
            };
            *state += count.places;
            let known = by_rule.get(&count.rule).and_then(Value::as_i64).unwrap_or(0);
            by_rule.insert(count.rule.clone(), json!(known + count.places));
        }
        contacts.by_rule = Value::Object(by_rule);
        contacts
    }
}

impl Campaign {
    pub(crate) fn of(
        row: CampaignRow,
        counts: Vec<PlaceCount>,
        attempts: &[AttemptCount],
        hold: Option<&Hold>,
    ) -> Self {
        let mut outcomes = Map::new();
        for count in attempts.iter().filter(|count| !count.outcome.is_empty()) {
            let known = outcomes.get(&count.outcome).and_then(Value::as_i64).unwrap_or(0);
            outcomes.insert(count.outcome.clone(), json!(known + count.attempts));
        }
        Self {
            campaign_id: row.id,
            name: row.name,
            state: row.state.as_str().to_owned(),
            revision: row.revision,
            settings: serde_json::to_value(&row.settings).unwrap_or_default(),
            author: row.author,
            created_at: iso(row.created_ms),
            updated_at: iso(row.updated_ms),
            preflight_revision: row.preflight_revision,
            launched_at: row.launched_ms.map(iso),
            launched_by: row.launched_by,
            consent: row.consent,
            ended_at: row.ended_ms.map(iso),
            contacts: Contacts::of(&counts),
            outcomes: Value::Object(outcomes),
            attempts: attempts.iter().map(|count| count.attempts).sum(),
            minutes: attempts.iter().map(|count| count.minutes).sum(),
            hold: serde_json::to_value(hold).unwrap_or_default(),
        }
    }
}

/// A page of campaigns, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignList {
    pub(crate) campaigns: Vec<Campaign>,
    /// The parameter `after` of the next page; `null` on the last one.
    pub(crate) next: Option<String>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Campaigns on a page; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    pub(crate) limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = r"^[0-9]{1,15}\.[A-Za-z0-9._-]+$")]
    pub(crate) after: Option<Cursor>,
}

impl fields::Given for ListQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { limit: page_size(fields), after: cursor(fields) }
    }
}

/// A campaign as it is written.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCampaign, example = json!({ "name": "November reminders", "settings": { "flow": "reminder",
    "lists": ["november"], "windows": [{ "days": ["mon", "tue"], "from": "08:00", "until": "20:00" }] } }))]
pub(crate) struct Body {
    #[schema(min_length = 1, max_length = 120)]
    pub(crate) name: String,
    /// As documented in `docs/campaigns.md`; what is left out has its usual value.
    #[schema(value_type = Object)]
    pub(crate) settings: Map<String, Value>,
}

impl fields::Given for Body {
    fn read(fields: &mut Fields<'_>) -> Self {
        let name = fields
            .required("name", "give the campaign a name", |fields, name| fields.text(name, LONGEST_NAME));
        let settings = fields
            .required("settings", "say at least `flow` and `lists`", |fields, name| fields.object(name));
        Self { name, settings }
    }
}

/// What is to change.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignChange, example = json!({ "revision": 3, "settings": { "pacing": { "concurrent": 20 } } }))]
pub(crate) struct Change {
    /// The revision that you saw.
    pub(crate) revision: i64,
    #[schema(min_length = 1, max_length = 120)]
    pub(crate) name: Option<String>,
    /// Settings that change, each as a whole; `null` gives one its usual value.
    #[schema(value_type = Option<Object>)]
    pub(crate) settings: Option<Map<String, Value>>,
}

impl fields::Given for Change {
    fn read(fields: &mut Fields<'_>) -> Self {
        let revision = fields.required("revision", "say which revision you saw", |fields, name| {
            fields.whole(name, 1..=i64::MAX)
        });
        let name = fields.text("name", LONGEST_NAME);
        let settings = fields.object("settings");
        Self { revision, name, settings }
    }
}

/// Reads settings.
pub(crate) fn settings(given: &Map<String, Value>) -> Result<Settings, Problem> {
    Settings::read(given).map_err(|problems| {
        let what = "the settings cannot be read; `errors` names every field that is wrong";
        problems.iter().fold(Problem::new(Code::Invalid, what), |problem, wrong| {
            problem.with_field(&wrong.field, &wrong.problem)
        })
    })
}

/// Settings with some of them changed.
pub(crate) fn merged(stood: &Settings, given: Option<Map<String, Value>>) -> Result<Settings, Problem> {
    let mut whole = match serde_json::to_value(stood) {
        Ok(Value::Object(whole)) => whole,
        Ok(_) | Err(_) => Map::new(),
    };
    for (name, value) in given.into_iter().flatten() {
        if value.is_null() {
            whole.remove(&name);
        } else {
            whole.insert(name, value);
        }
    }
    settings(&whole)
}

/// Changes of the settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionList {
    revisions: Vec<Revision>,
}

/// One change of the settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignRevision)]
struct Revision {
    revision: i64,
    #[schema(value_type = Object)]
    settings: Value,
    author: String,
    #[schema(format = DateTime)]
    at: String,
}

impl From<Vec<RevisionRow>> for RevisionList {
    fn from(rows: Vec<RevisionRow>) -> Self {
        let revisions = rows.into_iter().map(|row| Revision {
            revision: row.revision,
            settings: serde_json::to_value(&row.settings).unwrap_or_default(),
            author: row.author,
            at: iso(row.at_ms),
        });
        Self { revisions: revisions.collect() }
    }
}

/// Settings to begin with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PresetList {
    presets: Vec<Preset>,
}

/// Settings for a country and a purpose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignPreset)]
struct Preset {
    name: String,
    title: String,
    /// When it was last compared with its source.
    dated: String,
    source: String,
    note: String,
    /// The settings that it sets.
    #[schema(value_type = Object)]
    settings: Value,
}

impl PresetList {
    pub(crate) fn all() -> Self {
        let presets = presets().into_iter().map(|preset| Preset {
            name: preset.name,
            title: preset.title,
            dated: preset.dated,
            source: preset.source,
            note: preset.note,
            settings: preset.settings,
        });
        Self { presets: presets.collect() }
    }
}
