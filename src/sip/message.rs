//! What is read out of messages, and what every message of ours says.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use rsipstack::sip::prelude::HeadersExt as _;
use rsipstack::sip::uri::ParamsExt as _;
use rsipstack::sip::{HasHeaders, Header, Host, Request, Response, Uri, typed};
use rsipstack::transaction::endpoint::EndpointInnerRef;

use super::address::{Server, SipUri};
use super::call::{Headers, Refusal};
use super::cause;

/// The methods that are understood in here.
pub(super) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REFER, NOTIFY";
const SDP: &str = "application/sdp";

/// Goes out as `User-Agent`.
pub(super) fn user_agent() -> String {
    format!("Dering/{}", env!("CARGO_PKG_VERSION"))
}

/// All header fields, as they came.
pub(super) fn headers(message: &impl HasHeaders) -> Headers {
    Headers::new(
        message.headers().iter().map(|field| (field.name().to_owned(), field.value().to_owned())).collect(),
    )
}

/// The first field of that name.
pub(super) fn field(message: &impl HasHeaders, name: &str) -> Option<String> {
    message
        .headers()
        .iter()
        .find(|field| field.name().eq_ignore_ascii_case(name))
        .map(|field| field.value().to_owned())
}

/// The session description in a body, if it is one.
pub(super) fn sdp(message: &impl HasHeaders, body: &[u8]) -> Option<String> {
    let kind = field(message, "Content-Type")?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if body.is_empty() || !kind.eq_ignore_ascii_case(SDP) {
        return None;
    }
    std::str::from_utf8(body).ok().map(str::to_owned)
}

/// The cause that a `Reason` header names.
pub(super) fn reason(message: &impl HasHeaders) -> Option<u16> {
    message
        .headers()
        .iter()
        .filter(|field| field.name().eq_ignore_ascii_case("Reason"))
        .find_map(|field| cause::of_reason(field.value()))
}

/// A final answer that is no acceptance.
pub(super) fn refusal(response: &Response) -> Refusal {
    let text = response.wire_reason.as_deref().unwrap_or_else(|| response.status_code.text());
    Refusal {
        status: response.status_code.code(),
        text: text.chars().filter(|c| !c.is_control()).take(120).collect(),
        cause: reason(response),
    }
}

/// Whether a request belongs to a call that there is.
pub(super) fn is_in_dialog(request: &Request) -> bool {
    request.to_header().ok().and_then(|to| to.tag().ok().flatten()).is_some_and(|tag| !tag.value().is_empty())
}

/// The number of a request within its call.
pub(super) fn count(request: &Request) -> Option<u32> {
    request.cseq_header().ok()?.seq().ok()
}

/// Who calls: what the network vouches for goes before what the caller says.
pub(super) fn caller(request: &Request) -> String {
    let asserted = field(request, "P-Asserted-Identity").and_then(|value| user_in(&value));
    let from = || request.from_header().ok().and_then(|from| user_in(from.value()));
    asserted.or_else(from).unwrap_or_default()
}

/// The number that was dialled.
pub(super) fn called(request: &Request) -> String {
    let plain = || request.uri.user().and_then(|user| user.split(';').next()).map(str::to_owned);
    // The stack finds no user in `tel:`, and none with parameters of its own (RFC 4904).
    user_in(&format!("<{}>", request.uri)).or_else(plain).unwrap_or_default()
}

/// Whom a REFER is about.
pub(super) fn refer_to(request: &Request) -> Option<String> {
    user_in(&field(request, "Refer-To").or_else(|| field(request, "r"))?)
}

/// Who was meant to be called, as the caller's side wrote it.
pub(super) fn to(request: &Request) -> String {
    request.to_header().ok().and_then(|to| user_in(to.value())).unwrap_or_default()
}

