//! Dial-outs: accepted with their key, planned, begun or ended once; and who is not to be called.

use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::{
    Acceptance, Actor, CallBatch, Cursor, DoNotCallRow, FlowUse, NewDialOut, Page, PlannedRow,
};

verbs! {
    /// Writes a new call down with its plan and its key, all or nothing, unless its number is not to be called.
    /// Of several requests with one key the first one counts.
    ///
    /// # Errors
    /// As [`Store::record`].
    fn accept(&self, asked: NewDialOut) -> Acceptance;

    /// What was answered to a key not older than `since_ms`: the request's digest, and the answer.
    ///
    /// # Errors
    /// When the database fails.
    fn kept_answer(&self, app_id: &str, key: &str, since_ms: i64) -> Option<(String, String)>;

    /// Forgets keys of before `before_ms`; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    fn forget_keys(&self, before_ms: i64) -> u64;

    /// Ends the plan of the batch's call and keeps the batch, both or neither. `false` when the call is not
    /// planned any more: it has begun, or was cancelled. Then nothing is written.
    ///
    /// # Errors
    /// When the database fails.
    fn end_plan(&self, batch: CallBatch) -> bool;

    /// The plan of a call that has not begun.
    ///
    /// # Errors
    /// When the database fails.
    fn plan(&self, call_id: &str) -> Option<PlannedRow>;

    /// Trunks that calls wait for whose time has come. Hops from one to the next through the index, so that
    /// thousands of waiting calls cost no more than one.
    ///
    /// # Errors
    /// When the database fails.
    fn due_trunks(&self, now_ms: i64) -> Vec<String>;

    /// At most `limit` calls of a trunk whose time has come, in the order of their times.
    ///
    /// # Errors
    /// When the database fails.
    fn due_plans(&self, trunk: &str, now_ms: i64, limit: usize) -> Vec<PlannedRow>;

    /// At most `limit` calls that are not to be dialled any more.
    ///
    /// # Errors
    /// When the database fails.
    fn expired_plans(&self, now_ms: i64, limit: usize) -> Vec<PlannedRow>;

    /// When the next planned call falls due or expires after `now_ms`.
    ///
    /// # Errors
    /// When the database fails.
    fn next_plan_ms(&self, now_ms: i64) -> Option<i64>;

    /// Planned calls of a trunk that are due before `start_ms`.
    ///
    /// # Errors
    /// When the database fails.
    fn planned_before(&self, trunk: &str, start_ms: i64) -> i64;

    /// How long answered calls of a flow took, among the latest calls of all flows.
    ///
    /// # Errors
    /// When the database fails.
    fn flow_use(&self, flow: &str) -> FlowUse;

    /// The entry of `number`, if its owner asked never to be called again.
    ///
    /// # Errors
    /// When the database fails.
    fn do_not_call(&self, number: &str) -> Option<DoNotCallRow>;

    /// At most `limit` numbers of the list, newest first, behind `after`; with `digits` those that hold them.
    ///
    /// # Errors
    /// When the database fails.
    fn do_not_call_list(
        &self,
        digits: Option<&str>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Page<DoNotCallRow>;

    /// How many numbers are on the list.
    ///
    /// # Errors
    /// When the database fails.
    fn count_do_not_call(&self) -> u64;

    /// Puts a number, as its digits in their one form, on the list; `false`: it was there.
    ///
    /// # Errors
    /// When the database fails.
    fn put_on_do_not_call(&self, number: &str, reason: &str, actor: Actor) -> bool;

    /// Puts numbers on the list, as digits in their one form; how many were not there. The caller tells the audit log.
    ///
    /// # Errors
    /// When the database fails: none of them is there then.
    fn put_many_on_do_not_call(&self, numbers: &[String], reason: &str, author: &str) -> u64;

    /// Takes a number off the list; `false`: it was not there.
    ///
    /// # Errors
    /// When the database fails.
    fn take_off_do_not_call(&self, number: &str, reason: &str, actor: Actor) -> bool;
}
