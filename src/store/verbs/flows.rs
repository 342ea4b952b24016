//! Versions of flows, and their labels.

use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::{FlowLabelRow, FlowVersionRow, LabelMove, LabelMoveRow, NewAudit, NewFlowVersion};

verbs! {
    /// Writes a version down, unless the flow has one of that digest already, and `entry` into the audit log. Tells
    /// whether it is new.
    ///
    /// # Errors
    /// When the database fails.
    fn add_flow_version(&self, new: NewFlowVersion, entry: Option<NewAudit>) -> bool;

    /// Every version of every flow, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    fn flow_versions(&self) -> Vec<FlowVersionRow>;

    /// Every label of every flow.
    ///
    /// # Errors
    /// When the database fails.
    fn flow_labels(&self) -> Vec<FlowLabelRow>;

    /// The moves of a flow's labels, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    fn flow_label_moves(&self, flow: &str) -> Vec<LabelMoveRow>;

    /// Points a label at a version that exists, or takes it away, keeps the move, and writes `entry` into the audit log.
    /// `ran_before` is what a plain name runs until now.
    ///
    /// # Errors
    /// When the version is unknown or the database fails.
    fn move_flow_label(
        &self,
        label: FlowLabelRow,
        what: LabelMove,
        ran_before: String,
        author: String,
        entry: Option<NewAudit>,
    ) -> ();
}
