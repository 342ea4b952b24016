//! From places that are due to reserved calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use callcore::campaign::{Decision, Extent, Facts, Rules, decide};
use serde_json::{Map, Value};

use super::holds::Hold;
use crate::session::{self, DialRequest, NotifyTarget, Refusal};
use crate::store::{
    self, CampaignRow, PlaceRow, PlaceState, Prepared, Reservation, Reserve, Reserved, Store, Usage,
    ZoneVerdict,
};

/// A reserved call that found no line within this time is given back, ms.
const PATIENCE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How often zones are moved on before others are dialled; there are not more zones in a campaign.
const MOST_ZONES: usize = 200;

/// What came of an attempt to dial.
#[derive(Debug, Default)]
pub(super) struct Dialled {
    /// Calls reserved.
    pub(super) calls: usize,
    /// What holds the campaign back, if something other than its pacing does.
    pub(super) hold: Option<Hold>,
}

/// Dials for one campaign.
pub(super) struct Dialler<'a> {
    pub(super) store: &'a Store,
    pub(super) calls: &'a session::Handle,
    pub(super) campaign: &'a CampaignRow,
    pub(super) rules: &'a Arc<Rules>,
}

/// Places of one look, sorted by what is to be done.
#[derive(Default)]
struct Sorted {
    reservations: Vec<Reservation>,
    /// Zones whose places all wait, with one decision for them.
    zones: BTreeMap<Option<String>, ZoneVerdict>,
    hold: Option<Hold>,
}

impl Dialler<'_> {
    /// Reserves at most `most` calls for places that are due at `now_ms`.
    pub(super) async fn dial(&self, most: usize, now_ms: i64) -> Result<Dialled, store::Error> {
        let mut done = Dialled::default();
        for _ in 0..MOST_ZONES {
            let left = most - done.calls;
            if left == 0 {
                break;
            }
            let limit = u32::try_from(left).unwrap_or(u32::MAX);
            let due = self.store.due_places(&self.campaign.id, now_ms, limit).await?;
            let whole = due.len() == left;
            let mut used = self.usage(now_ms).await?;
            let sorted = self.sort(due, &mut used, now_ms).await?;
            for verdict in sorted.zones.into_values() {
                self.store.decide_zone(&self.campaign.id, verdict).await?;
            }
            let moved = !sorted.reservations.is_empty();
            done.calls += self.reserve(sorted.reservations, now_ms).await?;
            done.hold = sorted.hold;
            if done.hold.is_some() || !(whole && moved) {
                break;
            }
        }
        Ok(done)
    }

    async fn usage(&self, now_ms: i64) -> Result<Usage, store::Error> {
        let callers: Vec<String> = self.rules.caller_ids().map(str::to_owned).collect();
        let (day, utc_day) = (self.rules.own_day_begin(now_ms), now_ms - now_ms.rem_euclid(DAY_MS));
        self.store.campaign_usage(&self.campaign.id, day, utc_day, &callers).await
    }

    async fn sort(&self, due: Vec<PlaceRow>, used: &mut Usage, now_ms: i64) -> Result<Sorted, store::Error> {
        let mut sorted = Sorted::default();
        for place in due {
            if sorted.zones.contains_key(&place.zone) {
                continue;
            }
            let facts = Facts {
                digits: place.digits.clone(),
                zone: place.zone.clone(),
                consent_ms: place.consent_ms,
                in_all: u32::try_from(place.attempts).unwrap_or(u32::MAX),
                minutes_today: used.minutes_today,
                minutes_in_all: used.minutes_in_all,
                callers_today: used.callers_today.clone(),
                ..Facts::default()
            };
            let reservation = |caller, call, flow_digest| Reservation {
                place_id: place.id,
                day_begin_ms: self.rules.day_begin(place.zone.as_deref(), now_ms),
                caller,
                canary: self.is_canary(&place),
                flow_digest,
                call,
            };
            match decide(self.rules, &facts, now_ms) {
                Decision::Wait { until_ms, reason } => match reason.rule().extent() {
                    Extent::Zone => {
                        let due_ms = until_ms.unwrap_or(i64::MAX);
                        let (zone, state) = (place.zone.clone(), PlaceState::Waiting);
                        let verdict = ZoneVerdict { zone, state, due_ms, reason };
                        sorted.zones.insert(place.zone, verdict);
                    }
                    // The places stay due.
                    Extent::Campaign => {
                        sorted.hold = Some(Hold::Limit { reason });
                        break;
                    }
                    Extent::Contact => {
                        sorted.reservations.push(reservation(None, Prepared::Stopped, String::new()));
                    }
                },
                Decision::Exclude(_) => {
                    sorted.reservations.push(reservation(None, Prepared::Stopped, String::new()));
                }
                Decision::Dial { caller, until_ms } => {
                    let request = self.request(&place, caller.clone(), until_ms.min(now_ms + PATIENCE_MS));
                    let (call, digest) = match self.calls.planned(request, now_ms).await {
                        Ok(planned) => (Prepared::Ready(Box::new(planned.dial_out)), planned.flow_digest),
                        Err(Refusal::Store(error)) => return Err(error),
                        Err(Refusal::Stopping) => break,
                        Err(refusal @ (Refusal::Variables(_) | Refusal::Number(_))) => {
                            (Prepared::Impossible { why: refusal.to_string() }, String::new())
                        }
                        Err(refusal) => {
                            sorted.hold = Some(Hold::Broken { why: refusal.to_string() });
                            break;
                        }
                    };
                    self.count(used, caller.as_deref());
                    sorted.reservations.push(reservation(caller, call, digest));
                }
            }
        }
        Ok(sorted)
    }

    /// A call that is going to be reserved counts for those after it.
    fn count(&self, used: &mut Usage, caller: Option<&str>) {
        used.minutes_today += 1;
        used.minutes_in_all += 1;
        let at = self.rules.caller_ids().position(|known| Some(known) == caller);
        if let Some(calls) = at.and_then(|at| used.callers_today.get_mut(at)) {
            *calls += 1;
        }
    }

    async fn reserve(&self, places: Vec<Reservation>, now_ms: i64) -> Result<usize, store::Error> {
        if places.is_empty() {
            return Ok(0);
        }
        let (campaign_id, revision) = (self.campaign.id.clone(), self.campaign.revision);
        let asked = Reserve { campaign_id, revision, rules: Arc::clone(self.rules), now_ms, places };
        let reserved = self.store.reserve(asked).await?;
        let calls = reserved.iter().filter(|one| matches!(one, Reserved::Dialling { .. })).count();
        if calls > 0 {
            metrics::counter!("dering_campaign_attempts_total").increment(calls as u64);
            self.calls.planned_is_written();
        }
        Ok(calls)
    }

    fn is_canary(&self, place: &PlaceRow) -> bool {
        let share = self.rules.settings().canary.as_ref().map_or(0, |canary| canary.percent);
        // The same contacts each time; a multiplication spreads the ids.
        (place.id.unsigned_abs().wrapping_mul(2_654_435_761) >> 7) % 100 < u64::from(share)
    }

    /// What is asked of the session for a place.
    fn request(&self, place: &PlaceRow, caller: Option<String>, expires_ms: i64) -> DialRequest {
        let canary = self.rules.settings().canary.as_ref().filter(|_| self.is_canary(place));
        let mut request = request(self.campaign, self.rules, canary.map(|canary| canary.flow.as_str()));
        request.number.clone_from(&place.number);
        request.metadata = variables(request.metadata, place);
        (request.caller, request.expires_ms) = (caller, Some(expires_ms));
        request
    }
}

