//! The settings of a campaign as fields of a form, and back.

use callcore::campaign::{Outcome, Problem, RetryRule, Settings, Span, presets};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::lines::{caller, hours, split, variable, variable_line, written};
use crate::console::forms::Written;

/// Outcomes whose retries have fields of their own.
pub(super) const RETRIED: [Outcome; 7] = [
    Outcome::Busy,
    Outcome::NoAnswer,
    Outcome::NetworkMailbox,
    Outcome::VoicemailUnheard,
    Outcome::Screening,
    Outcome::HungUpEarly,
    Outcome::Unclear,
];

/// What a form holds.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) description: String,
    /// A line for each: `name = value`.
    pub(super) variables: String,
    pub(super) callback_outcome: String,
    pub(super) callback_variable: String,
    pub(super) breaker_percent: String,
    pub(super) breaker_of: String,
    pub(super) breaker_pause: String,
    pub(super) flow: String,
    pub(super) canary_flow: String,
    pub(super) canary_percent: String,
    pub(super) lists: Vec<String>,
    pub(super) suppression_lists: Vec<String>,
    pub(super) notify_url: String,
    pub(super) preset: String,
    pub(super) windows: String,
    pub(super) holidays_of: String,
    pub(super) closed_on: String,
    pub(super) zone: String,
    pub(super) starts: String,
    pub(super) ends: String,
    pub(super) consent_within: String,
    pub(super) never_call: String,
    pub(super) concurrent: String,
    pub(super) per_second: String,
    pub(super) ramp_up: String,
    pub(super) priority: String,
    pub(super) per_day: String,
    pub(super) in_all: String,
    pub(super) minutes_per_day: String,
    pub(super) minutes_in_all: String,
    pub(super) abandon_limit: String,
    pub(super) caller_ids: String,
    pub(super) trunk: String,
    pub(super) machine_detection: String,
    pub(super) ring: String,
    /// By outcome: how often, after how long.
    pub(super) retry: Vec<Retry>,
}

/// The fields of one outcome.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Retry {
    pub(super) outcome: &'static str,
    pub(super) times: String,
    pub(super) after: String,
    pub(super) other: bool,
}

impl Draft {
    /// The fields for settings.
    pub(super) fn of(name: &str, settings: &Settings) -> Self {
        let optional = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
        let callback = settings.callback.as_ref();
        let callers = settings.caller_ids.iter().map(|caller| match caller.per_day {
            Some(most) => format!("{} = {most}", caller.number),
            None => caller.number.clone(),
        });
        Self {
            name: name.to_owned(),
            description: settings.description.clone().unwrap_or_default(),
            variables: settings.variables.iter().map(variable_line).collect::<Vec<_>>().join("\n"),
            callback_outcome: callback.map(|callback| callback.outcome.clone()).unwrap_or_default(),
            callback_variable: callback.map(|callback| callback.variable.clone()).unwrap_or_default(),
            breaker_percent: settings.pacing.breaker.percent.to_string(),
            breaker_of: settings.pacing.breaker.of.to_string(),
            breaker_pause: settings.pacing.breaker.pause.to_string(),
            flow: settings.flow.clone(),
            canary_flow: settings.canary.as_ref().map(|canary| canary.flow.clone()).unwrap_or_default(),
            canary_percent: optional(settings.canary.as_ref().map(|canary| canary.percent)),
            lists: settings.lists.clone(),
            suppression_lists: settings.suppression_lists.clone(),
            notify_url: settings.notify_url.clone().unwrap_or_default(),
            preset: settings.preset.clone().unwrap_or_default(),
            windows: settings.windows.iter().map(written).collect::<Vec<_>>().join("\n"),
            holidays_of: settings.holidays_of.join(", "),
            closed_on: settings.closed_on.join(", "),
            zone: settings.zone.clone().unwrap_or_default(),
            starts: settings.starts.clone().unwrap_or_default(),
            ends: settings.ends.clone().unwrap_or_default(),
            consent_within: settings.consent_within.map(|span| span.to_string()).unwrap_or_default(),
            never_call: settings.never_call.join(", "),
            concurrent: settings.pacing.concurrent.to_string(),
            per_second: settings.pacing.per_second.to_string(),
            ramp_up: settings.pacing.ramp_up.to_string(),
            priority: settings.pacing.priority.to_string(),
            per_day: settings.caps.per_day.to_string(),
            in_all: settings.caps.in_all.to_string(),
            minutes_per_day: optional(settings.budget.minutes_per_day),
            minutes_in_all: optional(settings.budget.minutes_in_all),
            abandon_limit: settings.abandon_limit.map(|limit| limit.to_string()).unwrap_or_default(),
            caller_ids: callers.collect::<Vec<_>>().join("\n"),
            trunk: settings.trunk.clone().unwrap_or_default(),
            machine_detection: settings.machine_detection.map(detection).unwrap_or_default(),
            ring: settings.ring_timeout.map(|span| span.to_string()).unwrap_or_default(),
            retry: RETRIED
                .iter()
                .map(|outcome| Retry::of(*outcome, &settings.retry.rule(*outcome)))
                .collect(),
        }
    }

