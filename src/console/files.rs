//! Files of the pages, compiled in. Their addresses change with what is in them, so browsers may keep them for good.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::api::error::Problem;
use crate::api::extract::Path;

const STYLE: &str = include_str!("static/console.css");
const SCRIPT: &str = include_str!("static/console.js");
const ICON: &str = include_str!("static/icon.svg");

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

/// A file of the pages.
pub(super) async fn file(Path(file): Path<String>) -> Result<Response, Problem> {
    let (kind, content) = match file.as_str() {
        "console.css" => ("text/css; charset=utf-8", STYLE),
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(Problem::not_found(&format!("file {file} of the pages"))),
    };
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, content).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_stay_small_and_load_nothing_from_elsewhere() {
        assert!(STYLE.len() <= 30 * 1024, "{} bytes", STYLE.len());
        assert!(SCRIPT.len() <= 4 * 1024, "{} bytes", SCRIPT.len());
        for file in [STYLE, SCRIPT] {
            assert!(!file.contains("://") && !file.contains("@import") && !file.contains("eval("));
        }
        assert!(ICON.contains("<svg"));
    }
}
