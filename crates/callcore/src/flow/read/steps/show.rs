//! `show`: what the callee sees, where the call carries pictures.

use super::path::is_below;
use crate::flow::model::{NamedFile, Step};
use crate::flow::read::reader::Reader;
use crate::yaml::Node;

/// The word for showing nothing any more.
const NONE: &str = "none";

/// `show: pictures/menu.webp`, or `show: none`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Step> {
    let path = reader.scalar(node, "the picture")?;
    if path == NONE {
        return Some(Step::Show(None));
    }
    if !is_below(reader, path, node.span, "pictures/welcome.webp") {
        return None;
    }
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    if !matches!(ending.as_str(), "ivf" | "webp") {
        let message = format!("`{path}` is not a `.ivf` or `.webp` file");
        let hint = "make a clip with `ffmpeg -i film.mp4 -an -c:v libvpx clip.ivf`, or a still with \
                    `cwebp picture.png -o picture.webp`; `show: none` shows nothing any more";
        reader.error(node.span, message, hint);
        return None;
    }
    let (line, column) = (node.span.line, node.span.column);
    reader.pictures.entry(path.to_owned()).or_insert(NamedFile { path: path.to_owned(), line, column });
    Some(Step::Show(Some(path.to_owned())))
}
