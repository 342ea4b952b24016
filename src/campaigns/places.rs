//! Brings places in line with what became of their campaign: it was changed while it runs, or it is over. With a million contacts that
//! takes seconds, so it goes on beside everything else, once for each campaign.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use callcore::campaign::Rules;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::session;
use crate::store::{self, CampaignRow, Exclusions, Store};
use crate::wallclock::now_ms;

/// How long a person waits for it at most; few campaigns need as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How soon it is begun again.
const AGAIN: Duration = Duration::from_millis(50);

/// The places of all campaigns. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Places {
    store: Store,
    calls: session::Handle,
    /// Campaigns whose places are being worked on; each channel closes when that is done.
    busy: Arc<Mutex<BTreeMap<String, watch::Receiver<()>>>>,
}

/// What is to be done.
#[derive(Debug)]
enum Work {
    /// The lists and rules of a revision go for them from now on.
    Follow { lists: Vec<String>, exclusions: Exclusions, revision: i64 },
    /// Nobody is called any more.
    Close,
}

/// Whom a campaign does not call, by its settings at `now_ms`.
pub(super) fn exclusions(rules: &Rules, now_ms: i64) -> Exclusions {
    let settings = rules.settings();
    Exclusions {
        never_call: rules.never_call().to_vec(),
        suppression_lists: settings.suppression_lists.clone(),
        consent_since_ms: settings.consent_within.map(|within| now_ms - within.ms()),
    }
}

async fn done(mut work: watch::Receiver<()>) {
    while work.changed().await.is_ok() {}
}

async fn patiently(work: impl Future<Output = ()>) {
    if tokio::time::timeout(PATIENCE, work).await.is_err() {
        tracing::info!("the places of a campaign are still being brought in line with it");
    }
}

impl Places {
    pub(super) fn new(store: Store, calls: session::Handle) -> Self {
        Self { store, calls, busy: Arc::default() }
    }

    /// Whether the places of a campaign stand as settings before its own have decided.
    pub(super) const fn are_behind(campaign: &CampaignRow) -> bool {
        campaign.decided_revision < campaign.revision
    }

    /// Has the places follow the settings as they are now, and goes on beside it.
    pub(super) fn follow(&self, campaign: &CampaignRow) {
        self.begin(&campaign.id, self.to_follow(campaign));
    }

    /// Closes the places of a campaign that is over, and goes on beside it.
    pub(super) fn close(&self, campaign: &str) {
        self.begin(campaign, Work::Close);
    }

    /// Has the places follow, and waits for it, but not for ever.
    pub(super) async fn follow_and_wait(&self, campaign: &CampaignRow) {
        let followed = async {
            loop {
                done(self.begin(&campaign.id, self.to_follow(campaign))).await;
                // What was under way may have been the work of an earlier revision.
                match self.store.campaign(&campaign.id).await {
                    Ok(Some(row)) if row.decided_revision < campaign.revision => {
                        tokio::time::sleep(AGAIN).await
                    }
                    Ok(_) | Err(_) => return,
                }
            }
        };
        patiently(followed).await;
    }

    /// Closes the places of a campaign that is over, and waits for it, but not for ever.
    pub(super) async fn close_and_wait(&self, campaign: &str) {
        patiently(done(self.begin(campaign, Work::Close))).await;
    }

    /// What is to be done for the settings as they are now. Those that cannot be read exclude nobody here; no call is reserved by them.
    fn to_follow(&self, campaign: &CampaignRow) -> Work {
        let settings = &campaign.settings;
        let rules = Rules::new(settings.clone(), self.calls.country());
        let exclusions = rules.map(|rules| exclusions(&rules, now_ms())).unwrap_or_default();
        Work::Follow { lists: settings.lists.clone(), exclusions, revision: campaign.revision }
    }

    fn begin(&self, campaign: &str, work: Work) -> watch::Receiver<()> {
        let mut busy = self.busy.lock();
        if let Some(under_way) = busy.get(campaign) {
            return under_way.clone();
        }
        let (ends, end) = watch::channel(());
        busy.insert(campaign.to_owned(), end.clone());
        let (places, campaign) = (self.clone(), campaign.to_owned());
        tokio::spawn(async move {
            if let Err(error) = places.carry_out(&campaign, work).await {
                tracing::error!(campaign.id = %campaign, %error, "the places of a campaign could not be brought in line with it; trying again");
            }
            places.busy.lock().remove(&campaign);
            drop(ends);
            places.calls.planned_is_written();
        });
        end
    }

    async fn carry_out(&self, campaign: &str, work: Work) -> Result<(), store::Error> {
        match work {
            Work::Follow { lists, exclusions, revision } => {
                self.store.drop_unlisted_places(campaign, &lists).await?;
                self.store.fill_places(campaign, &lists, &[]).await?;
                self.store.decide_anew(campaign, &exclusions, revision).await?;
            }
            Work::Close => {
                self.store.close_places(campaign).await?;
            }
        }
        Ok(())
    }
}