/// The user in the first address of a header field: `"Ann" <sip:+15552000001@a.com>;tag=1`, or `tel:` of a number.
fn user_in(value: &str) -> Option<String> {
    let uri = address_in(value)?;
    let rest = uri.trim().split_once(':').map(|(_, rest)| rest)?;
    let user = match rest.split_once('@') {
        Some((user, _)) => user,
        None if uri.trim().to_ascii_lowercase().starts_with("tel:") => rest,
        None => return None,
    };
    let user = user.split([';', ':']).next()?.trim();
    let user = percent_decode_str(user).decode_utf8().ok()?;
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    (!user.is_empty() && user.len() <= 128 && !user.contains(is_odd)).then(|| user.into_owned())
}

/// The first URI of a header field. A display name in quotes may hold anything, `<` too.
fn address_in(value: &str) -> Option<&str> {
    let value = value.trim_start();
    let value = match value.strip_prefix('"') {
        Some(quoted) => {
            let mut is_escaped = false;
            let end = quoted.find(|c| {
                let ends = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            })?;
            &quoted[end + 1..]
        }
        None => value,
    };
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next(),
        None => value.split([';', ',']).next(),
    }
}

/// The URI in a `Contact`, whose user may have parameters of its own (RFC 4904), which the stack takes for those of the URI.
pub(super) fn target(contact: &str) -> Option<Uri> {
    let uri = address_in(contact)?.trim();
    let Some((before, host)) = uri.rsplit_once('@') else { return Uri::try_from(uri).ok() };
    let (scheme, user) = before.split_once(':')?;
    let mut target = Uri::try_from(format!("{scheme}:x@{host}").as_str()).ok()?;
    target.auth.as_mut()?.user = user.to_owned();
    Some(target)
}

/// Somebody who may be called instead.
#[derive(Clone, Debug)]
pub(super) struct Contact {
    pub(super) user: String,
    pub(super) host: Server,
    /// As its URI names it.
    pub(super) transport: Option<String>,
    /// From 0 to 1 (`q`).
    pub(super) preference: f32,
}

/// Everybody whom the `Contact` fields of a message name with a user and `sip:`.
pub(super) fn contacts(message: &impl HasHeaders) -> Vec<Contact> {
    let is_contact = |name: &str| name.eq_ignore_ascii_case("Contact") || name.eq_ignore_ascii_case("m");
    let fields = message.headers().iter().filter(|field| is_contact(field.name()));
    let values: Vec<String> = fields.map(|field| field.value().to_owned()).collect();
    values.iter().flat_map(|value| listed(value)).filter_map(contact).collect()
}

fn contact(value: &str) -> Option<Contact> {
    let uri = address_in(value)?.trim();
    let (scheme, rest) = uri.split_once(':')?;
    let (user, at) = rest.rsplit_once('@').filter(|_| scheme.eq_ignore_ascii_case("sip"))?;
    let mut parts = at.split(['?', ';']);
    let host = parts.next()?.parse().ok()?;
    let parameter = |part: &str, name: &str| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    let after = value.rsplit_once('>').map_or("", |(_, after)| after);
    let q = after.split(';').find_map(|part| parameter(part, "q")).and_then(|q| q.parse().ok());
    Some(Contact {
        user: user.split([';', ':']).next()?.to_owned(),
        host,
        transport: parts.find_map(|part| parameter(part, "transport")),
        preference: q.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(1.0),
    })
}

/// The values of a field that are parted by commas, but those in quotes and in angle brackets.
fn listed(value: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped, mut is_inside) = (false, false, false);
    value
        .split(move |c| {
            match c {
                '"' if !is_escaped => is_quoted = !is_quoted,
                '<' if !is_quoted => is_inside = true,
                '>' if !is_quoted => is_inside = false,
                _ => {}
            }
            is_escaped = c == '\\' && !is_escaped;
            c == ',' && !is_quoted && !is_inside
        })
        .collect()
}

/// What the request of a message is marked with, in the first `Via`.
pub(super) fn branch(message: &impl HasHeaders) -> Option<String> {
    let via = field(message, "Via")?;
    let (_, rest) = via.split(',').next()?.split_once(";branch=")?;
    Some(rest.split(';').next().unwrap_or_default().trim().to_owned())
}

