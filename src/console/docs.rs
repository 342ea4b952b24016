//! `/docs`: Swagger UI over the description. Its files are compiled in, so that the page needs no other host.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

use crate::api::error::Problem;
use crate::api::extract::Path;

/// Scripts, styles and requests stay with this server. Swagger UI inlines its images.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dering: the API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"##;

/// Asks nobody else: Swagger UI's validator badge would send the description to another host.
const START: &str = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', deepLinking: true, \
                     validatorUrl: null, filter: true, displayRequestDuration: true, docExpansion: 'list', \
                     defaultModelsExpandDepth: 0 });\n";

/// What the page needs of Swagger UI, unpacked at first use.
static FILES: LazyLock<BTreeMap<&'static str, Bytes>> = LazyLock::new(|| {
    let wanted = ["swagger-ui.css", "swagger-ui-bundle.js"];
    wanted.into_iter().filter_map(|name| unpacked(name).map(|file| (name, file))).collect()
});

fn unpacked(name: &str) -> Option<Bytes> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).ok()?;
    let ending = format!("/dist/{name}");
    let mut paths = archive.file_names().filter_map(Result::ok);
    let path = paths.find(|path| path.ends_with(&ending))?.into_owned();
    drop(paths);
    let mut file = Vec::new();
    archive.by_name(&path).ok()?.read_to_end(&mut file).ok()?;
    Some(file.into())
}

/// This description as a page, with a form for each request.
pub(super) async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, PAGE).into_response()
}

/// A file of the page.
pub(super) async fn asset(Path(file): Path<String>) -> Result<Response, Problem> {
    let kind =
        if file.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    if file == "start.js" {
        return Ok((headers, START).into_response());
    }
    let bytes = FILES.get(file.as_str()).cloned();
    let bytes = bytes.ok_or_else(|| Problem::not_found(&format!("file {file} of the page")))?;
    Ok((headers, bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_the_page_asks_for_is_compiled_in() {
        for (name, begins) in [("swagger-ui.css", ".swagger-ui"), ("swagger-ui-bundle.js", "/*! For license")]
        {
            assert!(PAGE.contains(name));
            let file = FILES.get(name).unwrap();
            assert!(file.windows(begins.len()).take(10_000).any(|part| part == begins.as_bytes()), "{name}");
        }
        assert!(!PAGE.contains("http"), "nothing comes from another host");
    }
}
