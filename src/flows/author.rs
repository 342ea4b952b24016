//! Who changes flows: a name for the versions themselves, and an entry for the audit log.

use serde_json::json;

use crate::store::{Actor, AuditAction, FlowLabelRow, LabelMove, NewAudit, NewFlowVersion};

/// Who changes flows.
#[derive(Clone, Debug)]
pub struct Author {
    name: String,
    actor: Option<Actor>,
}

impl Author {
    /// Somebody whose changes go into the audit log.
    #[must_use]
    pub fn new(name: impl Into<String>, actor: Actor) -> Self {
        Self { name: name.into(), actor: Some(actor) }
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
        let entry = self.actor.map(|actor| NewAudit::new(actor, AuditAction::FlowUpload, flow, detail));
        let (flow, digest) = (flow.to_owned(), digest.to_owned());
        (NewFlowVersion { flow, digest, author: self.name, message }, entry)
    }

    /// The entry for a label that is pointed at a version, or taken away.
    pub(super) fn moved(&self, row: &FlowLabelRow, what: LabelMove) -> Option<NewAudit> {
        let actor = self.actor.clone()?;
        let labelled = format!("{}/{}", row.flow, row.label);
        let (action, subject) = match what {
            LabelMove::Set => (AuditAction::FlowLabel, labelled),
            LabelMove::TakeAway => (AuditAction::FlowUnlabel, labelled),
            LabelMove::Back => (AuditAction::FlowRollback, row.flow.clone()),
        };
        Some(NewAudit::new(actor, action, subject, json!({ "digest": row.digest })))
    }
}

/// The server itself, whose changes are no matter for the audit log.
impl From<&str> for Author {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), actor: None }
    }
}

impl From<&Self> for Author {
    fn from(author: &Self) -> Self {
        author.clone()
    }
}
