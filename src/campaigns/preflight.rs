//! Before the launch: for every contact when it will be called first, or the rule that stops it; how long it will take; what they will
//! hear; and what is in the way.

use std::sync::Arc;

use callcore::campaign::{
    Decision, Facts, Forecast, Group, Mix, Problem, Reason, Rule, Rules, decide, forecast,
};
use callcore::flow::{Part, Run};
use serde::{Deserialize, Serialize};

use super::dialler::variables;
use super::places::{Places, exclusions};
use crate::flows::Catalog;
use crate::store::{self, CampaignRow, PlaceFilter, PlaceRow, PlaceState, Store, ZoneVerdict};

/// Contacts whose prompts are shown.
const SAMPLES: u32 = 10;
/// Prompts of each that are shown, and how many characters of one.
const PROMPTS: usize = 12;
const LONGEST: usize = 400;

/// What a pre-flight found.
#[derive(Clone, Debug, Serialize)]
pub struct Preflight {
    /// The revision of the settings that was looked at.
    pub revision: i64,
    pub at_ms: i64,
    /// Contacts in the campaign, each number once.
    pub contacts: u64,
    /// Contacts of the lists whose number another one has.
    pub duplicates: u64,
    pub by_rule: Vec<RuleCount>,
    pub forecast: Forecast,
    /// What calls were assumed to be like.
    pub mix: Mix,
    /// The version that calls run: name and digest.
    pub flow: Option<(String, String)>,
    /// What the first contacts will hear.
    pub samples: Vec<Sample>,
    /// What deserves a look.
    pub warnings: Vec<Problem>,
    /// What has to be mended before the launch.
    pub blockers: Vec<Problem>,
}

/// Contacts that a rule decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    /// `waiting` or `excluded`; the others once it was launched.
    pub state: String,
    pub rule: String,
    pub contacts: i64,
}

/// What a contact will hear, as far as it is known before the call.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    pub place: i64,
    pub name: Option<String>,
    pub prompts: Vec<String>,
    /// Why it cannot be called.
    pub problem: Option<String>,
}

/// How far a pre-flight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Contacts are taken over from the lists.
    Lists,
    /// Rules are applied.
    Rules,
    /// The campaign is run ahead of time.
    Forecast,
    Done,
}

/// Looks ahead.
pub(super) struct Flight<'a> {
    pub(super) store: &'a Store,
    pub(super) flows: &'a Arc<Catalog>,
    pub(super) campaign: &'a CampaignRow,
    pub(super) rules: &'a Rules,
    pub(super) now_ms: i64,
}