    /// What somebody wrote into the form.
    pub(super) fn read(written: &Written) -> Self {
        let text = |name: &str| written.text(name).to_owned();
        let chosen = |kind: &str| {
            let own = |(name, _): (String, String)| Some(name.strip_prefix(kind)?.to_owned());
            written.pairs().into_iter().filter_map(own).collect::<Vec<_>>()
        };
        let retry = RETRIED.iter().map(|outcome| {
            let field = |part: &str| text(&format!("retry:{}:{part}", outcome.as_str()));
            let (times, after, other) = (field("times"), field("after"), !field("other").is_empty());
            Retry { outcome: outcome.as_str(), times, after, other }
        });
        Self {
            name: text("name"),
            description: text("description"),
            variables: written.exactly("variables"),
            callback_outcome: text("callback_outcome"),
            callback_variable: text("callback_variable"),
            breaker_percent: text("breaker_percent"),
            breaker_of: text("breaker_of"),
            breaker_pause: text("breaker_pause"),
            flow: text("flow"),
            canary_flow: text("canary_flow"),
            canary_percent: text("canary_percent"),
            lists: chosen("list:"),
            suppression_lists: chosen("suppress:"),
            notify_url: text("notify_url"),
            preset: text("preset"),
            windows: written.exactly("windows"),
            holidays_of: text("holidays_of"),
            closed_on: text("closed_on"),
            zone: text("zone"),
            starts: text("starts"),
            ends: text("ends"),
            consent_within: text("consent_within"),
            never_call: text("never_call"),
            concurrent: text("concurrent"),
            per_second: text("per_second"),
            ramp_up: text("ramp_up"),
            priority: text("priority"),
            per_day: text("per_day"),
            in_all: text("in_all"),
            minutes_per_day: text("minutes_per_day"),
            minutes_in_all: text("minutes_in_all"),
            abandon_limit: text("abandon_limit"),
            caller_ids: written.exactly("caller_ids"),
            trunk: text("trunk"),
            machine_detection: text("machine_detection"),
            ring: text("ring"),
            retry: retry.collect(),
        }
    }

