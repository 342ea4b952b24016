//! The loop that keeps campaigns going: settles what has ended, shares lines among those that run, dials, and sees when one is through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use callcore::campaign::{Binding, Pacer, Rules, share};
use callcore::number::Country;

use super::dialler::Dialler;
use super::holds::{Hold, Holds};
use super::places::Places;
use super::settling::settle;
use crate::session;
use crate::store::{self, Actor, CampaignRow, CampaignState, Step, Store};
use crate::wallclock::now_ms;

/// How soon it looks again, whatever happens.
const LOOK: Duration = Duration::from_millis(500);
/// How soon at the earliest: what wakes it comes in swarms.
const SHORTEST: Duration = Duration::from_millis(20);
/// How long nothing is looked at when no campaign is under way.
const IDLE: Duration = Duration::from_secs(5);
/// Attempts settled in one go.
const BATCH: u32 = 256;

/// What is kept of a campaign between two looks.
#[derive(Debug)]
struct Live {
    revision: i64,
    running_ms: Option<i64>,
    rules: Arc<Rules>,
    pacer: Pacer,
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
        self.keep_up(&campaigns, now);
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
            self.finish(campaign, now).await?;
        }
        Ok(wait)
    }

    /// Takes over what has changed, and forgets those that are through.
    fn keep_up(&mut self, campaigns: &[CampaignRow], now: i64) {
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
                    let pacer = Pacer::new(pacing, campaign.running_ms.unwrap_or(now));
                    let live =
                        Live { revision: campaign.revision, running_ms: campaign.running_ms, rules, pacer };
                    self.live.insert(campaign.id.clone(), live);
                }
            }
        }
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
            self.holds.forget(&campaign.id);
            tracing::info!(campaign.id = %campaign.id, "campaign ended");
        }
        Ok(())
    }
}
