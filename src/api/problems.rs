//! Problems that many routes answer with, described once.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::error::ProblemDocument;

/// The description of a problem document with a status and what it means.
fn described(status: &str, about: &str) -> BTreeMap<String, RefOr<Response>> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    let response =
        ResponseBuilder::new().description(about).content("application/problem+json", content).build();
    BTreeMap::from([(status.to_owned(), RefOr::T(response))])
}

macro_rules! problems {
    ($($name:ident = $status:literal, $about:literal;)+) => {$(
        #[doc = $about]
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                described($status, $about)
            }
        }
    )+};
}

problems! {
    BadBody = "400", "The body cannot be read.";
    BadField = "400", "The body cannot be read, or a field of it is wrong.";
    BadId = "400", "The id is no text.";
    BadParameter = "400", "A parameter cannot be understood.";
    NoSuchCall = "404", "There is no such call.";
    NoSuchContact = "404", "There is no such contact.";
    NoSuchImport = "404", "There is no such list or import.";
    NoSuchList = "404", "There is no such list.";
    NoSuchNotification = "404", "There is no such notification.";
    NoSuchVersion = "404", "There is no such flow or version.";
    EndedAlready = "409", "The call has ended already.";
    Deleted = "410", "It was deleted when its time was over.";
    TooLarge = "413", "The body is larger than 256 KiB.";
}
