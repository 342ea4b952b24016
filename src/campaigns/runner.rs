//! The loop that keeps campaigns going: settles what has ended, shares lines among those that run, dials, and sees when one is through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use callcore::campaign::{Binding, Pacer, Reason, Rules, share};
use callcore::number::Country;

use super::dialler::Dialler;
use super::holds::{Hold, Holds};
use super::places::Places;
use super::settling::settle;
use crate::bus::Message;
use crate::session;
use crate::store::{self, Actor, CampaignNews, CampaignRow, CampaignState, Step, Store};
use crate::wallclock::now_ms;

/// How soon it looks again, whatever happens.
const LOOK: Duration = Duration::from_millis(500);
/// How soon at the earliest: what wakes it comes in swarms.
const SHORTEST: Duration = Duration::from_millis(20);
/// How long nothing is looked at when no campaign is under way.
const IDLE: Duration = Duration::from_secs(5);
/// Attempts of before a restart by which the breaker stands as it did.
const RECALLED: u32 = 1_000;
/// Attempts settled in one go.
const BATCH: u32 = 256;

/// What is kept of a campaign between two looks.
#[derive(Debug)]
struct Live {
    revision: i64,
    running_ms: Option<i64>,
    rules: Arc<Rules>,
    pacer: Pacer,
    told: Told,
}

/// What the database was told of a campaign, so that it is not asked at every look.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    breaker_open: Option<bool>,
    /// The day whose minutes are used up; 0 for those of all days.
    budget_day_ms: Option<i64>,
}

/// Keeps campaigns going.
#[derive(Debug)]
pub(super) struct Runner {
    store: Store,
    calls: session::Handle,
    holds: Holds,
    places: Places,
    live: BTreeMap<String, Live>,
}

impl Runner {
    pub(super) fn new(store: Store, calls: session::Handle, holds: Holds, places: Places) -> Self {
        Self { store, calls, holds, places, live: BTreeMap::new() }
    }

