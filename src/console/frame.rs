//! The frame of every page: who looks at it, in which language, zone and light, and where they may go from there.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::render::render;
use super::when::Zone;
use super::words::Language;
use crate::access::{
    Administer, Identity, Person, Principal, Right, SeeCalls, SeeCampaigns, SeeContacts, SeeFlows, SeeServer,
    Visit,
};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::may::Asker;
use crate::trunk::{Reach, Trunk};
use crate::wallclock::now_ms;

/// Fewest digits in a text that may be a number of somebody.
const SHORTEST_NUMBER: usize = 6;

pub(super) const LANGUAGE: &str = "dering_lang";
pub(super) const THEME: &str = "dering_theme";
pub(super) const ZONE: &str = "dering_zone";

/// The light that somebody wants; `None` is what their system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    Dark,
    Light,
}

impl Theme {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Dark, Self::Light].into_iter().find(|theme| theme.as_str() == name)
    }
}

/// A room of the console, as the rail shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Home,
    Calls,
    Campaigns,
    Contacts,
    Lists,
    DoNotCall,
    Flows,
    Accuracy,
    Webhooks,
    Trunks,
    Speech,
    Settings,
    Audit,
    People,
    Callers,
    Own,
    /// None of those in the rail.
    Elsewhere,
}

/// A room as the rail leads to it.
struct Door {
    room: Room,
    href: &'static str,
    /// The key of its name.
    label: &'static str,
    allowed: fn(&Principal) -> bool,
}

const fn door(room: Room, href: &'static str, label: &'static str, allowed: fn(&Principal) -> bool) -> Door {
    Door { room, href, label, allowed }
}

/// The rail, from its top.
static RAIL: [Door; 15] = [
    door(Room::Home, "/", "nav_home", may::<SeeServer>),
    door(Room::Calls, "/calls", "nav_calls", may::<SeeCalls>),
    door(Room::Campaigns, "/campaigns", "nav_campaigns", may::<SeeCampaigns>),
    door(Room::Contacts, "/contacts", "nav_contacts", may::<SeeContacts>),
    door(Room::Lists, "/lists", "nav_lists", may::<SeeContacts>),
    door(Room::DoNotCall, "/do-not-call", "nav_do_not_call", may::<SeeCalls>),
    door(Room::Flows, "/flows", "nav_flows", may::<SeeFlows>),
    door(Room::Accuracy, "/accuracy", "nav_accuracy", may::<SeeServer>),
    door(Room::Webhooks, "/webhooks", "nav_webhooks", may::<SeeServer>),
    door(Room::Trunks, "/trunks", "nav_trunks", may::<SeeServer>),
    door(Room::Speech, "/speech", "nav_speech", may::<SeeServer>),
    door(Room::Audit, "/audit", "nav_audit", may::<Administer>),
    door(Room::People, "/people", "nav_people", may::<Administer>),
    door(Room::Callers, "/callers", "nav_callers", may::<Administer>),
    door(Room::Settings, "/settings", "nav_settings", may::<Administer>),
];

/// Whether somebody has a right.
pub(super) fn may<R: Right>(principal: &Principal) -> bool {
    principal.require(&R::RULE).is_ok()
}

/// What a page knows of who looks at it.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    who: Option<Principal>,
    pub(super) language: Language,
    theme: Option<Theme>,
    pub(super) zone: Zone,
    /// The page itself, to come back to.
    path: String,
    /// The key of what was just done.
    done: Option<String>,
}

/// A page above this one.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Crumb {
    href: String,
    label: String,
}

impl Crumb {
    pub(super) fn new(href: impl Into<String>, label: impl Into<String>) -> Self {
        Self { href: href.into(), label: label.into() }
    }
}

#[derive(Serialize)]
struct Item {
    href: &'static str,
    label: String,
    here: bool,
}

/// As the template of the frame wants it.
#[derive(Serialize)]
struct Shown<'f> {
    lang: &'static str,
    languages: Vec<(&'static str, &'static str)>,
    theme: &'static str,
    zone: &'f str,
    now: super::when::At,
    path: &'f str,
    title: &'f str,
    crumbs: &'f [Crumb],
    rail: Vec<Item>,
    person: Option<&'f str>,
    role: &'static str,
    token: &'f str,
    done: Option<&'f str>,
    calls_now: usize,
    carriers: (usize, usize),
    /// A sentence for each trunk whose carrier is out of reach.
    away: Vec<String>,
    style: &'static str,
    script: &'static str,
    live: &'static [String],
}

/// A cookie that holds nothing but a wish.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The peer of a request, where it came over a connection.
pub(super) fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
}

/// Whether a page is wanted, and not a document for a program.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let mut kind = kind.split(';').map(str::trim);
        kind.next() == Some("text/html") && kind.all(|part| part != "q=0")
    })
}