/// A call of a campaign to nobody yet; of another version than usual, if one is named.
fn request(campaign: &CampaignRow, rules: &Rules, version: Option<&str>) -> DialRequest {
    let settings = rules.settings();
    let flow = version.unwrap_or(&settings.flow).to_owned();
    DialRequest {
        app_id: campaign.app_id.clone(),
        bot_id: flow.split('@').next().unwrap_or_default().to_owned(),
        flow,
        trunk: settings.trunk.clone(),
        metadata: settings.variables.clone().into_iter().collect(),
        machine_detection: settings.machine_detection,
        ring_timeout_ms: settings.ring_timeout.and_then(|span| u64::try_from(span.ms()).ok()),
        notify: settings.notify_url.clone().map(NotifyTarget::new),
        ..DialRequest::default()
    }
}

/// A call to `number` as the campaign would call `like`.
pub(super) fn test_request(
    campaign: &CampaignRow,
    rules: &Rules,
    like: Option<&PlaceRow>,
    number: &str,
) -> DialRequest {
    let mut request = request(campaign, rules, None);
    number.clone_into(&mut request.number);
    if let Some(place) = like {
        request.metadata = variables(request.metadata, place);
    }
    request.caller = rules.caller_ids().next().map(str::to_owned);
    request
}

/// Variables of the flow: those of the campaign, above them what the list says of the contact.
pub(super) fn variables(of_all: Map<String, Value>, place: &PlaceRow) -> Map<String, Value> {
    let mut variables = of_all;
    if let Some(name) = &place.name {
        variables.insert("name".to_owned(), Value::String(name.clone()));
    }
    if let Value::Object(own) = &place.variables {
        variables.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    variables
}
