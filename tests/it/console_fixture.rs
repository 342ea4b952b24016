//! The pages without a socket: people, and a browser that keeps cookies and says from where its forms come.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use dering::access::{self, Role};
use dering::store::Actor;
use secrecy::ExposeSecret;

use crate::api_fixture::{Answer, TestApi};

/// A password that will do.
pub(crate) const PASSWORD: &str = "three quiet words";
/// Where the pages are, for the browser.
const ORIGIN: &str = "http://pages.test";

/// The server's side.
pub(crate) struct Pages {
    pub(crate) api: TestApi,
}

impl Pages {
    pub(crate) async fn open() -> Self {
        Self::with(&[], access::Options::default()).await
    }

    pub(crate) async fn with(flows: &[(&str, &str)], options: access::Options) -> Self {
        Self { api: TestApi::with(flows, options).await }
    }

    /// Somebody of this name, who has [`PASSWORD`]; their id.
    pub(crate) async fn invite(&self, name: &str, role: Role) -> String {
        let access = &self.api.api.access;
        let person = access.add_person(name, role, Actor::server()).await.unwrap();
        let link = access.password_link(&person.id, Actor::server()).await.unwrap();
        let form = [("link", secret(link.expose_secret())), ("password", PASSWORD), ("again", PASSWORD)];
        let answer = Browser::new(self).post("/welcome", &form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        person.id
    }

    /// A browser in which somebody of this role is signed in.
    pub(crate) async fn signed_in(&self, role: Role) -> Browser<'_> {
        let browser = Browser::new(self);
        self.invite(role.as_str(), role).await;
        let answer = browser.sign_in(role.as_str(), PASSWORD).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }
}

/// The secret in a link.
pub(crate) fn secret(link: &str) -> &str {
    link.rsplit_once("link=").unwrap().1
}

/// A browser.
pub(crate) struct Browser<'p> {
    pages: &'p Pages,
    pub(crate) cookies: Mutex<BTreeMap<String, String>>,
    pub(crate) language: &'static str,
    /// Where it is, as the server's socket sees it.
    address: Option<IpAddr>,
}

impl<'p> Browser<'p> {
    pub(crate) fn new(pages: &'p Pages) -> Self {
        Self { pages, cookies: Mutex::default(), language: "en", address: None }
    }

    pub(crate) fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    pub(crate) fn at(self, address: &str) -> Self {
        Self { address: Some(address.parse().unwrap()), ..self }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let cookies = self.cookies.lock().unwrap();
        let line: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "pages.test")
            .header(header::ACCEPT, "text/html,*/*;q=0.8")
            .header(header::ACCEPT_LANGUAGE, self.language)
            .header(header::USER_AGENT, "A <b>browser</b>");
        let request = match self.address {
            Some(address) => request.extension(ConnectInfo(SocketAddr::from((address, 4_000)))),
            None => request,
        };
        if line.is_empty() { request } else { request.header(header::COOKIE, line.join("; ")) }
    }

    /// Sends a request as it is and keeps the cookies of the answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.pages.api.send(request).await;
        let mut cookies = self.cookies.lock().unwrap();
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if set.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form from a page of this server; the token of the browser's forms has to be among the fields.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, fields, &[("origin", ORIGIN), ("sec-fetch-site", "same-origin")]).await
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut form = reqwest::Url::parse("http://form/").unwrap();
        form.query_pairs_mut().extend_pairs(fields);
        let mut request =
            self.request("POST", path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(form.query().unwrap_or_default().to_owned())).unwrap()).await
    }

    /// A form with the token that this browser's pages carry.
    pub(crate) async fn press(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token().await;
        let fields: Vec<_> = fields.iter().copied().chain([("token", token.as_str())]).collect();
        self.post(path, &fields).await
    }

    /// The token of this browser's forms.
    pub(crate) async fn token(&self) -> String {
        let page = self.get("/me").await.text;
        let behind = page.split("name=\"token\" value=\"").nth(1).expect("nobody is signed in");
        behind.split('"').next().unwrap().to_owned()
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.post("/sign-in", &[("name", name), ("password", password), ("next", "/")]).await
    }

    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookies.lock().unwrap().get("dering_session").cloned()
    }
}

/// Where an answer leads.
pub(crate) fn leads_to(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.headers[header::LOCATION].to_str().unwrap()
}