impl Frame {
    /// # Errors
    /// When the database fails.
    pub(super) async fn of(parts: &Parts, api: &Api) -> Result<Self, Problem> {
        let who = api.access.person(&Visit { headers: &parts.headers, peer: peer(parts) }).await?;
        if let Some(who) = &who {
            Asker::of(&parts.extensions, who);
        }
        let bare = Self::bare(&parts.headers, &parts.uri);
        // The answer to a form has no address of its own.
        let path = if parts.method == Method::POST { String::new() } else { bare.path };
        Ok(Self { who, path, ..bare })
    }

    /// The same, of a page that one may come back to by this address.
    pub(super) fn reached_by(&self, path: &str, query: &[(&str, &str)]) -> Self {
        let url = reqwest::Url::parse_with_params(&format!("http://page{path}"), query);
        let query = url.as_ref().ok().and_then(|url| url.query()).unwrap_or_default();
        Self { path: format!("{path}?{query}"), ..self.clone() }
    }

    /// The same, of a page that is shown once: nothing on it leads away and back.
    pub(super) fn shown_once(&self) -> Self {
        Self { path: String::new(), ..self.clone() }
    }

    /// Of a page for anybody.
    pub(super) fn bare(headers: &HeaderMap, uri: &Uri) -> Self {
        let wish = |name| cookie(headers, name);
        let language = wish(LANGUAGE).and_then(Language::of_tag).or_else(|| Language::asked_for(headers));
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let query = reqwest::Url::parse("http://page").ok().map(|mut url| {
            url.set_query(uri.query());
            url
        });
        let done = query.and_then(|url| {
            url.query_pairs().find(|(name, _)| name == "done").map(|(_, key)| format!("done_{key}"))
        });
        Self {
            who: None,
            language: language.unwrap_or(Language::English),
            theme: wish(THEME).and_then(Theme::named),
            zone: wish(ZONE).and_then(Zone::named).unwrap_or_default(),
            path: path.to_owned(),
            done: done.filter(|key| Language::English.has(key)),
        }
    }

    pub(super) fn person(&self) -> Option<&Arc<Person>> {
        match self.who.as_ref()?.identity() {
            Identity::Person(person) => Some(person),
            Identity::App(_) | Identity::Key(_) | Identity::Local(_) => None,
        }
    }

    pub(super) fn say(&self, key: &str) -> &'static str {
        self.language.say(key)
    }

    pub(super) fn tell(&self, key: &str, parts: &[(&str, &str)]) -> String {
        self.language.tell(key, parts)
    }

    /// A page of this room with one heading.
    pub(super) fn page<T: Serialize>(
        &self,
        api: &Api,
        (template, room): (&str, Room),
        title: &str,
        crumbs: &[Crumb],
        page: &T,
    ) -> Response {
        let rail = self.who.iter().flat_map(|who| {
            RAIL.iter().filter(move |door| (door.allowed)(who)).map(|door| Item {
                href: door.href,
                label: self.say(door.label).to_owned(),
                here: door.room == room,
            })
        });
        let person = self.person();
        let shown = Shown {
            lang: self.language.tag(),
            languages: Language::ALL.map(|language| (language.tag(), language.own_name())).into(),
            theme: self.theme.map_or("", Theme::as_str),
            zone: self.zone.name(),
            now: self.zone.clock(now_ms()),
            path: &self.path,
            title,
            crumbs,
            rail: rail.collect(),
            person: person.map(|person| person.name.as_str()),
            role: person.map_or("", |person| person.role.as_str()),
            token: person.map_or("", |person| person.form_token()),
            done: self.done.as_deref().map(|key| self.language.say(key)),
            calls_now: person.map_or(0, |_| api.calls.live().len()),
            carriers: api.calls.carriers(),
            // The first page says so itself, and renews it.
            away: if person.is_some() && room != Room::Home {
                self.away(api.calls.trunks())
            } else {
                Vec::new()
            },
            style: super::files::style(),
            script: super::files::script(),
            live: super::files::live(),
        };
        render(template, self.language.texts(), &shown, page)
    }

    fn away(&self, trunks: &[Trunk]) -> Vec<String> {
        trunks.iter().filter_map(|trunk| self.trunk_away(trunk)).collect()
    }

    /// Since when the carrier of a trunk is out of reach, if it is.
    pub(super) fn trunk_away(&self, trunk: &Trunk) -> Option<String> {
        match trunk.reach() {
            Reach::Away { since_ms, .. } => {
                let at = self.zone.at(since_ms);
                Some(self.tell("trunk_away_since", &[("name", trunk.name()), ("at", at.text())]))
            }
            Reach::Within | Reach::Unknown => None,
        }
    }

    /// A number as the reader may see it.
    pub(super) fn number(&self, number: &str) -> String {
        if self.sees_numbers() { number.to_owned() } else { crate::telemetry::mask(number) }
    }

    /// A text in which numbers may stand, as the reader may see it.
    pub(super) fn told(&self, text: &str) -> String {
        self.masked(text, "-")
    }

    /// The same, of what people wrote down of a contact, who write numbers in many ways.
    pub(super) fn noted(&self, text: &str) -> String {
        self.masked(text, "-. ()/")
    }

    /// `between` may stand between the digits of a number.
    fn masked(&self, text: &str, between: &str) -> String {
        if self.sees_numbers() {
            return text.to_owned();
        }
        let mut told = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, from) = rest.split_at(at);
            let end = from.find(|c: char| !c.is_ascii_digit() && !between.contains(c)).unwrap_or(from.len());
            let end = from[..end].rfind(|c: char| c.is_ascii_digit()).map_or(end, |last| last + 1);
            let (digits, behind) = from.split_at(end);
            told.push_str(before);
            let shown = if digits.bytes().filter(u8::is_ascii_digit).count() < SHORTEST_NUMBER {
                digits.to_owned()
            } else {
                crate::telemetry::mask(digits)
            };
            told.push_str(&shown);
            rest = behind;
        }
        told.push_str(rest);
        told
    }

    pub(super) fn sees_numbers(&self) -> bool {
        self.person().is_some_and(|person| person.role.sees_numbers())
    }

    /// Refuses to look for a number, or a part of one, for those who do not see them: what is found would tell it, digit by
    /// digit.
    ///
    /// # Errors
    /// When `searched` holds a digit and the reader sees no numbers.
    pub(super) fn may_look_for(&self, searched: &str) -> Result<(), Problem> {
        if self.sees_numbers() || !searched.contains(|c: char| c.is_numeric()) {
            return Ok(());
        }
        Err(Problem::new(Code::ScopeMissing, self.say("numbers_masked")))
    }
}

