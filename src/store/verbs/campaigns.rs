//! Campaigns: their settings and life, their places, reservations and what came of them.

use callcore::campaign::{Outcome, Reason};
use serde_json::Value;

use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::{
    Actor, AttemptCount, AttemptLine, AttemptPlace, CampaignChange, CampaignNews, CampaignRow, Changed,
    Cursor, EndedAttempt, Exclusions, FacetCount, FirstWordCount, NewCampaign, Page, PlaceAttemptRow,
    PlaceCount, PlaceFilter, PlaceLine, PlaceRow, ReachedCount, Reserve, Reserved, RevisionRow, Settled,
    Step, Usage, ZoneCount, ZoneVerdict,
};

verbs! {
    /// Keeps a new campaign as a draft.
    ///
    /// # Errors
    /// [`Error::Exists`](crate::store::Error::Exists) when there is one of that name.
    fn create_campaign(&self, campaign: NewCampaign, actor: Actor) -> CampaignRow;

    /// # Errors
    /// When the database fails.
    fn campaign(&self, id: &str) -> Option<CampaignRow>;

    /// The campaign of this id or name.
    ///
    /// # Errors
    /// When the database fails.
    fn campaign_named(&self, name: &str) -> Option<CampaignRow>;

    /// At most `limit` campaigns, newest first, behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    fn campaigns(&self, after: Option<&Cursor>, limit: u32) -> Page<CampaignRow>;

    /// Campaigns that were launched and have not ended, and those that have calls under way.
    ///
    /// # Errors
    /// When the database fails.
    fn campaigns_under_way(&self) -> Vec<CampaignRow>;

    /// The latest 200 revisions, newest first.
    ///
    /// # Errors
    /// When the database fails.
    fn campaign_revisions(&self, id: &str) -> Vec<RevisionRow>;

    /// Changes a campaign, unless somebody else did meanwhile. Its places stand as they did until they are
    /// [decided anew](Store::decide_anew).
    ///
    /// # Errors
    /// [`Error::Exists`](crate::store::Error::Exists) when its new name is taken.
    fn change_campaign(&self, id: &str, change: CampaignChange, actor: Actor) -> Changed;

    /// Takes a step in the life of a campaign, if its state allows it. The places of one that is over go on waiting until they are
    /// [closed](Store::close_places).
    ///
    /// # Errors
    /// When the database fails.
    fn step_campaign(&self, id: &str, step: Step, actor: Actor) -> Changed;

    /// Tells by a webhook what the loop behind campaigns has seen, unless it was told before; whether there is one to send now.
    ///
    /// # Errors
    /// When the database fails.
    fn tell_of_campaign(&self, id: &str, news: CampaignNews) -> bool;

    /// Deletes a campaign that is not under way; its calls stay.
    ///
    /// # Errors
    /// When the database fails: then a part of its places may be gone.
    fn delete_campaign(&self, id: &str, actor: Actor) -> Changed;

    /// The contacts of `lists`, by id, by their zones; those of imports that are not done among them.
    ///
    /// # Errors
    /// When the database fails.
    fn list_zones(&self, lists: &[String]) -> Vec<ZoneCount>;

    /// Adds the contacts of `lists`, by id, that are not in the campaign yet, each number once; how many there were. They are due, or
    /// wait as `verdicts` decides for their zones.
    ///
    /// # Errors
    /// When the database fails: then a part of them may be there.
    fn fill_places(&self, campaign: &str, lists: &[String], verdicts: &[ZoneVerdict]) -> u64;

    /// Takes out contacts of lists that the campaign does not name any more, unless they were called; how many.
    ///
    /// # Errors
    /// When the database fails.
    fn drop_unlisted_places(&self, campaign: &str, lists: &[String]) -> u64;

    /// Places that wait, by zone.
    ///
    /// # Errors
    /// When the database fails.
    fn place_zones(&self, campaign: &str) -> Vec<ZoneCount>;

    /// Decides anew on places that a rule excluded, and excludes those of the waiting ones that are on the do-not-call list or
    /// are meant by `exclusions`. It takes thousands at a time.
    ///
    /// # Errors
    /// When the database fails.
    fn exclude_places(&self, campaign: &str, exclusions: &Exclusions) -> ();

    /// Decides all waiting places of a zone that would be looked at before the verdict's `due_ms` and do not wait for another attempt;
    /// how many. It takes thousands at a time, so that other writing goes on.
    ///
    /// # Errors
    /// When the database fails: then a part of them may be decided.
    fn decide_zone(&self, campaign: &str, verdict: ZoneVerdict) -> u64;

    /// Makes due all places that a rule had stopped, for the settings of `revision` to decide on, except those that `exclusions` mean; who
    /// waits for another attempt goes on waiting. How many they were. It takes thousands at a time.
    ///
    /// # Errors
    /// When the database fails: then a part of them may be due.
    fn decide_anew(&self, campaign: &str, exclusions: &Exclusions, revision: i64) -> u64;

    /// Campaigns that are over and have places that wait.
    ///
    /// # Errors
    /// When the database fails.
    fn campaigns_to_close(&self) -> Vec<String>;

    /// Closes the waiting places of a campaign that is over; how many they were. It takes thousands at a time.
    ///
    /// # Errors
    /// When the database fails: then a part of them may be closed.
    fn close_places(&self, campaign: &str) -> u64;

    /// Keeps what a pre-flight found; `ready` makes a draft ready to launch. `false`: the campaign was changed meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    fn keep_preflight(&self, campaign: &str, revision: i64, found: Value, ready: bool) -> bool;

    /// At most `limit` places whose minute has come, in its order.
    ///
    /// # Errors
    /// When the database fails.
    fn due_places(&self, campaign: &str, now_ms: i64, limit: u32) -> Vec<PlaceRow>;

    /// How many places are due, up to `most`.
    ///
    /// # Errors
    /// When the database fails.
    fn due_count(&self, campaign: &str, now_ms: i64, most: usize) -> usize;

    /// The latest attempts that began since `since_ms` and have ended, the one that ended first first: outcome, begin and end, ms since 1970.
    ///
    /// # Errors
    /// When the database fails.
    fn latest_ended_attempts(&self, campaign: &str, since_ms: i64, limit: u32) -> Vec<(Outcome, i64, i64)>;

    /// Since when the number is on one of these lists, by id.
    ///
    /// # Errors
    /// When the database fails.
    fn suppressed_ms(&self, digits: &str, lists: &[String]) -> Option<i64>;

    /// When the next place falls due; `None` when none waits.
    ///
    /// # Errors
    /// When the database fails.
    fn next_due_ms(&self, campaign: &str) -> Option<i64>;

    /// # Errors
    /// When the database fails.
    fn place(&self, campaign: &str, id: i64) -> Option<PlaceRow>;

    /// The place of a number, given as its digits, or of the contact with this external id.
    ///
    /// # Errors
    /// When the database fails.
    fn place_of_number(&self, campaign: &str, digits: &str) -> Option<PlaceRow>;

    /// At most `limit` places, in the order of their lists.
    ///
    /// # Errors
    /// When the database fails.
    fn places(&self, campaign: &str, filter: &PlaceFilter, limit: u32) -> Page<PlaceRow, i64>;

    /// All attempts at a place, the first one first.
    ///
    /// # Errors
    /// When the database fails.
    fn place_attempts(&self, place: i64) -> Vec<PlaceAttemptRow>;

    /// Attempts at a number since `since_ms`, all campaigns together, those under way among them.
    ///
    /// # Errors
    /// When the database fails.
    fn attempts_at(&self, digits: &str, since_ms: i64) -> u32;

    /// Takes a waiting place out; `false`: it does not wait.
    ///
    /// # Errors
    /// When the database fails.
    fn exclude_place(&self, campaign: &str, id: i64, reason: Reason, actor: Actor) -> bool;

    /// How many places stand where, most first.
    ///
    /// # Errors
    /// When the database fails.
    fn place_counts(&self, campaign: &str) -> Vec<PlaceCount>;

    /// Attempts by hour, version and outcome.
    ///
    /// # Errors
    /// When the database fails.
    fn attempt_counts(&self, campaign: &str) -> Vec<AttemptCount>;

    /// At most `limit` places behind `after` with their calls, in the order of their lists.
    ///
    /// # Errors
    /// When the database fails.
    fn place_lines(&self, campaign: &str, after: i64, limit: u32) -> Page<PlaceLine, i64>;

    /// At most `limit` attempts behind `after`, in the order of time.
    ///
    /// # Errors
    /// When the database fails.
    fn attempt_lines(
        &self,
        campaign: &str,
        after: AttemptPlace,
        limit: u32,
    ) -> Page<AttemptLine, AttemptPlace>;

    /// Attempts that are over, by what they have in common.
    ///
    /// # Errors
    /// When the database fails.
    fn attempt_facets(&self, campaign: &str) -> Vec<FacetCount>;

    /// Calls that a person answered since `since_ms`, by whether the bot's first word came in time.
    ///
    /// # Errors
    /// When the database fails.
    fn first_words(&self, campaign: &str, since_ms: i64) -> Vec<FirstWordCount>;

    /// How many contacts a person answered for, by version.
    ///
    /// # Errors
    /// When the database fails.
    fn contacts_reached(&self, campaign: &str) -> Vec<ReachedCount>;

    /// What of a campaign's limits is used up: minutes since `day_ms`, calls from each of `callers` since `utc_day_ms`.
    ///
    /// # Errors
    /// When the database fails.
    fn campaign_usage(&self, campaign: &str, day_ms: i64, utc_day_ms: i64, callers: &[String]) -> Usage;

    /// Reserves calls: decides on each place and writes its attempt, its call and its plan, or why not; all of it or nothing.
    ///
    /// # Errors
    /// When the database fails.
    fn reserve(&self, asked: Reserve) -> Vec<Reserved>;

    /// Calls of a campaign that are reserved or under way.
    ///
    /// # Errors
    /// When the database fails.
    fn open_calls(&self, campaign: &str) -> Vec<String>;

    /// At most `limit` attempts whose calls are over and that are not settled.
    ///
    /// # Errors
    /// When the database fails.
    fn ended_attempts(&self, limit: u32) -> Vec<EndedAttempt>;

    /// Writes down what came of attempts and what becomes of their places; how many were not settled before.
    ///
    /// # Errors
    /// When the database fails: then none of it is written.
    fn settle_attempts(&self, settled: Vec<Settled>) -> u64;
}
