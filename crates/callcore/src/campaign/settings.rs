//! What a campaign manager sets, as it is written: one document in the API, in a file and in the editor. Each change of it is a
//! revision.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::retry::RetryPlan;
use super::span::Span;
use crate::flow::MachineDetection;
use crate::language::nearest;

/// The settings of a campaign. What is left out has its usual value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What it is for, in the words of who made it; for people, and for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The flow that calls run: `name`, `name@label` or `name@digest`.
    pub flow: String,
    /// A share of the calls runs another version first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Contact lists, by id or name.
    pub lists: Vec<String>,
    /// The preset that fills in the windows, holidays, caps and consent that are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Hours in which contacts may be called, by their own clocks. None: at any hour.
    pub windows: Vec<Hours>,
    /// Nobody is called on the national holidays of these countries (`ID`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holidays_of: Vec<String>,
    /// Further days on which nobody is called: `2026-12-24`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed_on: Vec<String>,
    /// The zone of contacts whose own nobody knows. Without it they wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Not before and not from then on: `2026-12-01T08:00+07:00`, or a day in `zone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// Contacts must have given a consent, not longer ago than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_within: Option<Span>,
    /// Beginnings of numbers that this campaign does not call, besides the do-not-call list: `+6221`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never_call: Vec<String>,
    /// Contact lists, by id or name, whose numbers this campaign does not call, such as of people who have paid meanwhile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suppression_lists: Vec<String>,
    /// The field of a contact's variables by which a call at a spoken time is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    pub retry: RetryPlan,
    pub caps: Caps,
    pub pacing: Pacing,
    /// Numbers that calls are made from, in turn. None: that of the trunk.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caller_ids: Vec<CallerId>,
    pub budget: Budget,
    /// Most calls, of a hundred that a person answers, in which the bot's first word may come late or never. People are warned above it;
    /// nothing is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abandon_limit: Option<f64>,
    /// The trunk; the first one configured when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
    /// Goes before what the flow says about machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_detection: Option<MachineDetection>,
    /// How long an unanswered call rings; as the server is configured when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_timeout: Option<Span>,
    /// Where the events of each call and of the campaign are posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<String>,
    /// Variables of the flow that are the same for all contacts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Value>,
}

impl Settings {
    /// Reads settings from a JSON object; `null` is as if it were absent.
    ///
    /// # Errors
    /// All that is wrong with it, field by field.
    pub fn read(document: &Map<String, Value>) -> Result<Self, Vec<Problem>> {
        let usual = Self::every_name();
        let mut problems = Vec::new();
        let given = document.iter().filter(|(name, value)| !(value.is_null() && usual.contains(name)));
        let document: Map<String, Value> = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, value) in &document {
            let problem = if usual.contains(name) {
                let alone = Value::Object([(name.clone(), value.clone())].into_iter().collect());
                serde_json::from_value::<Self>(alone).err().map(|error| plain(&error))
            } else {
                let meant = nearest(name, usual.iter().map(String::as_str));
                let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
                Some(format!("is no setting of a campaign{meant}"))
            };
            problems.extend(problem.map(|problem| Problem { field: name.clone(), problem }));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        serde_json::from_value(Value::Object(document))
            .map_err(|error| vec![Problem { field: "settings".into(), problem: plain(&error) }])
    }

    /// The names of all settings.
    fn every_name() -> Vec<String> {
        const OPTIONAL: [&str; 16] = [
            "description",
            "abandon_limit",
            "canary",
            "preset",
            "holidays_of",
            "closed_on",
            "zone",
            "starts",
            "ends",
            "consent_within",
            "never_call",
            "suppression_lists",
            "callback",
            "caller_ids",
            "trunk",
            "machine_detection",
        ];
        const MORE: [&str; 3] = ["ring_timeout", "notify_url", "variables"];
        let written = serde_json::to_value(Self::default()).unwrap_or_default();
        let always = written.as_object().into_iter().flat_map(|object| object.keys().cloned());
        always.chain(OPTIONAL.into_iter().chain(MORE).map(str::to_owned)).collect()
    }
}

/// What a reader of JSON says, without the place in a text that nobody has.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    let text =
        text.replace("a sequence", "a list").replace("f64", "a number").replace("u32", "a whole number");
    let (before, after) = text.split_once("expected struct ").unwrap_or((&text, ""));
    if after.is_empty() { before.to_owned() } else { format!("{before}expected an object, {{ … }}") }
}

/// A version on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    pub flow: String,
    /// Share of the contacts, percent, 1 to 99.
    pub percent: u32,
}

/// Hours of some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    pub days: Vec<Weekday>,
    /// `08:00`.
    pub from: String,
    /// Later than `from`; `24:00` ends the day.
    pub until: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// How the flow tells that the callee wants a call at another time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    /// The flow's outcome of such a call.
    pub outcome: String,
    /// The variable with the time: `2026-12-01 14:30`, by the contact's clock.
    pub variable: String,
}

/// The most attempts there may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Caps {
    /// For a number on a day, all campaigns together.
    pub per_day: u32,
    /// For a contact in this campaign.
    pub in_all: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self { per_day: 3, in_all: 6 }
    }
}

/// How fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pacing {
    /// Calls at a time.
    pub concurrent: u32,
    /// Dials a second.
    pub per_second: f64,
    /// After the launch, and after each pause, the rate rises from a tenth to the whole within this time.
    pub ramp_up: Span,
    /// 1 (last) to 5 (first): its share of a trunk that several campaigns use.
    pub priority: u32,
    pub breaker: Breaker,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            concurrent: 10,
            per_second: 1.0,
            ramp_up: Span::minutes(1),
            priority: 3,
            breaker: Breaker::default(),
        }
    }
}

/// When to stop because the network fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Of the latest calls, as many as `of`, percent that may fail by a fault of the network; 0 turns it off.
    pub percent: u32,
    pub of: u32,
    /// How long nobody is dialled then. One call is tried after it, and decides.
    pub pause: Span,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { percent: 50, of: 20, pause: Span::minutes(5) }
    }
}

/// A number that calls are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerId {
    pub number: String,
    /// Most calls from it on a day (UTC), all campaigns together; as many as there are when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
}

/// The most minutes on the telephone, from answer to end, rounded up call by call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes_per_day: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes_in_all: Option<u32>,
}

/// Something that is wrong in the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where, as in `windows[0].until`.
    pub field: String,
    /// What, and what to do.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}