    /// The settings that the fields mean; what has no field stays as it is in `stood`.
    ///
    /// # Errors
    /// All that cannot be read.
    pub(super) fn settings(&self, stood: &Settings) -> Result<Settings, Vec<Problem>> {
        let mut document = match serde_json::to_value(stood) {
            Ok(Value::Object(document)) => document,
            Ok(_) | Err(_) => Map::new(),
        };
        let mut problems = Vec::new();
        let mut note = |field: &str, problem: &str| {
            problems.push(Problem { field: field.to_owned(), problem: problem.to_owned() });
        };
        for (field, text) in
            [("pacing.ramp_up", &self.ramp_up), ("pacing.breaker.pause", &self.breaker_pause)]
        {
            if let Err(wrong) = text.parse::<Span>() {
                note(field, &wrong.to_string());
            }
        }
        let mut decimal = |field: &str, text: &str| match text.replace(',', ".").parse::<f64>() {
            Ok(number) if number.is_finite() => json!(number),
            Ok(_) | Err(_) => {
                note(field, "is no number");
                Value::Null
            }
        };
        let per_second = decimal("pacing.per_second", &self.per_second);
        let abandon_limit =
            (!self.abandon_limit.is_empty()).then(|| decimal("abandon_limit", &self.abandon_limit));
        let mut number = |field: &str, text: &str| match text.parse::<u32>() {
            Ok(number) => json!(number),
            Err(_) => {
                note(field, "is no whole number");
                Value::Null
            }
        };
        document.insert("flow".into(), json!(self.flow));
        document.insert("lists".into(), json!(self.lists));
        document.insert("suppression_lists".into(), json!(self.suppression_lists));
        document.insert("caps".into(), json!({
            "per_day": number("caps.per_day", &self.per_day), "in_all": number("caps.in_all", &self.in_all),
        }));
        let mut pacing = serde_json::to_value(&stood.pacing).unwrap_or_default();
        pacing["concurrent"] = number("pacing.concurrent", &self.concurrent);
        pacing["per_second"] = per_second;
        pacing["priority"] = number("pacing.priority", &self.priority);
        pacing["ramp_up"] = json!(self.ramp_up);
        pacing["breaker"] = json!({
            "percent": number("pacing.breaker.percent", &self.breaker_percent),
            "of": number("pacing.breaker.of", &self.breaker_of),
            "pause": self.breaker_pause,
        });
        document.insert("pacing".into(), pacing);
        let mut budget = Map::new();
        for (name, text) in
            [("minutes_per_day", &self.minutes_per_day), ("minutes_in_all", &self.minutes_in_all)]
        {
            if !text.is_empty() {
                budget.insert(name.into(), number(&format!("budget.{name}"), text));
            }
        }
        document.insert("budget".into(), Value::Object(budget));
        let canary = (!self.canary_flow.is_empty()).then(
            || json!({ "flow": self.canary_flow, "percent": number("canary.percent", &self.canary_percent) }),
        );
        let mut retry = serde_json::to_value(&stood.retry).unwrap_or_default();
        for one in &self.retry {
            let times = number(&format!("retry.{}.times", one.outcome), &one.times);
            let after: Vec<&str> = split(&one.after);
            retry[one.outcome] = json!({ "times": times, "after": after, "other_part_of_day": one.other });
        }
        document.insert("retry".into(), retry);
        let windows: Vec<Value> = self
            .windows
            .lines()
            .filter(|line| !line.trim().is_empty())
            .filter_map(|line| {
                let hours = hours(line);
                if hours.is_none() {
                    note("windows", &format!("{:?} is no window; write `mon-sat 08:00-20:00`", line.trim()));
                }
                hours
            })
            .collect();
        document.insert("windows".into(), json!(windows));
        let mut variables = Map::new();
        for line in self.variables.lines().filter(|line| !line.trim().is_empty()) {
            match variable(line) {
                Some((name, value)) => drop(variables.insert(name, value)),
                None => note("variables", &format!("{:?} is no variable; write `name = value`", line.trim())),
            }
        }
        document.insert("variables".into(), Value::Object(variables));
        let callback = match (self.callback_outcome.is_empty(), self.callback_variable.is_empty()) {
            (true, true) => None,
            (false, false) => {
                Some(json!({ "outcome": self.callback_outcome, "variable": self.callback_variable }))
            }
            (_, _) => {
                note("callback", "needs both: the outcome, and the variable with the time");
                None
            }
        };
        let callers = self.caller_ids.lines().filter(|line| !line.trim().is_empty()).map(caller);
        document.insert("caller_ids".into(), json!(callers.collect::<Vec<_>>()));
        for (name, text) in [
            ("holidays_of", &self.holidays_of),
            ("closed_on", &self.closed_on),
            ("never_call", &self.never_call),
        ] {
            document.insert(name.into(), json!(split(text)));
        }
        for (name, value) in [
            ("canary", canary),
            ("abandon_limit", abandon_limit),
            ("callback", callback),
            ("description", filled(&self.description)),
            ("preset", filled(&self.preset)),
            ("zone", filled(&self.zone)),
            ("starts", filled(&self.starts)),
            ("ends", filled(&self.ends)),
            ("consent_within", filled(&self.consent_within)),
            ("trunk", filled(&self.trunk)),
            ("notify_url", filled(&self.notify_url)),
            ("machine_detection", filled(&self.machine_detection)),
        ] {
            match value {
                Some(value) => document.insert(name.into(), value),
                None => document.remove(name),
            };
        }
        let ring = (!self.ring.is_empty()).then(|| self.ring.parse::<Span>()).transpose();
        if let Err(wrong) = &ring {
            problems.push(Problem { field: "ring".to_owned(), problem: wrong.to_string() });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let settings = Settings::read(&document)?;
        Ok(Settings { ring_timeout: ring.ok().flatten(), ..settings })
    }

    /// Adds days on which nobody is called.
    pub(super) fn close_on(&mut self, days: &[Date]) {
        let mut closed: Vec<String> = split(&self.closed_on).into_iter().map(str::to_owned).collect();
        for day in days.iter().map(Date::to_string) {
            if !closed.contains(&day) {
                closed.push(day);
            }
        }
        self.closed_on = closed.join(", ");
    }

    /// Takes over what a preset sets.
    pub(super) fn take_preset(&mut self, name: &str) {
        let Some(preset) = presets().into_iter().find(|preset| preset.name == name) else { return };
        let Some(part) = preset.settings.as_object() else { return };
        let Ok(settings) = Settings::read(part) else { return };
        let of_preset = Self::of("", &settings);
        self.preset = preset.name;
        (self.windows, self.holidays_of) = (of_preset.windows, of_preset.holidays_of);
        (self.per_day, self.in_all) = (of_preset.per_day, of_preset.in_all);
        self.consent_within = of_preset.consent_within;
        self.abandon_limit = of_preset.abandon_limit;
    }
}

impl Retry {
    fn of(outcome: Outcome, rule: &RetryRule) -> Self {
        let after: Vec<String> = rule.after.iter().map(ToString::to_string).collect();
        let (outcome, times) = (outcome.as_str(), rule.times.to_string());
        Self { outcome, times, after: after.join(", "), other: rule.other_part_of_day }
    }
}

fn filled(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!(text))
}