/// Somebody who is signed in and has the right `R`, and the frame of the page they asked for.
pub(super) struct Sees<R> {
    pub(super) who: Principal,
    pub(super) frame: Frame,
    right: PhantomData<R>,
}

impl<R> Deref for Sees<R> {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        &self.frame
    }
}

impl<R: Right> Sees<R> {
    /// # Errors
    /// When nobody is signed in, or who is may not.
    pub(super) fn from(frame: Frame) -> Result<Self, Problem> {
        let who = frame.who.clone().ok_or_else(|| Problem::new(Code::CredentialsMissing, "sign in first"))?;
        who.require(&R::RULE)?;
        Ok(Self { who, frame, right: PhantomData })
    }
}

impl<R: Right> FromRequestParts<Api> for Sees<R> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let frame = Frame::of(parts, api).await.map_err(IntoResponse::into_response)?;
        if frame.who.is_none() && parts.method == Method::GET && wants_page(&parts.headers) {
            return Err(sign_in_first(&frame.path));
        }
        Self::from(frame).map_err(IntoResponse::into_response)
    }
}

/// To the page where one signs in, and back from there.
fn sign_in_first(path: &str) -> Response {
    if path == "/" {
        return Redirect::to("/sign-in").into_response();
    }
    let mut url = reqwest::Url::parse("http://page/sign-in").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().append_pair("next", path);
    }
    let query = url.as_ref().and_then(|url| url.query()).unwrap_or_default();
    Redirect::to(&format!("/sign-in?{query}")).into_response()
}

/// An address on this server: whatever else is asked for is its first page.
pub(super) fn inside(next: &str) -> String {
    let plain =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t', '\0']);
    let base = reqwest::Url::parse("http://page/").ok();
    let url = base.filter(|_| plain).and_then(|base| base.join(next).ok());
    match url {
        Some(url) if url.host_str() == Some("page") && url.path() != "/sign-in" => {
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
        }
        Some(_) | None => "/".to_owned(),
    }
}

/// Those who see anything at all.
pub(super) type Anybody = SeeCalls;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_after_they_signed_in() {
        for (next, leads) in [
            ("/calls?flow=a&x=%2F", "/calls?flow=a&x=%2F"),
            ("/", "/"),
            ("//evil.test/", "/"),
            ("/\\evil.test", "/"),
            ("https://evil.test/", "/"),
            ("javascript:alert(1)", "/"),
            ("/\t/evil.test", "/"),
            ("/sign-in?next=/sign-in", "/"),
            ("", "/"),
        ] {
            assert_eq!(inside(next), leads, "{next}");
        }
    }

    #[test]
    fn a_page_is_for_browsers_and_a_document_for_programs() {
        let wants =
            |accept: &str| wants_page(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]));
        assert!(wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!wants("*/*") && !wants("application/json") && !wants("text/html;q=0"));
        assert!(!wants_page(&HeaderMap::new()));
    }
}
