//! Files of the pages, compiled in. Their addresses change with what is in them, so browsers may keep them for good.

use std::io::Write;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::api::error::Problem;
use crate::api::extract::Path;

const STYLE: &str = include_str!("static/console.css");
const SCRIPT: &str = include_str!("static/console.js");
const TALK: &str = include_str!("static/talk.js");
/// Of the page of a call.
const CAMERA: &str = include_str!("static/camera.js");
const RING: &str = include_str!("static/ring.js");
const EMBED: &str = include_str!("static/embed.js");
const ICON: &str = include_str!("static/icon.svg");
/// What renews parts of a page, in the order in which it is loaded: files of others, as `static/vendor/README.md` names them.
const LIVE: [(&str, &str); 3] = [
    ("htmx.min.js", include_str!("static/vendor/htmx.min.js")),
    ("sse.min.js", include_str!("static/vendor/sse.min.js")),
    ("idiomorph-ext.min.js", include_str!("static/vendor/idiomorph-ext.min.js")),
];

fn address(file: &str, content: &str) -> String {
    let digest = hex::encode(Sha256::digest(content));
    format!("/static/{file}?v={}", digest.get(..12).unwrap_or_default())
}

/// The address of the style.
pub(super) fn style() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("console.css", STYLE));
    &ADDRESS
}

/// The address of the script.
pub(super) fn script() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("console.js", SCRIPT));
    &ADDRESS
}

/// The address of the script of the page on which somebody talks to a flow.
pub(super) fn talk() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("talk.js", TALK));
    &ADDRESS
}

/// The address of the script of the page of a call: its camera, live and recorded.
pub(super) fn camera() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("camera.js", CAMERA));
    &ADDRESS
}

/// The address of the script of a link that rings.
pub(super) fn ring() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("ring.js", RING));
    &ADDRESS
}

/// The addresses of what renews parts of a page.
pub(super) fn live() -> &'static [String] {
    static ADDRESSES: LazyLock<[String; 3]> =
        LazyLock::new(|| LIVE.map(|(file, content)| address(file, content)));
    &*ADDRESSES
}

/// The script for pages of others. Its address stays, so browsers ask again after an hour.
pub(super) async fn embed() -> Response {
    let told = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (told, EMBED).into_response()
}

struct File {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
    /// The same, compressed once.
    zipped: Vec<u8>,
}

/// Every file. They hold nothing that is anybody's, so compressing them gives nothing away.
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    const SCRIPTS: &str = "text/javascript; charset=utf-8";
    let own = [
        ("console.css", "text/css; charset=utf-8", STYLE),
        ("console.js", SCRIPTS, SCRIPT),
        ("talk.js", SCRIPTS, TALK),
        ("ring.js", SCRIPTS, RING),
        ("camera.js", SCRIPTS, CAMERA),
        ("icon.svg", "image/svg+xml", ICON),
    ];
    let all = own.into_iter().chain(LIVE.map(|(name, content)| (name, SCRIPTS, content)));
    all.map(|(name, kind, content)| File { name, kind, content, zipped: zipped(content) }).collect()
});

/// Empty where it cannot be made: then the file goes out as it is.
fn zipped(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn takes_zipped(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip")) && parts.all(|part| part != "q=0")
    })
}

/// A file of the pages.
pub(super) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let file = FILES.iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| Problem::not_found(&format!("file {name} of the pages")))?;
    let told = [
        (header::CONTENT_TYPE, file.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    if !file.zipped.is_empty() && takes_zipped(&headers) {
        return Ok((told, [(header::CONTENT_ENCODING, "gzip")], file.zipped.as_slice()).into_response());
    }
    Ok((told, file.content).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_stay_small_and_load_nothing_from_elsewhere() {
        assert!(STYLE.len() <= 30 * 1024, "{} bytes", STYLE.len());
        assert!(SCRIPT.len() <= 4 * 1024, "{} bytes", SCRIPT.len());
        assert!(TALK.len() <= 6 * 1024, "{} bytes", TALK.len());
        assert!(CAMERA.len() <= 4 * 1024, "{} bytes", CAMERA.len());
        assert!(RING.len() <= 8 * 1024, "{} bytes", RING.len());
        assert!(EMBED.len() <= 6 * 1024, "{} bytes", EMBED.len());
        for file in [STYLE, SCRIPT, TALK, CAMERA, RING, EMBED] {
            assert!(!file.contains("://") && !file.contains("@import") && !file.contains("eval("));
        }
        assert!(ICON.contains("<svg"));
    }

    #[test]
    fn a_browser_that_takes_it_gets_a_file_compressed() {
        let takes = |accepted: &str| {
            takes_zipped(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepted.parse().unwrap())]))
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, GZIP;q=0.8"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes_zipped(&HeaderMap::new()));
        for file in FILES.iter() {
            let mut text = String::new();
            let mut decoder = flate2::read::GzDecoder::new(file.zipped.as_slice());
            std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
            assert_eq!(text, file.content, "{}", file.name);
        }
    }

    #[test]
    fn files_of_others_are_those_that_are_written_down() {
        let written = include_str!("static/vendor/README.md").lines().filter(|line| line.contains(".js |"));
        let written: Vec<Vec<&str>> =
            written.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
        assert_eq!(written.len(), LIVE.len());
        for ((file, content), line) in LIVE.into_iter().zip(written) {
            let digest = hex::encode(Sha256::digest(content));
            assert!(
                matches!(line[..], [name, _, _, "0BSD", told] if name == file && told == digest),
                "{line:?}"
            );
            let notice = include_str!("../../NOTICE");
            assert!(notice.contains(&format!("{} {}", line[1], line[2])), "{} is not in NOTICE", line[1]);
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/static/vendor");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), LIVE.len() + 1, "nothing else lies there");
    }
}
