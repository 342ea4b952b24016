//! What the codes of the API's errors mean and what to do: the pages that the `type` of each answer leads to.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use strum::VariantArray as _;

use super::frame::{Crumb, Frame, Room, wants_page};
use super::signing::Asked;
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::Path;

#[derive(Serialize)]
struct Explained {
    code: &'static str,
    href: String,
    /// The HTTP status that goes with it.
    status: u16,
    means: &'static str,
    remedy: &'static str,
}

impl Explained {
    fn of(frame: &Frame, code: Code) -> Self {
        let name = code.name();
        Self {
            code: name,
            href: code.page(),
            status: code.status().as_u16(),
            means: frame.say(&format!("problem_{name}")),
            remedy: frame.say(&format!("problem_{name}_do")),
        }
    }
}

#[derive(Serialize)]
struct All {
    problems: Vec<Explained>,
}

/// Every code.
pub(super) async fn list(State(api): State<Api>, Asked(frame): Asked) -> Response {
    let problems = Code::VARIANTS.iter().map(|&code| Explained::of(&frame, code)).collect();
    frame.page(&api, ("problems.html", Room::Elsewhere), frame.say("problems_title"), &[], &All { problems })
}

/// One code, as a page or, for a program, as JSON.
pub(super) async fn one(
    State(api): State<Api>,
    Asked(frame): Asked,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let code = Code::VARIANTS.iter().copied().find(|code| code.name() == name);
    let code = code.ok_or_else(|| Problem::not_found(&format!("error code {name}; /problems lists them")))?;
    if !wants_page(&headers) {
        return Ok(Json(Explained::of(&frame, code)).into_response());
    }
    let crumbs = [Crumb::new("/problems", frame.say("problems_title"))];
    Ok(frame.page(&api, ("problem.html", Room::Elsewhere), &name, &crumbs, &Explained::of(&frame, code)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::words::Language;

    #[test]
    fn every_code_is_explained_in_every_language() {
        for language in Language::ALL {
            for code in Code::VARIANTS {
                for key in [format!("problem_{}", code.name()), format!("problem_{}_do", code.name())] {
                    assert!(language.has(&key), "{key} in {}", language.tag());
                }
            }
        }
    }

    #[test]
    fn a_code_is_spelt_in_pages_as_in_answers() {
        for code in Code::VARIANTS {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