/// The addresses at which the sender of a message says that it is, or that something on its side is.
pub(super) fn named_hosts(message: &impl HasHeaders) -> impl Iterator<Item = IpAddr> {
    let fields = message.headers().iter().filter(|field| {
        ["Contact", "Record-Route", "m"].iter().any(|name| field.name().eq_ignore_ascii_case(name))
    });
    fields.filter_map(|field| match target(field.value())?.host_with_port.host {
        Host::IpAddr(address) => Some(address.to_canonical()),
        Host::Domain(_) => None,
    })
}

/// A URI of ours, as the stack wants it.
pub(super) fn uri(uri: &SipUri) -> Result<Uri, String> {
    Uri::try_from(uri.to_string().as_str()).map_err(|error| error.to_string())
}

/// The `Via` of a request to `server` that no dialog makes: our address, under the transport that the request takes.
pub(super) fn via(stack: &EndpointInnerRef, server: &Uri) -> Option<typed::Via> {
    let mut address = stack.transport_layer.get_listen_addrs().into_iter().next()?;
    address.r#type = server.transport().copied().or(address.r#type);
    stack.get_via(Some(address), None).ok()
}

/// The fields that go with a session description.
pub(super) fn with_sdp() -> Vec<Header> {
    vec![Header::ContentType(SDP.into()), Header::Allow(ALLOW.into())]
}

/// The kind of body that is understood in here.
pub(super) fn accept() -> Header {
    Header::Accept(SDP.into())
}

pub(super) fn allow() -> Header {
    Header::Allow(ALLOW.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_caller_is_read_out_of_every_form_of_an_address() {
        let cases = [
            ("\"Ann\" <sip:+15552000001@a.com>;tag=1", Some("+15552000001")),
            ("<sip:+15552000001;phone-context=x@a.com;user=phone>", Some("+15552000001")),
            ("sip:bob@a.com;tag=1", Some("bob")),
            ("<sip:%2B15552000005@a.com>", Some("+15552000005")),
            ("<tel:+15552000002>", Some("+15552000002")),
            ("\"<sip:+15552000003@b.com>\" <sip:+15552000004@a.com>", Some("+15552000004")),
            ("\"A \\\" <sip:9@b.com>\" <sip:+15552000004@a.com>", Some("+15552000004")),
            ("<sip:a.com>", None),
            ("Anonymous", None),
            ("", None),
        ];
        for (value, user) in cases {
            assert_eq!(user_in(value).as_deref(), user, "{value}");
        }
    }

    #[test]
    fn a_contact_keeps_its_user_whatever_that_holds() {
        for uri in [
            "sip:+15552000001;tgrp=7;trunk-context=b.com@192.0.2.7:5080;transport=TCP",
            "sip:bob@a.com",
            "sip:192.0.2.7:5062",
        ] {
            let target = target(&format!("\"<x>\" <{uri}>;expires=60")).expect("an address");
            assert_eq!(target.to_string(), uri);
            assert!(!target.host_with_port.to_string().contains('+'));
        }
    }

    #[test]
    fn everybody_who_may_be_called_instead_is_read() {
        let text = "SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP a.test;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
                    Contact: \"A, <B>\" <sip:+1555;npdi@b.test:5070;transport=tcp?x=y>;q=0.3, <sips:1@c.test>, <sip:c.test>\r\n\
                    Contact: sip:2@d.test;q=9\r\nContent-Length: 0\r\n\r\n";
        let response = Response::try_from(text).expect("a response");
        let found: Vec<_> = contacts(&response)
            .into_iter()
            .map(|one| (one.user, one.host.to_string(), one.transport, one.preference))
            .collect();
        let expected = [
            ("+1555".to_owned(), "b.test:5070".to_owned(), Some("tcp".to_owned()), 0.3),
            ("2".to_owned(), "d.test".to_owned(), None, 1.0),
        ];
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn no_address_is_too_odd(value in ".{0,100}") {
            for part in listed(&value) {
                let _read = contact(part);
            }
            if let Some(user) = user_in(&value) {
                prop_assert!(!user.is_empty() && !user.contains(char::is_whitespace));
            }
        }
    }
}
