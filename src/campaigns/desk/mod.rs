//! What people do with campaigns: write them, look ahead, launch, pause, edit, stop, and ask why.

mod checking;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use callcore::campaign::{Decision, Extent, Facts, Problem, Reason, Rule, Rules, Settings, decide};
use callcore::language::unfit_name;
use callcore::number::{self, Country};
use parking_lot::Mutex;

use super::dialler::test_request;
use super::holds::{Hold, Holds};
use super::places::Places;
use super::preflight::{Flight, Preflight, Progress};
use super::runner::Runner;
use crate::bus::Message;
use crate::flows::Catalog;
use crate::net::guard::AddressPolicy;
use crate::session;
use crate::store::{
    self, Actor, CampaignChange, CampaignRow, CampaignState, Changed, NewCampaign, PlaceAttemptRow,
    PlaceFilter, PlaceRow, PlaceState, Step, Store,
};
use crate::wallclock::now_ms;

/// A pre-flight that takes longer goes on in the background.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest name and consent statement, characters.
const LONGEST_NAME: usize = 120;
const LONGEST_CONSENT: usize = 2_000;
const SHORTEST_CONSENT: usize = 10;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("there is no such campaign")]
    Unknown,
    /// Everything that is wrong, by field.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<Problem>),
    #[error("somebody changed the campaign meanwhile: it is at revision {}. Look at it again, and repeat what you did", .0.revision)]
    Stale(Box<CampaignRow>),
    #[error("a campaign that is {} cannot be {what}{}", .state.as_str(), advice(*.state, .what))]
    State { state: CampaignState, what: &'static str },
    #[error("a pre-flight of this campaign is running; wait until it is done")]
    Busy,
    #[error(transparent)]
    Call(#[from] session::Refusal),
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn advice(state: CampaignState, what: &str) -> &'static str {
    match (state, what) {
        (CampaignState::Draft, "launched") => ": run its pre-flight first, and mend what it finds",
        (CampaignState::Done | CampaignState::Stopped, "deleted") => {
            " yet: calls of it are still under way; try again when they have ended"
        }
        (CampaignState::Paused, "paused") | (CampaignState::Running, "resumed") => ": it is that already",
        _ => "",
    }
}

/// Where a contact stands, and why.
#[derive(Clone, Debug)]
pub struct Why {
    pub place: PlaceRow,
    /// The rule that decides now.
    pub reason: Reason,
    /// What holds the campaign back, where the contact is due.
    pub hold: Option<Hold>,
    pub attempts: Vec<PlaceAttemptRow>,
}

/// A pre-flight under way.
#[derive(Clone, Copy, Debug)]
struct Flying {
    progress: Progress,
}

/// The desk of campaigns. Clones share it.
#[derive(Clone, Debug)]
pub struct Desk {
    store: Store,
    calls: session::Handle,
    flows: Arc<Catalog>,
    holds: Holds,
    places: Places,
    flying: Arc<Mutex<BTreeMap<String, Flying>>>,
    /// Which addresses webhooks may go to.
    webhooks: AddressPolicy,
}

impl Desk {
    /// The desk, and the loop behind it, which runs until the server takes no new calls.
    #[must_use]
    pub fn open(store: Store, calls: session::Handle, flows: Arc<Catalog>, webhooks: AddressPolicy) -> Self {
        let holds = Holds::default();
        let places = Places::new(store.clone(), calls.clone());
        let runner = Runner::new(store.clone(), calls.clone(), holds.clone(), places.clone());
        tokio::spawn(runner.run());
        Self { store, calls, flows, holds, places, flying: Arc::default(), webhooks }
    }

    /// The database behind it.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps a new campaign as a draft.
    ///
    /// # Errors
    /// With all that is wrong with it.
    pub async fn create(
        &self,
        name: &str,
        app_id: String,
        settings: Settings,
        actor: Actor,
    ) -> Result<CampaignRow, Refused> {
        let mut problems = named(name);
        let settings = self.checked(settings, &mut problems).await?;
        if !problems.is_empty() {
            return Err(Refused::Wrong(problems));
        }
        let campaign = NewCampaign { name: name.trim().to_owned(), app_id, settings };
        Ok(self.store.create_campaign(campaign, actor).await?)
    }

    /// Changes a campaign that its author saw at `revision`; one under way goes on by the new settings.
    ///
    /// # Errors
    /// With all that is wrong, or when somebody else changed it meanwhile.
    pub async fn change(
        &self,
        id: &str,
        revision: i64,
        name: Option<String>,
        settings: Settings,
        actor: Actor,
    ) -> Result<CampaignRow, Refused> {
        let mut problems = name.as_deref().map(named).unwrap_or_default();
        let settings = self.checked(settings, &mut problems).await?;
        if !problems.is_empty() {
            return Err(Refused::Wrong(problems));
        }
        let name = name.map(|name| name.trim().to_owned());
        let change = CampaignChange { revision, name, settings };
        let row = done(self.store.change_campaign(id, change, actor).await?, "changed")?;
        if row.state.is_under_way() {
            self.places.follow_and_wait(&row).await;
        }
        Ok(row)
    }

    /// Looks ahead: takes the contacts over, decides on each, foretells. `None`: it takes longer and goes on in the background; ask
    /// [`Self::progress`].
    ///
    /// # Errors
    /// When there is no such campaign, or one runs already.
    pub async fn preflight(&self, id: &str) -> Result<Option<Preflight>, Refused> {
        let campaign = self.store.campaign(id).await?.ok_or(Refused::Unknown)?;
        if campaign.state.is_over() || campaign.state == CampaignState::Draining {
            return Err(Refused::State { state: campaign.state, what: "looked ahead for" });
        }
        let rules = Rules::new(campaign.settings.clone(), self.calls.country()).map_err(Refused::Wrong)?;
        {
            let mut flying = self.flying.lock();
            if flying.contains_key(id) {
                return Err(Refused::Busy);
            }
            flying.insert(id.to_owned(), Flying { progress: Progress::Lists });
        }
        let desk = self.clone();
        let work = tokio::spawn(async move {
            let found = desk.fly(&campaign, &rules).await;
            desk.flying.lock().remove(&campaign.id);
            if let Err(error) = &found {
                tracing::error!(campaign.id = %campaign.id, %error, "a pre-flight failed");
            }
            found
        });
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(found)) => found.map(Some),
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }

    async fn fly(&self, campaign: &CampaignRow, rules: &Rules) -> Result<Preflight, Refused> {
        let flight = Flight { store: &self.store, flows: &self.flows, campaign, rules, now_ms: now_ms() };
        let found = flight
            .fly(&campaign.settings.lists, |progress| {
                if let Some(flying) = self.flying.lock().get_mut(&campaign.id) {
                    flying.progress = progress;
                }
            })
            .await?;
        let kept = serde_json::to_value(&found).unwrap_or_default();
        let ready = found.blockers.is_empty();
        if self.store.keep_preflight(&campaign.id, campaign.revision, kept, ready).await? {
            return Ok(found);
        }
        let row = self.store.campaign(&campaign.id).await?.ok_or(Refused::Unknown)?;
        Err(Refused::Stale(Box::new(row)))
    }

    /// How far a pre-flight is that runs now.
    #[must_use]
    pub fn progress(&self, id: &str) -> Option<Progress> {
        self.flying.lock().get(id).map(|flying| flying.progress)
    }

    /// Launches a campaign whose pre-flight is of `revision`. `consent` says on which ground the contacts may be called, in the words
    /// of the person who answers for it.
    ///
    /// # Errors
    /// When its state or its revision is another one, or the statement is missing.
    pub async fn launch(
        &self,
        id: &str,
        revision: i64,
        consent: &str,
        actor: Actor,
    ) -> Result<CampaignRow, Refused> {
        let consent = consent.trim();
        let length = consent.chars().count();
        if !(SHORTEST_CONSENT..=LONGEST_CONSENT).contains(&length) {
            let text = format!(
                "say in {SHORTEST_CONSENT} to {LONGEST_CONSENT} characters on which ground these people may be called, such as \"customers with a contract; consent given in the app\""
            );
            return Err(Refused::Wrong(vec![wrong("consent", text)]));
        }
        self.step(id, Step::Launch { revision, consent: consent.to_owned() }, actor, "launched").await
    }

    /// # Errors
    /// When its state does not allow it.
    pub async fn pause(&self, id: &str, actor: Actor) -> Result<CampaignRow, Refused> {
        self.step(id, Step::Pause, actor, "paused").await
    }

    /// # Errors
    /// When its state does not allow it.
    pub async fn resume(&self, id: &str, actor: Actor) -> Result<CampaignRow, Refused> {
        self.step(id, Step::Resume, actor, "resumed").await
    }

    /// Begins no more calls, and ends when those under way have.
    ///
    /// # Errors
    /// When its state does not allow it.
    pub async fn drain(&self, id: &str, actor: Actor) -> Result<CampaignRow, Refused> {
        self.step(id, Step::Drain, actor, "stopped").await
    }

    /// Ends it at once, with its calls.
    ///
    /// # Errors
    /// When its state does not allow it.
    pub async fn stop(&self, id: &str, actor: Actor) -> Result<CampaignRow, Refused> {
        let row = self.step(id, Step::Stop, actor.clone(), "stopped").await?;
        for call in self.store.open_calls(id).await? {
            self.calls.end(&call, "campaign", actor.clone()).await?;
        }
        self.places.close_and_wait(id).await;
        Ok(row)
    }

    async fn step(
        &self,
        id: &str,
        step: Step,
        actor: Actor,
        what: &'static str,
    ) -> Result<CampaignRow, Refused> {
        let row = done(self.store.step_campaign(id, step, actor).await?, what)?;
        self.store.bus().publish(Message::NotificationsDue);
        self.calls.planned_is_written();
        Ok(row)
    }

    /// Deletes a campaign that is not under way. Its calls stay.
    ///
    /// # Errors
    /// When it is under way, or a call of it is.
    pub async fn delete(&self, id: &str, actor: Actor) -> Result<CampaignRow, Refused> {
        done(self.store.delete_campaign(id, actor).await?, "deleted")
    }

    /// Calls one number as the campaign would call its first contact, with that contact's variables. It counts as no attempt, and no
    /// window holds it; the do-not-call list does.
    ///
    /// # Errors
    /// When the call cannot be placed.
    pub async fn test_call(&self, id: &str, number: &str) -> Result<session::Dialed, Refused> {
        let campaign = self.store.campaign(id).await?.ok_or(Refused::Unknown)?;
        let rules = Rules::new(campaign.settings.clone(), self.calls.country()).map_err(Refused::Wrong)?;
        let filter = PlaceFilter { state: Some(PlaceState::Waiting), ..PlaceFilter::default() };
        let first = self.store.places(id, &filter, 1).await?.items.into_iter().next();
        let digits = number::key(number, self.calls.country());
        if self.store.suppressed_ms(&digits, &campaign.settings.suppression_lists).await?.is_some() {
            let text =
                "is on a suppression list of this campaign; take another number, or take it off the list";
            return Err(Refused::Wrong(vec![wrong("number", text.to_owned())]));
        }
        let request = test_request(&campaign, &rules, first.as_ref(), number);
        Ok(self.calls.dial(request).await?)
    }

    /// What a campaign decides by, as its settings stand.
    ///
    /// # Errors
    /// When the settings cannot be used any more.
    pub fn rules(&self, campaign: &CampaignRow) -> Result<Rules, Refused> {
        Rules::new(campaign.settings.clone(), self.calls.country()).map_err(Refused::Wrong)
    }

    /// What holds a campaign back now, as it was seen last.
    #[must_use]
    pub fn hold(&self, campaign: &CampaignRow) -> Option<Hold> {
        self.holds.of(&campaign.id).filter(|_| campaign.state == CampaignState::Running)
    }

    /// Where a contact stands, by its number, however it is written, or its external id, and why.
    ///
    /// # Errors
    /// When there is no such campaign; `None`: it has no such contact.
    pub async fn why(&self, id: &str, contact: &str) -> Result<Option<Why>, Refused> {
        let campaign = self.store.campaign(id).await?.ok_or(Refused::Unknown)?;
        let mut spellings = vec![number::key(contact, self.calls.country())];
        for list in &campaign.settings.lists {
            let country = self.store.list(list).await?.and_then(|list| list.country);
            let country: Option<Country> = country.and_then(|country| country.parse().ok());
            spellings.extend(country.map(|country| number::key(contact, Some(country))));
        }
        spellings.push(contact.trim().to_owned());
        let mut found = None;
        for spelling in spellings {
            if found.is_none() {
                found = self.store.place_of_number(id, &spelling).await?;
            }
        }
        match found {
            Some(place) => Ok(Some(self.why_of(&campaign, place).await?)),
            None => Ok(None),
        }
    }

    /// The same for a place that is at hand.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn why_of(&self, campaign: &CampaignRow, place: PlaceRow) -> Result<Why, store::Error> {
        let attempts = self.store.place_attempts(place.id).await?;
        let waits = place.state == PlaceState::Waiting;
        let due = waits && place.due_ms <= now_ms();
        let own = if waits { self.now_stopped(campaign, &place).await? } else { None };
        let (state, own) = (campaign.state, own.unwrap_or_else(|| place.reason.clone()));
        let reason = if !state.is_under_way() && !state.is_over() && own == Reason::Due {
            Reason::NotStarted { until_ms: None }
        } else if state == CampaignState::Draining && waits {
            Reason::Draining
        } else if state == CampaignState::Paused && due {
            Reason::Paused
        } else if due && own.rule().extent() == Extent::Contact && !matches!(own, Reason::RetryWait { .. }) {
            own
        } else if due {
            Reason::Due
        } else {
            own
        };
        let hold = self.hold(campaign).filter(|_| due);
        Ok(Why { place, reason, hold, attempts })
    }

    /// The rule that would stop a waiting contact if its turn came now, beside its hours: it may have come on a list, or been called by
    /// another campaign, since it was looked at.
    async fn now_stopped(
        &self,
        campaign: &CampaignRow,
        place: &PlaceRow,
    ) -> Result<Option<Reason>, store::Error> {
        let Ok(rules) = Rules::new(campaign.settings.clone(), self.calls.country()) else { return Ok(None) };
        let now = now_ms();
        let begin = rules.day_begin(place.zone.as_deref(), now);
        let facts = Facts {
            digits: place.digits.clone(),
            zone: place.zone.clone(),
            consent_ms: place.consent_ms,
            listed_ms: self.store.do_not_call(&place.digits).await?.map(|listed| listed.at_ms),
            suppressed_ms: self
                .store
                .suppressed_ms(&place.digits, &rules.settings().suppression_lists)
                .await?,
            today: self.store.attempts_at(&place.digits, begin).await?,
            in_all: u32::try_from(place.attempts).unwrap_or(u32::MAX),
            ..Facts::default()
        };
        Ok(match decide(&rules, &facts, now) {
            Decision::Exclude(reason) => Some(reason),
            Decision::Wait { reason, .. } if reason.rule() == Rule::CapDay => Some(reason),
            Decision::Wait { .. } | Decision::Dial { .. } => None,
        })
    }

    /// Takes a contact out of a campaign; `false`: it is being called, or is done with.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn exclude(&self, id: &str, place: i64, who: &str, actor: Actor) -> Result<bool, store::Error> {
        let reason = Reason::ExcludedBy { who: who.to_owned(), at_ms: now_ms() };
        self.store.exclude_place(id, place, reason, actor).await
    }
}

fn done(changed: Changed, what: &'static str) -> Result<CampaignRow, Refused> {
    match changed {
        Changed::Done(row) => Ok(*row),
        Changed::Stale(row) => Err(Refused::Stale(row)),
        Changed::Refused(state) => Err(Refused::State { state, what }),
        Changed::Unknown => Err(Refused::Unknown),
    }
}

fn wrong(field: &str, problem: String) -> Problem {
    Problem { field: field.to_owned(), problem }
}

fn named(name: &str) -> Vec<Problem> {
    let length = name.trim().chars().count();
    if !(1..=LONGEST_NAME).contains(&length) {
        return vec![wrong("name", format!("must have 1 to {LONGEST_NAME} characters on one line"))];
    }
    unfit_name(name).map(|why| wrong("name", why.to_owned())).into_iter().collect()
}
