//! Variables that a call must bring although the flow makes nothing of what it brings.

use crate::flow::model::Flow;
use crate::flow::read::Reader;

/// Reports variables that only steps write: declared without a default, they must come with every call.
pub(super) fn check(reader: &mut Reader<'_>, flow: &Flow) {
    let found: Vec<_> = flow
        .variables
        .iter()
        .filter(|(name, variable)| {
            variable.default.is_none() && flow.assigned.contains(*name) && !reader.read.contains(*name)
        })
        .filter_map(|(name, variable)| {
            Some((name.clone(), variable.kind.as_str(), *reader.declared_at.get(name)?))
        })
        .collect();
    for (name, kind, span) in found {
        let message = format!("every call must bring `{name}`, although only steps of the flow set it");
        reader.warn(span, message, format!("give it a default: `{name}: {{ type: {kind}, default: … }}`"));
    }
}
