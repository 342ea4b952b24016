//! What is kept of a call: its recording and for how long, and which digits nobody may read later.

/// What is kept of a call, as its flow wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingPolicy {
    /// The call as a whole is recorded.
    pub records: bool,
    /// Days until the recording is deleted; the server's own when the flow names none.
    pub keep_days: Option<u32>,
    /// Digits are hidden from everything that is kept of the call.
    pub redacts: bool,
}

impl Default for RecordingPolicy {
    fn default() -> Self {
        Self { records: true, keep_days: None, redacts: false }
    }
}