    /// Runs until the server takes no new calls.
    pub(super) async fn run(mut self) {
        let mut changes = self.store.bus().schedule_changes();
        while !self.calls.is_stopping() {
            let wait = match self.look(now_ms()).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "campaigns could not be looked at; trying again");
                    LOOK
                }
            };
            tokio::time::sleep(SHORTEST).await;
            tokio::select! {
                () = changes.next() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One look at everything; how long nothing will happen by itself.
    async fn look(&mut self, now: i64) -> Result<Duration, store::Error> {
        let campaigns = self.store.campaigns_under_way().await?;
        self.keep_up(&campaigns, now).await?;
        self.settle().await?;
        let mut wait = if campaigns.is_empty() { IDLE } else { LOOK };
        for campaign in campaigns.iter().filter(|one| one.state.is_under_way() && Places::are_behind(one)) {
            self.places.follow(campaign);
        }
        for campaign in self.store.campaigns_to_close().await? {
            self.places.close(&campaign);
        }
        let running: Vec<&CampaignRow> = campaigns
            .iter()
            .filter(|one| one.state == CampaignState::Running && !Places::are_behind(one))
            .collect();
        let mut by_trunk: BTreeMap<Option<String>, Vec<&CampaignRow>> = BTreeMap::new();
        for campaign in &running {
            by_trunk
                .entry(self.calls.trunk_name(campaign.settings.trunk.as_deref()))
                .or_default()
                .push(campaign);
        }
        for (trunk, campaigns) in by_trunk {
            wait = wait.min(self.dial_over(trunk.as_deref(), &campaigns, now).await?);
        }
        for campaign in &campaigns {
            self.tell(campaign, now).await?;
            self.finish(campaign, now).await?;
        }
        Ok(wait)
    }

    /// Takes over what has changed, and forgets those that are through.
    async fn keep_up(&mut self, campaigns: &[CampaignRow], now: i64) -> Result<(), store::Error> {
        self.live.retain(|id, _| campaigns.iter().any(|campaign| campaign.id == *id));
        for campaign in campaigns {
            let known = self.live.get(&campaign.id).map(|live| (live.revision, live.running_ms));
            if known == Some((campaign.revision, campaign.running_ms)) {
                continue;
            }
            let rules = match Rules::new(campaign.settings.clone(), self.country()) {
                Ok(rules) => Arc::new(rules),
                Err(problems) => {
                    let why = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                    self.holds.set(&campaign.id, Hold::Broken { why });
                    continue;
                }
            };
            let pacing = campaign.settings.pacing.clone();
            match self.live.get_mut(&campaign.id) {
                Some(live) if live.running_ms == campaign.running_ms => {
                    live.pacer.set(pacing);
                    (live.revision, live.rules) = (campaign.revision, rules);
                }
                Some(_) | None => {
                    let began_ms = campaign.running_ms.unwrap_or(now);
                    let mut pacer = Pacer::new(pacing, began_ms);
                    let ended = self.store.latest_ended_attempts(&campaign.id, began_ms, RECALLED).await?;
                    for (outcome, began_ms, ended_ms) in ended {
                        pacer.recall(outcome, began_ms, ended_ms);
                    }
                    let live = Live {
                        revision: campaign.revision,
                        running_ms: campaign.running_ms,
                        rules,
                        pacer,
                        told: Told::default(),
                    };
                    self.live.insert(campaign.id.clone(), live);
                }
            }
        }
        Ok(())
    }

    fn country(&self) -> Option<Country> {
        self.calls.country()
    }

    async fn settle(&mut self) -> Result<(), store::Error> {
        loop {
            let ended = self.store.ended_attempts(BATCH).await?;
            let whole = ended.len() == BATCH as usize;
            let rules = self.live.iter().map(|(id, live)| (id.clone(), Arc::clone(&live.rules))).collect();
            for (campaign, outcome, ended_ms) in settle(&self.store, &rules, ended).await? {
                if let Some(live) = self.live.get_mut(&campaign) {
                    live.pacer.ended(outcome, ended_ms);
                }
            }
            if !whole {
                return Ok(());
            }
        }
    }

    /// Dials for the campaigns of one trunk; how soon one of them may go on.
    async fn dial_over(
        &mut self,
        trunk: Option<&str>,
        campaigns: &[&CampaignRow],
        now: i64,
    ) -> Result<Duration, store::Error> {
        let (room, within_reach) = self.calls.room_for_planned(trunk).unwrap_or((usize::MAX, true));
        let mut wants = Vec::with_capacity(campaigns.len());
        let mut soonest = LOOK;
        for campaign in campaigns {
            let calling = self.store.open_calls(&campaign.id).await?.len();
            let Some(live) = self.live.get_mut(&campaign.id) else {
                wants.push((1, 0));
                continue;
            };
            let allowance = live.pacer.allowance(now, calling);
            if let Some(again_ms) = allowance.again_ms {
                soonest = soonest.min(Duration::from_millis(u64::try_from(again_ms - now).unwrap_or(0)));
            }
            let due = self.store.due_count(&campaign.id, now, allowance.dials.max(1)).await?;
            let hold = if due == 0 {
                match self.store.next_due_ms(&campaign.id).await? {
                    Some(i64::MAX) => Hold::Stuck,
                    until_ms => Hold::NobodyDue { until_ms },
                }
            } else if !within_reach {
                Hold::Pacing { limit: Binding::TrunkAway, until_ms: None }
            } else {
                Hold::Pacing { limit: allowance.binding, until_ms: allowance.again_ms }
            };
            self.holds.set(&campaign.id, hold);
            let wanted = if within_reach { allowance.dials.min(due) } else { 0 };
            wants.push((campaign.settings.pacing.priority, wanted));
        }
        let shares = share(room.min(wants.iter().map(|(_, wanted)| wanted).sum()), &wants);
        for ((campaign, dials), (_, wanted)) in campaigns.iter().zip(shares).zip(wants) {
            if dials < wanted {
                self.holds.set(&campaign.id, Hold::Pacing { limit: Binding::Trunk, until_ms: None });
            }
            let Some(live) = self.live.get_mut(&campaign.id).filter(|_| dials > 0) else { continue };
            let dialler = Dialler { store: &self.store, calls: &self.calls, campaign, rules: &live.rules };
            let done = dialler.dial(dials, now).await?;
            live.pacer.dialled(done.calls);
            if let Some(hold) = done.hold {
                self.holds.set(&campaign.id, hold);
            }
        }
        Ok(soonest)
    }

    /// Tells those who want to know that a breaker has opened or closed, and that a budget is used up.
    async fn tell(&mut self, campaign: &CampaignRow, now: i64) -> Result<(), store::Error> {
        let live = self.live.get_mut(&campaign.id).filter(|_| campaign.state == CampaignState::Running);
        let Some(live) = live else { return Ok(()) };
        let (mut news, mut told) = (Vec::new(), live.told);
        let breaker_open = live.pacer.is_broken();
        if told.breaker_open != Some(breaker_open) {
            told.breaker_open = Some(breaker_open);
            news.push(match live.pacer.broken_until() {
                Some(until_ms) => CampaignNews::BreakerOpened { until_ms },
                None if breaker_open => CampaignNews::BreakerOpened { until_ms: now },
                None => CampaignNews::BreakerClosed,
            });
        }
        if let Some(reached) = budget_reached(self.holds.of(&campaign.id), &live.rules, now) {
            let day_ms = Some(reached.0.unwrap_or(0));
            if told.budget_day_ms != day_ms {
                told.budget_day_ms = day_ms;
                let (day_ms, used_minutes, of) = reached;
                news.push(CampaignNews::BudgetReached { day_ms, used_minutes, of });
            }
        }
        for news in news {
            if self.store.tell_of_campaign(&campaign.id, news).await? {
                self.store.bus().publish(Message::NotificationsDue);
            }
        }
        if let Some(live) = self.live.get_mut(&campaign.id) {
            live.told = told;
        }
        Ok(())
    }

    /// Ends a campaign that is through.
    async fn finish(&self, campaign: &CampaignRow, now: i64) -> Result<(), store::Error> {
        if !matches!(campaign.state, CampaignState::Running | CampaignState::Draining) {
            return Ok(());
        }
        let over = campaign.state == CampaignState::Draining
            || self.live.get(&campaign.id).is_some_and(|live| live.rules.is_over(now))
            || !Places::are_behind(campaign) && self.store.next_due_ms(&campaign.id).await?.is_none();
        if over && self.store.open_calls(&campaign.id).await?.is_empty() {
            if self.store.next_due_ms(&campaign.id).await?.is_some() {
                self.places.close(&campaign.id);
                return Ok(());
            }
            self.store.step_campaign(&campaign.id, Step::Finish, Actor::server()).await?;
            self.store.bus().publish(Message::NotificationsDue);
            self.holds.forget(&campaign.id);
            tracing::info!(campaign.id = %campaign.id, "campaign ended");
        }
        Ok(())
    }
}

/// The day whose minutes are used up, or none for those of all days; how many were used, of how many.
fn budget_reached(hold: Option<Hold>, rules: &Rules, now: i64) -> Option<(Option<i64>, u32, u32)> {
    let Some(Hold::Limit { reason }) = hold else { return None };
    if let Reason::BudgetDay { used_minutes, of, .. } = reason {
        Some((Some(rules.own_day_begin(now)), used_minutes, of))
    } else if let Reason::BudgetTotal { used_minutes, of } = reason {
        Some((None, used_minutes, of))
    } else {
        None
    }
}
