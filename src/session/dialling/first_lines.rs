//! The first lines of a call that is accepted: what was asked for, and what is known of it by then.

use std::collections::BTreeMap;

use callcore::call::{Direction, Fact, FactKind, Notice, NotificationState};
use callcore::clock::CallTime;
use serde_json::json;

use crate::kore::Envelope;
use crate::session::books::closing::notification;
use crate::session::control::CallControl;
use crate::session::dialling::check::{Checked, mode};
use crate::session::request::{DialRequest, Dialed, RingLink};
use crate::store::{CallBatch, CallState, NewCall, NewEvent};
use crate::wallclock::iso;

/// What is written down of a call with its acceptance.
pub(super) fn first_lines(
    request: &DialRequest,
    dialed: &Dialed,
    checked: &Checked,
    now_ms: i64,
) -> CallBatch {
    let Checked { flow, trunk, .. } = checked;
    let planned = dialed.start_ms.is_some() || request.queue_if_busy;
    let mut batch = CallBatch { call_id: dialed.call_id.clone(), ..CallBatch::default() };
    let (notify_url, notify_headers) = match &request.notify {
        Some(target) => (Some(target.url.clone()), target.headers.clone()),
        None => (None, BTreeMap::new()),
    };
    batch.new = Some(NewCall {
        app_id: request.app_id.clone(),
        bot_id: request.bot_id.clone(),
        trunk: trunk.name().to_owned(),
        target: request.number.clone(),
        caller: request.caller.clone().unwrap_or_default(),
        state: if planned { CallState::Scheduled } else { CallState::Placing },
        flow: flow.flow.name().to_owned(),
        flow_digest: flow.digest.clone(),
        metadata: request.metadata.clone().into(),
        notify_url,
        notify_headers,
        direction: Direction::Outbound,
        created_ms: now_ms,
        machine_detection: Some(mode(request, flow)),
        start_ms: dialed.start_ms,
        expires_ms: request.expires_ms,
        video: request.video,
    });
    let (digest, sid) = (flow.digest.clone(), dialed.sid.clone());
    let (flow, trunk) = (request.flow.clone(), trunk.name().to_owned());
    let asked = if planned {
        let start_ms = dialed.start_ms.unwrap_or(now_ms);
        Fact::Planned { flow, digest, trunk, sid, start_ms, expires_ms: request.expires_ms }
    } else {
        Fact::Dialled { flow, digest, trunk, sid: Some(sid), late_ms: None }
    };
    batch.events.push(NewEvent { at_ms: now_ms, t_ms: 0, fact: asked });
    // Who answers a link says what their browser does.
    if request.video && request.link.is_none() {
        let trunk = checked.trunk.name().to_owned();
        batch.events.push(NewEvent { at_ms: now_ms, t_ms: 0, fact: Fact::VideoNotCarried { trunk } });
    }
    if let Some(link) = &request.link {
        ring(&mut batch, link, request, now_ms);
    }
    if request.control != CallControl::default() {
        let fact = checked.speech_input.fact(&request.control);
        batch.events.push(NewEvent { at_ms: now_ms, t_ms: 0, fact });
    }
    batch
}

/// The lines of a call whose link rings: whoever asked for it is told the link, to hand it on.
fn ring(batch: &mut CallBatch, link: &RingLink, request: &DialRequest, now_ms: i64) {
    let fact = Fact::RingLink { expires_ms: link.expires_ms };
    batch.events.push(NewEvent { at_ms: now_ms, t_ms: 0, fact });
    let Some(target) = &request.notify else { return };
    let data = json!({ "url": link.url, "expiresAt": iso(link.expires_ms) });
    let state = NotificationState::Event { event: FactKind::RingLink.as_str().to_owned(), data };
    let notice = Notice { state, at: CallTime::ZERO, ring_ms: 0, connect_ms: 0, unseen: None };
    let body = Envelope::new(&batch.call_id, &request.app_id, now_ms).body(&notice);
    batch.notifications.push(notification(&request.app_id, target, &notice, &body));
}
