//! What the server was started with: every setting, its value and where it is from. Secrets are told as set or not.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::frame::{Frame, Room, Sees};
use crate::access::Administer;
use crate::api::error::Problem;
use crate::api::{Api, Origin, Setting, Told};

#[derive(Serialize)]
struct Page {
    sections: Vec<Section>,
    /// The file that was read.
    file: String,
}

/// Settings that stand under one key of the file.
#[derive(Serialize)]
struct Section {
    name: String,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    value: String,
    /// It is nothing, or a secret: the value is a word of ours.
    word: bool,
    origin: String,
    /// Somebody has set it.
    given: bool,
}

impl Line {
    fn of(frame: &Frame, setting: &Setting) -> Self {
        let (value, word) = match &setting.value {
            Told::Text(text) => (text.clone(), false),
            Told::Nothing => (frame.say("settings_nothing").to_owned(), true),
            Told::Secret(true) => (frame.say("settings_secret_set").to_owned(), true),
            Told::Secret(false) => (frame.say("settings_secret_not_set").to_owned(), true),
        };
        let (origin, given) = match &setting.origin {
            Origin::Default => (frame.say("settings_default").to_owned(), false),
            Origin::File { path, line } => {
                let parts = [("file", path.as_str()), ("line", &line.to_string())];
                (frame.tell("settings_from_file", &parts), true)
            }
            Origin::Environment(name) => (frame.tell("settings_from_environment", &[("name", name)]), true),
        };
        Self { name: setting.name.clone(), value, word, origin, given }
    }
}

/// Every setting.
pub(super) async fn page(sees: Sees<Administer>, State(api): State<Api>) -> Result<Response, Problem> {
    let mut sections: Vec<Section> = Vec::new();
    for setting in api.settings.iter() {
        let key = setting.name.split(['.', '[']).next().unwrap_or_default();
        // Settings that stand alone come together.
        let key = if key == setting.name { "" } else { key };
        let line = Line::of(&sees, setting);
        match sections.iter_mut().find(|section| section.name == key) {
            Some(section) => section.lines.push(line),
            None => sections.push(Section { name: key.to_owned(), lines: vec![line] }),
        }
    }
    let file = api.settings.iter().find_map(|setting| match &setting.origin {
        Origin::File { path, .. } => Some(path.clone()),
        Origin::Default | Origin::Environment(_) => None,
    });
    let page = Page { sections, file: file.unwrap_or_default() };
    Ok(sees.page(&api, ("settings.html", Room::Settings), sees.say("nav_settings"), &[], &page))
}
