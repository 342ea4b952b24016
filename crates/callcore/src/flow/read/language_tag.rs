//! Language tags: their form, and tags that have the form of one and name no language.

use super::reader::Reader;
use crate::yaml::Node;
use crate::yaml::Span;

/// A language tag: `en`, `id-ID`.
pub(crate) fn language(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.scalar(node, "`language`")?;
    if is_language(text) {
        check(reader, text, node.span);
        return Some(text.to_owned());
    }
    reader.error(node.span, format!("`{text}` is not a language tag"), "write it like `en` or `id-ID`");
    None
}

/// Whether a text has the form of a language tag.
pub(crate) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.chars().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// The two-letter codes of ISO 639-1.
const CODES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz \
ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja \
jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng \
nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv \
sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// Codes of countries and other names that are written in the place of a language, and what is meant.
const MEANT: [(&str, &str); 20] = [
    ("cn", "zh"),
    ("jp", "ja"),
    ("vn", "vi"),
    ("cz", "cs"),
    ("dk", "da"),
    ("gr", "el"),
    ("gb", "en-GB"),
    ("us", "en-US"),
    ("au", "en-AU"),
    ("br", "pt-BR"),
    ("mx", "es-MX"),
    ("at", "de-AT"),
    ("in", "hi"),
    ("iw", "he"),
    ("eng", "en"),
    ("ind", "id"),
    ("spa", "es"),
    ("fra", "fr"),
    ("deu", "de"),
    ("por", "pt"),
];

/// Regions that are no code of a country.
const REGIONS: [(&str, &str); 2] = [("uk", "GB"), ("en", "US")];

/// Warns of a tag whose language or region nobody has. Codes of three letters are taken as they are, but for those
/// with a shorter one.
pub(crate) fn check(reader: &mut Reader<'_>, tag: &str, span: Span) {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    if let Some((_, meant)) = MEANT.iter().find(|(written, _)| *written == language) {
        let message = format!("no language has the code `{language}`");
        return reader.warn(span, message, format!("did you mean `{meant}`?"));
    }
    if language.len() == 2 && !CODES.split(' ').any(|code| code == language) {
        let hint = "languages have codes such as `en`, `id`, `es` or `de-AT` (ISO 639)";
        return reader.warn(span, format!("no language has the code `{language}`"), hint);
    }
    let region = parts.next().unwrap_or_default();
    if let Some((_, meant)) = REGIONS.iter().find(|(written, _)| region.eq_ignore_ascii_case(written)) {
        let message = format!("no country has the code `{region}`");
        reader.warn(span, message, format!("did you mean `{language}-{meant}`?"));
    }
}
