//! Who changes flows: a name for the versions themselves, and an entry for the audit log.

use serde_json::json;

use crate::store::{Act, FlowLabelRow, LabelMove, NewAudit, NewFlowVersion};

/// Who changes flows.
#[derive(Clone, Debug)]
pub struct Author {
    name: String,
    act: Option<Act>,
}

impl Author {
    /// Somebody whose changes go into the audit log.
    #[must_use]
    pub fn new(name: impl Into<String>, act: Act) -> Self {
        Self { name: name.into(), act: Some(act) }
    }

    /// As versions have it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A version of theirs, and the entry for it.
    pub(super) fn uploads(
        self,
        flow: &str,
        digest: &str,
        message: String,
    ) -> (NewFlowVersion, Option<NewAudit>) {
        let detail = json!({ "digest": digest, "message": message });
        let entry = self.act.map(|act| NewAudit::new(act, "flow.upload", flow, detail));
        let (flow, digest) = (flow.to_owned(), digest.to_owned());
        (NewFlowVersion { flow, digest, author: self.name, message }, entry)
    }

    /// The entry for a label that is pointed at a version, or taken away.
    pub(super) fn moved(&self, row: &FlowLabelRow, what: LabelMove) -> Option<NewAudit> {
        let act = self.act.clone()?;
        let labelled = format!("{}/{}", row.flow, row.label);
        let (action, subject) = match what {
            LabelMove::Set => ("flow.label", labelled),
            LabelMove::TakeAway => ("flow.unlabel", labelled),
            LabelMove::Back => ("flow.rollback", row.flow.clone()),
        };
        Some(NewAudit::new(act, action, subject, json!({ "digest": row.digest })))
    }
}

/// The server itself, whose changes are no matter for the audit log.
impl From<&str> for Author {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), act: None }
    }
}

impl From<&Self> for Author {
    fn from(author: &Self) -> Self {
        author.clone()
    }
}
