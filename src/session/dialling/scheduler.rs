//! Begins planned calls when their time has come and a line is free, and ends those that expire.
//!
//! Plans live in the store alone, so that a restart changes nothing: what fell due meanwhile begins at once,
//! unless it expired.

use std::time::Duration;

use callcore::call::Fact;

use crate::session::books::batch_builder::hung_up;
use crate::session::clock::Clock;
use crate::session::dialling::accept::KEPT_MS;
use crate::session::dialling::not_dialled::{NotDialled, Undialled};
use crate::session::dialling::schedule::{Load, When, when};
use crate::session::handle::{Handle, Refusal};
use crate::session::request::{DialRequest, NotifyTarget};
use crate::store::{self, Actor, CallBatch, CallState, CallUpdate, NewEvent, PlannedRow};
use crate::trunk::Trunk;
use crate::wallclock::now_ms;

/// How soon a call that waits for a line is looked at again, unless one comes free before.
const LOOK: Duration = Duration::from_millis(500);
/// How long nothing is looked at when nothing is due; the time of day may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(30);
/// Calls begun, or ended, in one go.
const BATCH: usize = 64;
/// How often old idempotency keys are forgotten, ms.
const TIDY_MS: i64 = 60 * 60 * 1_000;

/// What came of a planned call whose turn it was.
enum Begun {
    /// It runs, or it is over.
    Settled,
    /// There is no line for it after all.
    NotYet,
}