impl Flight<'_> {
    /// Fills the campaign from its lists, decides on every contact, and foretells. `lists` are their ids.
    pub(super) async fn fly(
        &self,
        lists: &[String],
        mut tell: impl FnMut(Progress),
    ) -> Result<Preflight, store::Error> {
        let (store, id, settings) = (self.store, &self.campaign.id, self.rules.settings());
        tell(Progress::Lists);
        store.drop_unlisted_places(id, lists).await?;
        if Places::are_behind(self.campaign) {
            store.decide_anew(id, &exclusions(self.rules, self.now_ms), self.campaign.revision).await?;
        }
        let zones = store.list_zones(lists).await?;
        let verdicts: Vec<ZoneVerdict> = zones.into_iter().map(|count| self.verdict(count.zone)).collect();
        store.fill_places(id, lists, &verdicts).await?;
        tell(Progress::Rules);
        store.exclude_places(id, &exclusions(self.rules, self.now_ms)).await?;
        let groups = self.decide_zones().await?;
        tell(Progress::Forecast);
        let flow = self.flows.find(&settings.flow).await;
        let mut blockers = Vec::new();
        let named = match &flow {
            Ok(flow) => Some((flow.flow.name().to_owned(), flow.digest.clone())),
            Err(error) => {
                blockers.push(problem("flow", error.to_string()));
                None
            }
        };
        if let Some(canary) = &settings.canary
            && let Err(error) = self.flows.find(&canary.flow).await
        {
            blockers.push(problem("canary.flow", error.to_string()));
        }
        let mix = self.mix(named.as_ref().map(|(name, _)| name.as_str())).await?;
        let (rules, now_ms) = (self.rules.clone(), self.now_ms);
        let foretold = tokio::task::spawn_blocking(move || forecast(&rules, &groups, &mix, now_ms)).await;
        let forecast = foretold.unwrap_or_default();
        let counts = store.place_counts(id).await?;
        let contacts: i64 = counts.iter().map(|count| count.places).sum();
        let by_rule: Vec<RuleCount> = counts
            .into_iter()
            .map(|count| RuleCount { state: count.state, rule: count.rule, contacts: count.places })
            .collect();
        let listed = self.listed(lists).await?;
        let samples = match &flow {
            Ok(flow) => self.samples(flow).await?,
            Err(_) => Vec::new(),
        };
        let trial = match &settings.canary {
            Some(canary) => match self.flows.find(&canary.flow).await {
                Ok(trial) => self.samples(&trial).await?,
                Err(_) => Vec::new(),
            },
            None => Vec::new(),
        };
        for (field, samples) in [("flow", &samples), ("canary.flow", &trial)] {
            if let Some(why) = samples.iter().find_map(|sample| sample.problem.as_ref())
                && samples.iter().all(|sample| sample.problem.is_some())
            {
                let text = format!("cannot call any of the first {} contacts: {why}", samples.len());
                blockers.push(problem(field, text));
            }
        }
        let mut warnings = self.rules.warnings(self.now_ms);
        self.warn(&by_rule, &samples, &forecast, &mut warnings);
        let waiting: i64 =
            by_rule.iter().filter(|count| count.state == "waiting").map(|count| count.contacts).sum();
        if waiting == 0 {
            blockers.push(problem("lists", "no contact can be called: see the counts by rule".to_owned()));
        }
        tell(Progress::Done);
        Ok(Preflight {
            revision: self.campaign.revision,
            at_ms: self.now_ms,
            contacts: contacts.unsigned_abs(),
            duplicates: listed.saturating_sub(contacts.unsigned_abs()),
            by_rule,
            forecast,
            mix,
            flow: named,
            samples,
            warnings,
            blockers,
        })
    }

    /// Decides on all waiting contacts of each zone at once, and says how many fall due when.
    async fn decide_zones(&self) -> Result<Vec<Group>, store::Error> {
        let mut groups = Vec::new();
        for count in self.store.place_zones(&self.campaign.id).await? {
            let verdict = self.verdict(count.zone.clone());
            let (state, due_ms) = (verdict.state, verdict.due_ms);
            // Those who may be called are due already.
            if verdict.reason != Reason::Due {
                self.store.decide_zone(&self.campaign.id, verdict).await?;
            }
            if state == PlaceState::Waiting {
                groups.push(Group { zone: count.zone, due_ms, contacts: count.places.unsigned_abs() });
            }
        }
        Ok(groups)
    }

    /// The decision on a contact of a zone of whom nothing else is known.
    fn verdict(&self, zone: Option<String>) -> ZoneVerdict {
        let facts = Facts { zone: zone.clone(), ..Facts::default() };
        let (state, due_ms, reason) = match decide(self.rules, &facts, self.now_ms) {
            Decision::Dial { .. } => (PlaceState::Waiting, self.now_ms, Reason::Due),
            Decision::Wait { until_ms, reason } => {
                (PlaceState::Waiting, until_ms.unwrap_or(i64::MAX), reason)
            }
            Decision::Exclude(reason) => (PlaceState::Excluded, self.now_ms, reason),
        };
        // Before its first day the window is that of this day.
        let due_ms = if reason.rule() == Rule::NotStarted {
            self.rules.first_legal(zone.as_deref(), self.now_ms).unwrap_or(due_ms)
        } else {
            due_ms
        };
        ZoneVerdict { zone, state, due_ms, reason }
    }

    async fn listed(&self, lists: &[String]) -> Result<u64, store::Error> {
        let mut contacts = 0;
        for list in lists {
            contacts += self.store.list(list).await?.map_or(0, |list| list.contacts.unsigned_abs());
        }
        Ok(contacts)
    }

    /// What calls of the flow were like; an assumption where there are none.
    async fn mix(&self, flow: Option<&str>) -> Result<Mix, store::Error> {
        let Some(flow) = flow else { return Ok(Mix::default()) };
        let used = self.store.flow_use(flow).await?;
        let calls = used.calls.unsigned_abs();
        if calls == 0 {
            return Ok(Mix::default());
        }
        let talk_ms = used.answered_ms.unsigned_abs() / calls;
        Ok(Mix { talk_ms, from_calls: calls, ..Mix::default() })
    }

    async fn samples(&self, flow: &crate::flows::Stored) -> Result<Vec<Sample>, store::Error> {
        let filter = PlaceFilter { state: Some(PlaceState::Waiting), ..PlaceFilter::default() };
        let page = self.store.places(&self.campaign.id, &filter, SAMPLES).await?;
        Ok(page.items.into_iter().map(|place| self.sample(flow, place)).collect())
    }

    fn sample(&self, flow: &crate::flows::Stored, place: PlaceRow) -> Sample {
        let of_all = self.rules.settings().variables.clone().into_iter().collect();
        let begun = Run::new(Arc::clone(&flow.flow), variables(of_all, &place));
        let (prompts, problem) = match begun {
            Ok(run) => (run.known_prompts().iter().filter_map(said).take(PROMPTS).collect(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Sample { place: place.id, name: place.name, prompts, problem }
    }

    fn warn(
        &self,
        by_rule: &[RuleCount],
        samples: &[Sample],
        forecast: &Forecast,
        warnings: &mut Vec<Problem>,
    ) {
        let of = |rule: &str| {
            by_rule.iter().filter(|count| count.rule == rule).map(|count| count.contacts).sum::<i64>()
        };
        let unknown = of("zone_unknown");
        if unknown > 0 {
            let text = format!(
                "nobody knows the time zone of {unknown} contacts: they wait until `zone`, or the zone of their list, is set"
            );
            warnings.push(problem("zone", text));
        }
        let failing = samples.iter().filter(|sample| sample.problem.is_some()).count();
        if let Some(why) = samples.iter().find_map(|sample| sample.problem.as_ref()) {
            let text = format!("{failing} of the first {} contacts cannot be called: {why}", samples.len());
            warnings.push(problem("lists", text));
        }
        let budget = &self.rules.settings().budget;
        if let Some(most) = budget.minutes_in_all.filter(|most| forecast.minutes > u64::from(*most)) {
            let text = format!("{} minutes are expected, and {most} are allowed", forecast.minutes);
            warnings.push(problem("budget.minutes_in_all", text));
        }
        if forecast.ends_ms.is_none() && forecast.calls > 0 {
            let text = "the campaign would not be through within 400 days; call faster, or in wider windows";
            warnings.push(problem("pacing", text.to_owned()));
        }
        if self.rules.settings().notify_url.is_some() && self.campaign.app_id.contains(':') {
            let text = "webhooks are signed with a secret of a client app, and this campaign was made by a person; make it with a key that acts for an app, or leave `notify_url` out";
            warnings.push(problem("notify_url", text.to_owned()));
        }
        if forecast.peak > 0 && forecast.peak < u64::from(self.rules.settings().pacing.concurrent) / 4 {
            let text = format!(
                "at {} dials a second no more than {} calls are expected at a time; `concurrent` is never reached",
                self.rules.settings().pacing.per_second,
                forecast.peak
            );
            warnings.push(problem("pacing.per_second", text));
        }
    }
}

fn problem(field: &str, problem: String) -> Problem {
    Problem { field: field.to_owned(), problem }
}

fn said(part: &Part) -> Option<String> {
    match part {
        Part::Say { text, .. } => Some(text.chars().take(LONGEST).collect()),
        Part::File(file) => Some(format!("♪ {file}")),
        Part::Checkpoint(_) | Part::Protected(_) | Part::Beep => None,
    }
}
