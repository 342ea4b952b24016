//! Forms that bring a file of any size: it goes to the disk part by part, once it is known who sends it.

use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::response::{IntoResponse, Response};

use super::forms::{Written, is_ours};
use super::frame::{Frame, Sees};
use crate::access::Right;
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::lists::receive;
use crate::lists::Spooled;

/// A form of somebody who is signed in, has the right `R` and meant to send it, and the file in it with its name.
pub(super) struct Brings<R> {
    pub(super) by: Sees<R>,
    pub(super) written: Written,
    pub(super) file: Option<(Spooled, String)>,
}

impl<R: Right> FromRequest<Api> for Brings<R> {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        read(request, api).await.map_err(IntoResponse::into_response)
    }
}

async fn read<R: Right>(request: Request, api: &Api) -> Result<Brings<R>, Problem> {
    let (parts, body) = request.into_parts();
    if !is_ours(&parts.headers, api) {
        let why =
            "this form does not come from a page of this server; open the page again and send it from there";
        return Err(Problem::new(Code::CrossSite, why));
    }
    let by = Sees::<R>::from(Frame::of(&parts, api).await?)?;
    let form = Multipart::from_request(Request::from_parts(parts, body), api).await;
    let mut form = form.map_err(|bad| Problem::new(Code::Malformed, bad.body_text()))?;
    let broken = |error: MultipartError| {
        Problem::new(Code::Malformed, format!("the form cannot be read: {}", error.body_text()))
    };
    let meant = |written: &Written| by.person().is_some_and(|person| person.wrote(written.text("token")));
    let (mut written, mut file) = (Written::default(), None);
    while let Some(part) = form.next_field().await.map_err(broken)? {
        let Some(name) = part.file_name().map(str::to_owned) else {
            let name = part.name().unwrap_or_default().to_owned();
            written.add(name, part.text().await.map_err(broken)?)?;
            continue;
        };
        // The token stands before the file in our forms.
        if !meant(&written) {
            break;
        }
        let spooled = receive(&api.lists, part).await?;
        if spooled.size == 0 || file.is_some() {
            api.lists.discard(&spooled.id);
        } else {
            file = Some((spooled, name));
        }
    }
    if meant(&written) {
        return Ok(Brings { by, written, file });
    }
    let why = "this form is from a page that was opened before you signed in; load the page again";
    Err(Problem::new(Code::CrossSite, why))
}