impl Handle {
    /// Keeps the plans until the server stops.
    pub async fn run_scheduler(self) {
        let mut tidied_ms = 0;
        let mut changes = self.bus().schedule_changes();
        while !self.inner.tasks.is_closed() {
            let now = now_ms();
            if now - tidied_ms >= TIDY_MS {
                tidied_ms = now;
                if let Err(error) = self.inner.parts.store.forget_keys(now - KEPT_MS).await {
                    tracing::warn!(%error, "old idempotency keys could not be forgotten");
                }
            }
            let wait = match self.schedule_once(now).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "planned calls could not be looked at; trying again");
                    LONGEST.min(Duration::from_secs(1))
                }
            };
            tokio::select! {
                () = changes.next() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Ends what expired, begins what is due; how long nothing will happen.
    async fn schedule_once(&self, now: i64) -> Result<Duration, store::Error> {
        let store = &self.inner.parts.store;
        let expired = store.expired_plans(now, BATCH).await?;
        let mut again = expired.len() == BATCH;
        for row in expired {
            let why = NotDialled::Expired { expires_ms: row.expires_ms.unwrap_or(now) };
            self.end_planned(&row, &why, None).await?;
        }
        let mut waiting = false;
        for trunk in store.due_trunks(now).await? {
            let room = self.room(&trunk).min(BATCH);
            let due = store.due_plans(&trunk, now, room).await?;
            again |= due.len() == BATCH;
            waiting |= due.len() == room;
            for row in due {
                if let Begun::NotYet = self.begin_planned(&row).await? {
                    waiting = true;
                    break;
                }
            }
        }
        let next = store.next_plan_ms(now).await?.map(|at| u64::try_from(at - now_ms()).unwrap_or(0));
        let next = next.map_or(LONGEST, |ms| Duration::from_millis(ms).min(LONGEST));
        Ok(match (again, waiting) {
            (true, _) => Duration::ZERO,
            (false, true) => next.min(LOOK),
            (false, false) => next,
        })
    }

    /// How many planned calls of a trunk may begin. One that is not configured any more lets all of them
    /// come, so that they learn of it.
    fn room(&self, trunk: &str) -> usize {
        let trunks = &self.inner.parts.trunks;
        trunks.iter().find(|known| known.name() == trunk).map_or(BATCH, |trunk| self.load(trunk).room())
    }

    pub(in crate::session) fn load(&self, trunk: &Trunk) -> Load {
        let ((busy, waiting), limits) = (trunk.load(), trunk.limits());
        Load {
            busy,
            waiting,
            lines: limits.calls,
            per_second: limits.per_second,
            running: self.running(),
            most: self.inner.options.max_calls,
        }
    }

    async fn begin_planned(&self, row: &PlannedRow) -> Result<Begun, store::Error> {
        let store = &self.inner.parts.store;
        let mut request: DialRequest = match serde_json::from_str(&row.request) {
            Ok(request) => request,
            Err(error) => {
                let why = format!("what was planned cannot be read any more ({error}); ask for it again");
                self.end_planned(row, &NotDialled::Impossible { why }, None).await?;
                return Ok(Begun::Settled);
            }
        };
        if let Some(target) = &mut request.notify {
            target.headers = store.notify_headers(&row.call_id).await?;
        }
        if when(Some(row.start_ms), row.expires_ms, now_ms()) != When::Now {
            return Ok(Begun::NotYet);
        }
        let ready = match self.check_now(&request).await {
            Ok(checked) => self.place(&row.call_id, &checked.trunk).map(|place| (checked, place)),
            Err(refusal) => Err(refusal),
        };
        let (checked, place) = match ready {
            Ok(ready) => ready,
            Err(Refusal::Store(error)) => return Err(error),
            Err(Refusal::Full { .. } | Refusal::Queue { .. } | Refusal::Stopping) => {
                return Ok(Begun::NotYet);
            }
            Err(Refusal::DoNotCall { since }) => {
                self.end_planned(row, &NotDialled::DoNotCall { since }, None).await?;
                return Ok(Begun::Settled);
            }
            Err(refusal) => {
                self.end_planned(row, &NotDialled::Impossible { why: refusal.to_string() }, None).await?;
                return Ok(Begun::Settled);
            }
        };
        request.number.clone_from(&checked.number);
        let clock = Clock::start();
        let began_ms = clock.began_ms;
        let mut batch = CallBatch {
            call_id: row.call_id.clone(),
            update: Some(CallUpdate {
                state: Some(CallState::Placing),
                began_ms: Some(began_ms),
                ..CallUpdate::default()
            }),
            events: vec![NewEvent {
                at_ms: began_ms,
                t_ms: 0,
                fact: Fact::Dialled {
                    flow: request.flow.clone(),
                    digest: checked.flow.digest.clone(),
                    trunk: row.trunk.clone(),
                    sid: None,
                    late_ms: Some((began_ms - row.start_ms).max(0)),
                },
            }],
            ..CallBatch::default()
        };
        if let (Some(event), Some(update)) = (place.queued(&checked.trunk, began_ms), &mut batch.update) {
            update.state = Some(CallState::Queued);
            batch.events.push(event);
        }
        match store.end_plan(batch).await {
            Ok(true) => self.launch(request, &row.call_id, checked, place, clock),
            // Somebody cancelled it in between.
            Ok(false) => self.release(&row.call_id),
            Err(error) => {
                self.release(&row.call_id);
                return Err(error);
            }
        }
        Ok(Begun::Settled)
    }

    /// Ends a planned call; false when it is not planned any more.
    async fn end_planned(
        &self,
        row: &PlannedRow,
        why: &NotDialled,
        actor: Option<Actor>,
    ) -> Result<bool, store::Error> {
        let store = &self.inner.parts.store;
        let Some(call) = store.call(&row.call_id).await? else { return Ok(false) };
        let headers = store.notify_headers(&row.call_id).await?;
        let notify = call.notify_url.map(|url| NotifyTarget { url, headers, amd_events: None });
        let whose =
            Undialled { app_id: &call.app_id, number: &call.target, notify: notify.as_ref(), told: 0 };
        let mut closing = why.closing(&row.call_id, whose, now_ms());
        closing.audit = actor.map(|actor| hung_up(actor, &row.call_id));
        let ended = store.end_plan(closing).await?;
        if ended {
            metrics::counter!("dering_calls_planned_ended_total").increment(1);
            self.inner.parts.outbox.wake();
        }
        Ok(ended)
    }

    /// Ends a call, whether it runs or is planned; false when it has ended already. `act` goes into the audit log
    /// together with the end, or with the wish for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end(&self, call_id: &str, by: &str, actor: Actor) -> Result<bool, store::Error> {
        if let Some(row) = self.inner.parts.store.plan(call_id).await? {
            let why = NotDialled::Cancelled { by: by.to_owned() };
            if self.end_planned(&row, &why, Some(actor.clone())).await? {
                return Ok(true);
            }
        }
        Ok(self.hang_up(call_id, by, Some(actor)))
    }
}
