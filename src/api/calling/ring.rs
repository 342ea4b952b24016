//! A call that rings a link: the contact has no number, or the request names the trunk of browsers.

use std::time::Duration;

use callcore::flow::MachineDetection;

use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::session::{DialRequest, RingLink};
use crate::store::{ContactRow, linked_contact};
use crate::trunk::webrtc::{Browsers, NewLink, TRUNK, WantedLink};
use crate::wallclock::now_ms;

/// How long a link rings when nobody says so, s: whoever asks for the call has to deliver it first.
const RINGS: u32 = 300;

/// The link ends by itself, and says how: its call waits so much longer, and for a browser that answers at the last moment.
const GRACE: Duration = Duration::from_secs(2);

/// Makes a request one that rings a link, if it is one.
///
/// # Errors
/// When the contact can be reached by a link only, and another trunk is named.
pub(super) fn by_link(request: &mut DialRequest, contact: Option<&ContactRow>) -> Result<(), Problem> {
    let Some(contact) = contact else { return Ok(()) };
    let is_asked_for = request.trunk.as_deref() == Some(TRUNK);
    if !is_asked_for && !contact.number.is_empty() {
        return Ok(());
    }
    if let Some(trunk) = &request.trunk
        && !is_asked_for
    {
        let why = format!(
            "this contact has no telephone number and is called by a link, which trunk \"{trunk}\" does not ring; leave `trunk` out"
        );
        return Err(Problem::new(Code::Invalid, why.clone()).with_field("trunk", &why));
    }
    request.trunk = Some(TRUNK.to_owned());
    request.number = linked_contact(&contact.id);
    // No machine opens a link.
    request.machine_detection = Some(MachineDetection::Disabled);
    request.ring_timeout_ms.get_or_insert(u64::from(RINGS) * 1_000);
    request.link = Some(RingLink::default());
    Ok(())
}

/// A link that was made, forgotten again unless its call is accepted.
#[derive(Debug)]
pub(super) struct Made {
    browsers: Browsers,
    link: Option<NewLink>,
}

impl Made {
    /// Makes the link of a request; `None` for a request that rings none.
    ///
    /// # Errors
    /// When this server takes no calls in the browser, or too many links are kept.
    pub(super) fn of(api: &Api, subject: &str, request: &mut DialRequest) -> Result<Option<Self>, Problem> {
        let Some(link) = &mut request.link else { return Ok(None) };
        let browsers = api.browsers.open()?.clone();
        let rings_ms = request.ring_timeout_ms.unwrap_or_default();
        let wanted = WantedLink {
            subject: subject.to_owned(),
            called: request.number.clone(),
            caller: request.caller.clone(),
            rings: Duration::from_millis(rings_ms),
            video: request.video,
        };
        let made = browsers.make_link(wanted).map_err(|why| Problem::too_many(&why.to_string(), 30))?;
        *link = RingLink {
            address: made.address.clone(),
            // Behind the `#`: browsers send it to nobody, so no log, no proxy and no other page sees it.
            url: api.public_url.of(&format!("/ring#{}", made.token)),
            expires_ms: now_ms() + i64::try_from(rings_ms).unwrap_or(i64::MAX),
        };
        let grace = browsers.connect_within() + GRACE;
        request.ring_timeout_ms = Some(rings_ms + u64::try_from(grace.as_millis()).unwrap_or(u64::MAX / 2));
        Ok(Some(Self { browsers, link: Some(made) }))
    }

    /// Its call is accepted.
    pub(super) fn keep(mut self) {
        self.link = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            self.browsers.forget_link(link);
        }
    }
}
