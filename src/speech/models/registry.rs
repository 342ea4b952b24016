//! Package indexes as pip reads them: where a package's file lies. Both forms of the simple index are understood, JSON
//! (PEP 691) and HTML (PEP 503).

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Url};
use serde::Deserialize;

use super::download::reason;

/// JSON where the index has it.
const ACCEPTED: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
/// Beyond the page of any package with a few files.
const MOST_BYTES: usize = 16 << 20;

#[derive(Deserialize)]
struct Page {
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    filename: String,
    url: String,
}

/// The address of `file` of `package` at `index`, whose address ends with `/simple` as a rule. What fails is a reason
/// without the address, which may hold a password.
pub(in crate::speech) async fn address(
    client: &Client,
    index: &str,
    package: &str,
    file: &str,
) -> Result<Url, String> {
    let page = format!("{}/{package}/", index.trim_end_matches('/'));
    let request = client.get(page).header(ACCEPT, ACCEPTED);
    let mut response = request.send().await.map_err(|error| reason(&error))?;
    if !response.status().is_success() {
        return Err(format!("the answer about {package} is {}", response.status()));
    }
    let from = response.url().clone();
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("json"));
    let mut body = Vec::new();
    while let Some(block) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + block.len() > MOST_BYTES {
            return Err(format!("its page about {package} is too long"));
        }
        body.extend_from_slice(&block);
    }
    let found = if is_json { in_json(&body, file)? } else { in_html(&String::from_utf8_lossy(&body), file) };
    let found = found.ok_or_else(|| format!("it has no {file}"))?;
    from.join(&found).map_err(|error| format!("its address of {file} is none: {error}"))
}

fn in_json(body: &[u8], file: &str) -> Result<Option<String>, String> {
    let page: Page =
        serde_json::from_slice(body).map_err(|error| format!("its page is no index: {error}"))?;
    Ok(page.files.into_iter().find(|listed| listed.filename == file).map(|listed| listed.url))
}

/// The link whose path ends with the name of the file.
fn in_html(page: &str, file: &str) -> Option<String> {
    page.split("href=").skip(1).find_map(|rest| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let link = rest[1..].split(quote).next()?.replace("&amp;", "&");
        let path = link.split(['#', '?']).next()?;
        (path.rsplit('/').next() == Some(file)).then(|| link.split('#').next().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_in_either_form_of_an_index() {
        let html = r#"<a href="../../packages/a/m-1.0-py3-none-any.whl#sha256=0">m-1.0</a>
            <a href='https://files.example.org/b/m-1.1-py3-none-any.whl?x=1&amp;y=2#sha256=1'>m-1.1</a>"#;
        let found = |file| in_html(html, file);
        assert_eq!(
            found("m-1.0-py3-none-any.whl").as_deref(),
            Some("../../packages/a/m-1.0-py3-none-any.whl")
        );
        let other = found("m-1.1-py3-none-any.whl");
        assert_eq!(other.as_deref(), Some("https://files.example.org/b/m-1.1-py3-none-any.whl?x=1&y=2"));
        assert_eq!(found("m-2.0-py3-none-any.whl"), None);
        let json =
            br#"{"meta":{"api-version":"1.0"},"files":[{"filename":"m.whl","url":"/p/m.whl","hashes":{}}]}"#;
        assert_eq!(in_json(json, "m.whl"), Ok(Some("/p/m.whl".into())));
        assert_eq!(in_json(json, "n.whl"), Ok(None));
        assert!(in_json(b"<html>", "m.whl").is_err());
    }
}