fn detection(mode: callcore::flow::MachineDetection) -> String {
    serde_json::to_value(mode).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_nobody_touched_changes_nothing() {
        let document = json!({
            "flow": "f@abc", "lists": ["ls_1"], "suppression_lists": ["ls_2"], "zone": "Asia/Jakarta", "notify_url": "https://a.example/x",
            "windows": [{ "days": ["mon", "tue", "sat"], "from": "08:00", "until": "20:00" }],
            "caller_ids": [{ "number": "+622150001", "per_day": 200 }, { "number": "+62 21 5000 2" }],
            "description": "What <May> is for", "callback": { "outcome": "later", "variable": "when" },
            "variables": { "shop": "Menteng", "debt": 250, "code": "007", "plan": ["a", "b"], "two": "a\nb", "no": "", "n": "12" },
            "abandon_limit": 2.5, "pacing": { "per_second": 0.5, "breaker": { "percent": 7, "of": 30, "pause": "2m" } }, "budget": { "minutes_in_all": 90 },
            "retry": { "busy": { "times": 1, "after": ["5m", "1h"] }, "lost": { "times": 0 } },
        });
        let settings = Settings::read(document.as_object().unwrap()).unwrap();
        let draft = Draft::of("May", &settings);
        let again = draft.settings(&settings).unwrap();
        let with_usual = Settings { retry: again.retry.clone(), ..settings.clone() };
        assert_eq!(again, with_usual);
        for outcome in RETRIED {
            assert_eq!(again.retry.rule(outcome), settings.retry.rule(outcome), "{outcome:?}");
        }
    }

    #[test]
    fn a_preset_fills_the_fields_and_wrong_ones_are_all_named() {
        let mut draft = Draft::of("", &Settings::default());
        draft.take_preset("id-collections");
        assert_eq!((draft.windows.as_str(), draft.holidays_of.as_str()), ("mon-sat 08:00-20:00", "ID"));
        draft.windows.push_str("\nsometimes");
        draft.concurrent = "many".into();
        draft.abandon_limit = "few".into();
        draft.variables = "shop Menteng".into();
        draft.callback_outcome = "later".into();
        let problems = draft.settings(&Settings::default()).unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["abandon_limit", "pacing.concurrent", "windows", "variables", "callback"]);
        draft.take_preset("uk-ofcom");
        assert_eq!(draft.abandon_limit, "3");
    }
}
