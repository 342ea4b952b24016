//! Calls: written down batch by batch, and read.

use serde_json::Value;

use crate::bus::Message;
use crate::cdr_wire::CdrQuery;
use crate::store::error::Error;
use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::{
    Actor, AmdParamsRow, CallBatch, CallFigures, CallFilter, CallLabelRow, CallRow, CdrPage, CdrRow, Cursor,
    EventRow, ExpiredRecording, LabelOrigin, LabelTally, LabelledCall, LastSigns, NewAmdParams, Page,
    RecordingRow, ShadowDifference, ShadowTally, TranscriptRow, Visibility,
};

impl Store {
    /// Keeps a batch in one transaction, which may carry the batches of other calls too. Returns when
    /// it is durable.
    ///
    /// # Errors
    /// [`Error::Exists`] for a second `new`, [`Error::UnknownCall`] when the call was never recorded;
    /// then nothing of the batch is kept.
    pub async fn record(&self, batch: CallBatch) -> Result<(), Error> {
        let call_id = batch.call_id.clone();
        match &self.backend {
            Backend::Sqlite(engine) => engine.record(batch).await?,
        }
        self.bus.publish(Message::CallWritten { call_id: &call_id });
        Ok(())
    }
}

verbs! {
    /// # Errors
    /// When the database fails.
    fn call(&self, id: &str) -> Option<CallRow>;

    /// The call that the carrier knows as `session_id`.
    ///
    /// # Errors
    /// When the database fails.
    fn call_of_session(&self, session_id: &str) -> Option<CallRow>;

    /// At most `limit` calls that match, newest first, behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    fn calls(&self, filter: &CallFilter, after: Option<&Cursor>, limit: u32) -> Page<CallRow>;

    /// How many calls match; counts no further than `most`.
    ///
    /// # Errors
    /// When the database fails.
    fn count_calls(&self, filter: &CallFilter, most: u32) -> u64;

    /// Sums over the calls that were created from `since_ms` until before `until_ms`.
    ///
    /// # Errors
    /// When the database fails.
    fn call_figures(&self, since_ms: i64, until_ms: i64) -> CallFigures;

    /// What a person said who answered.
    ///
    /// # Errors
    /// When the database fails.
    fn call_label(&self, call_id: &str) -> Option<CallLabelRow>;

    /// Keeps what a person says who answered, in place of what was said before. What was said of a call when it
    /// was drawn stays beside it.
    ///
    /// # Errors
    /// When the database fails, or there is no such call.
    fn label_call(
        &self,
        call_id: &str,
        truth: &str,
        verdict: Option<String>,
        origin: LabelOrigin,
        actor: Actor,
    ) -> ();

    /// Labelled calls, counted by flow, trunk, verdict and truth.
    ///
    /// # Errors
    /// When the database fails.
    fn label_tallies(&self) -> Vec<LabelTally>;

    /// What parameters in shadow said of the last `calls` calls beside which this set ran, counted by verdicts and truth.
    ///
    /// # Errors
    /// When the database fails.
    fn shadow_tallies(&self, set: &str, calls: u32) -> Vec<ShadowTally>;

    /// At most `limit` of those calls of which they said something else, the last ones first.
    ///
    /// # Errors
    /// When the database fails.
    fn shadow_differences(&self, set: &str, calls: u32, limit: u32) -> Vec<ShadowDifference>;

    /// At most `limit` labelled calls, those that were labelled last first; of all, or of those that were drawn alone.
    ///
    /// # Errors
    /// When the database fails.
    fn labelled_calls(&self, drawn: bool, limit: u32) -> Vec<LabelledCall>;

    /// The parameters of the verdict that were promoted or taken back last.
    ///
    /// # Errors
    /// When the database fails.
    fn amd_params(&self) -> Option<AmdParamsRow>;

    /// The same, and those before, newest first.
    ///
    /// # Errors
    /// When the database fails.
    fn amd_params_history(&self, most: u32) -> Vec<AmdParamsRow>;

    /// Writes down that parameters were promoted or taken back; `None` when something else was decided since `new.after`.
    ///
    /// # Errors
    /// When the database fails.
    fn put_amd_params(&self, new: NewAmdParams) -> Option<AmdParamsRow>;

    /// The next call to be labelled: one that was answered and decided, that has a recording and no label, drawn at random;
    /// behind the call `after`, when that was passed over.
    ///
    /// # Errors
    /// When the database fails.
    fn draw_call(&self, after: Option<&str>) -> Option<String>;

    /// The latest record of a call.
    ///
    /// # Errors
    /// When the database fails.
    fn cdr_of_call(&self, call_id: &str) -> Option<CdrRow>;

    /// Calls that the server's end cut off at or after `since_ms`, and of which there is no record but our own. Without
    /// a session are those that the carrier may have taken without anybody hearing its answer.
    ///
    /// # Errors
    /// When the database fails.
    fn cut_off_calls(&self, since_ms: i64) -> Vec<CallRow>;

    /// Whether a call or a record of this name of the carrier's is in the books.
    ///
    /// # Errors
    /// When the database fails.
    fn knows_session(&self, session_id: &str) -> bool;

    /// What a call's timeline tells about where it stood.
    ///
    /// # Errors
    /// When the database fails.
    fn last_signs(&self, call_id: &str) -> LastSigns;

    /// At most `limit` entries of a call's timeline behind `after_seq` (0 for the start).
    ///
    /// # Errors
    /// When the database fails.
    fn events(&self, call_id: &str, after_seq: i64, limit: u32) -> Vec<EventRow>;

    /// What the answering-machine verdict rests on.
    ///
    /// # Errors
    /// When the database fails.
    fn evidence(&self, call_id: &str) -> Option<Value>;

    /// # Errors
    /// When the database fails.
    fn transcripts(&self, call_id: &str) -> Vec<TranscriptRow>;

    /// # Errors
    /// When the database fails.
    fn recording(&self, call_id: &str) -> Option<RecordingRow>;

    /// A page of the records of calls within `visibility`.
    ///
    /// # Errors
    /// When the database fails.
    fn cdrs(&self, query: &CdrQuery, visibility: &Visibility) -> CdrPage;

    /// The record of one carrier session.
    ///
    /// # Errors
    /// When the database fails.
    fn cdr(&self, session_id: &str) -> Option<CdrRow>;

    /// At most `limit` recordings that are older than their flow, or else `keep_days`, allows; oldest first.
    ///
    /// # Errors
    /// When the database fails.
    fn expired_recordings(&self, now_ms: i64, keep_days: Option<u32>, limit: u32) -> Vec<ExpiredRecording>;

    /// Notes that the recording of a call, and the messages left in it, are deleted.
    ///
    /// # Errors
    /// When the database fails.
    fn recording_deleted(&self, call_id: String, at_ms: i64, messages: usize) -> ();

    /// At most `limit` calls that ended before `before_ms` and whose words are still there.
    ///
    /// # Errors
    /// When the database fails.
    fn calls_with_words(&self, before_ms: i64, limit: u32) -> Vec<String>;

    /// Deletes everything that was said and pressed in a call: the transcript, the texts in its timeline, in
    /// what the verdict rests on, and in notifications that are settled.
    ///
    /// # Errors
    /// When the database fails.
    fn delete_words(&self, call_id: String, at_ms: i64) -> ();
}
