//! The second step of signing in: a code, and how somebody sets up the telephone that makes it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use qrcode::{Color, QrCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::forms::Posted;
use super::frame::{Frame, Room, inside};
use super::let_in::{keep_zone, let_in};
use crate::access::{Enrolment, Error};
use crate::api::Api;
use crate::api::error::Problem;

/// Empty squares around a code.
const MARGIN: usize = 4;

/// The second step, as its page shows it.
#[derive(Default, Serialize)]
pub(super) struct SecondStep {
    step: String,
    next: String,
    zone: String,
    error: String,
    /// What to take over into a telephone, of who has none yet.
    enrol: Option<Square>,
}

/// A second factor that is being set up: what to read, and what to type where nothing can be read.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Square {
    /// Which time it is that this browser sets one up.
    begun: String,
    /// In groups of four letters.
    secret: String,
    /// The dark squares, as the path of an SVG picture.
    path: String,
    /// Squares on each side.
    side: usize,
}

impl Square {
    pub(super) fn of(enrolment: &Enrolment) -> Self {
        let secret: Vec<char> = enrolment.secret.expose_secret().chars().collect();
        let groups = secret.chunks(4).map(String::from_iter).collect::<Vec<_>>();
        let (path, side) = picture(enrolment.address.expose_secret()).unwrap_or_default();
        Self { begun: enrolment.begun.clone(), secret: groups.join(" "), path, side }
    }
}

/// The path and the width of the QR code of a text; `None` for one that is too long.
fn picture(text: &str) -> Option<(String, usize)> {
    use std::fmt::Write as _;
    let code = QrCode::new(text).ok()?;
    let (width, colors) = (code.width(), code.into_colors());
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let run = row[x..].iter().take_while(|color| **color == Color::Dark).count();
            if run > 0 {
                write!(path, "M{} {}h{run}v1h-{run}z", x + MARGIN, y + MARGIN).ok()?;
            }
            x += run.max(1);
        }
    }
    Some((path, width + 2 * MARGIN))
}

/// Codes for who loses their telephone, shown once.
#[derive(Serialize)]
struct Codes<'c> {
    codes: &'c [String],
    next: &'c str,
}

/// The host of the pages, as the browser calls it.
pub(super) fn host(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// Asks for the code; of who has no telephone set up yet, to set it up.
pub(super) async fn asked(
    api: &Api,
    frame: &Frame,
    headers: &HeaderMap,
    (secret, next, zone): (&SecretString, &str, &str),
    error: String,
) -> Result<Response, Problem> {
    let Some(row) = api.access.at_second_step(secret).await? else { return Ok(late(frame, next)) };
    let enrolment = if row.has_second_factor {
        None
    } else {
        Some(api.access.enrolment_at(secret, &row.name, host(headers)))
    };
    let page = SecondStep {
        step: secret.expose_secret().to_owned(),
        next: next.to_owned(),
        zone: zone.to_owned(),
        enrol: enrolment.as_ref().map(Square::of),
        error,
    };
    let title = if page.enrol.is_some() { "factor_set_up" } else { "factor_title" };
    let frame = frame.shown_once();
    let mut response = frame.page(api, ("second_step.html", Room::Elsewhere), frame.say(title), &[], &page);
    if !page.error.is_empty() {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(response)
}

/// Back to the password, with a word why.
fn late(_: &Frame, next: &str) -> Response {
    let url = reqwest::Url::parse_with_params("http://page/sign-in", [("next", next), ("why", "late")]);
    let query = url.as_ref().ok().and_then(|url| url.query()).unwrap_or_default();
    Redirect::to(&format!("/sign-in?{query}")).into_response()
}

/// Takes the code.
pub(super) async fn take(State(api): State<Api>, posted: Posted) -> Result<Response, Problem> {
    let (written, frame) = (&posted.written, &posted.frame);
    let secret = SecretString::from(written.exactly("step"));
    let (next, zone) = (inside(written.text("next")), written.text("zone"));
    let error = match api.access.finish_second_step(&secret, written.text("code"), &posted.visit()).await {
        Ok(Some(through)) if through.recovery_codes.is_empty() => {
            return Ok(keep_zone(&api, zone, let_in(&through.cookie, &next)));
        }
        Ok(Some(through)) => {
            let page = Codes { codes: &through.recovery_codes, next: &next };
            let title = frame.say("factor_codes");
            let once = frame.shown_once();
            let mut response = once.page(&api, ("recovery_codes.html", Room::Elsewhere), title, &[], &page);
            response.headers_mut().extend(through.cookie.header().map(|value| (header::SET_COOKIE, value)));
            return Ok(keep_zone(&api, zone, response));
        }
        Ok(None) => return Ok(late(frame, &next)),
        Err(Error::SignIn) => frame.say("factor_wrong").to_owned(),
        Err(Error::TooManyLogins { wait_s }) => {
            let told = frame.tell("sign_in_slow", &[("seconds", &wait_s.to_string())]);
            let mut response = asked(&api, frame, &posted.headers, (&secret, &next, zone), told).await?;
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
            return Ok(response);
        }
        Err(error) => return Err(error.into()),
    };
    asked(&api, frame, &posted.headers, (&secret, &next, zone), error).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_drawn_with_its_margin() {
        let (path, side) =
            picture("otpauth://totp/Dering:Rini?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        assert!((33..60).contains(&side), "{side}");
        assert!(path.starts_with("M4 4h7v1h-7z"), "the finder pattern stands at the corner: {path}");
        assert!(picture(&"x".repeat(5_000)).is_none());
    }
}
