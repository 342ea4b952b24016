//! Files that steps name.

use crate::flow::read::reader::Reader;
use crate::yaml::Span;

/// Whether `path` leads to a file below the flow's folder; if not, that is reported with an `example`.
pub(super) fn is_below(reader: &mut Reader<'_>, path: &str, span: Span, example: &str) -> bool {
    let outside = path.starts_with(['/', '\\', '~'])
        || path.contains(['\\', '\0', ':'])
        || path.split('/').any(|part| matches!(part, ".." | "." | ""));
    if outside {
        let hint = format!("name it relative to the flow's folder, such as `{example}`");
        reader.error(span, format!("`{path}` is not a path below the flow's folder"), hint);
    }
    !outside
}
