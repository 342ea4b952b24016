//! Redirects (3xx to an INVITE, RFC 3261, section 8.1.3.4): who is called instead, within limits. Pure.

use std::collections::VecDeque;

use super::address::{Server, SipUri, Transport};
use super::message::Contact;

/// Calls that one call may lead to, beside the first.
const MOST: usize = 5;

/// Where a call may still be redirected to.
#[derive(Debug)]
pub(super) struct Redirects {
    /// Hosts that may be named, on any port.
    allowed: Vec<Server>,
    transport: Transport,
    waiting: VecDeque<SipUri>,
    /// Nobody is called twice.
    tried: Vec<SipUri>,
}

impl Redirects {
    /// Of a call to `first`.
    pub(super) fn new(first: SipUri, allowed: Vec<Server>) -> Self {
        let transport = first.transport();
        Self { allowed, transport, waiting: VecDeque::new(), tried: vec![first] }
    }

    /// Who is called after an answer with this status, which names these contacts; `None` where it is the last word.
    pub(super) fn next(&mut self, status: u16, contacts: &[Contact]) -> Option<SipUri> {
        match status {
            300..=302 => self.add(contacts),
            // Nobody is to be called elsewhere, by anybody (RFC 3261, section 21.6); or we are the reason.
            401..=403 | 407 | 600.. => self.waiting.clear(),
            _ => {}
        }
        if self.tried.len() > MOST {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.tried.push(next.clone());
        Some(next)
    }

    fn add(&mut self, contacts: &[Contact]) {
        let mut contacts: Vec<_> = contacts.iter().collect();
        contacts.sort_by(|a, b| b.preference.total_cmp(&a.preference));
        for Contact { user, host, transport, .. } in contacts {
            let may = self.allowed.iter().any(|allowed| allowed.host() == host.host());
            let is_ours =
                transport.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(self.transport.as_str()));
            let Ok(uri) = SipUri::of_user(user, host, self.transport) else { continue };
            if may && is_ours && !self.tried.contains(&uri) && !self.waiting.contains(&uri) {
                self.waiting.push_back(uri);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(user: &str, host: &str, preference: f32) -> Contact {
        Contact { user: user.into(), host: host.parse().expect("a host"), transport: None, preference }
    }

    fn redirects(allowed: &[&str]) -> Redirects {
        let first = SipUri::of_user("1", &"a.test".parse().expect("a host"), Transport::Udp).expect("a user");
        Redirects::new(first, allowed.iter().map(|host| host.parse().expect("a host")).collect())
    }

    fn next(redirects: &mut Redirects, status: u16, contacts: &[Contact]) -> Option<String> {
        redirects.next(status, contacts).map(|uri| uri.name())
    }

    #[test]
    fn the_one_that_is_liked_best_is_called_first_and_nobody_twice() {
        let mut redirects = redirects(&["a.test"]);
        let contacts =
            [contact("2", "a.test", 0.1), contact("3", "a.test:5070", 0.9), contact("1", "a.test", 1.0)];
        assert_eq!(next(&mut redirects, 302, &contacts).as_deref(), Some("sip:3@a.test:5070"));
        assert_eq!(next(&mut redirects, 486, &[]).as_deref(), Some("sip:2@a.test"));
        assert_eq!(next(&mut redirects, 302, &contacts), None);
    }

    #[test]
    fn hosts_that_nobody_allowed_are_not_called() {
        for allowed in [&["a.test"][..], &[]] {
            let mut redirects = redirects(allowed);
            assert_eq!(next(&mut redirects, 302, &[contact("2", "b.test", 1.0)]), None);
        }
        assert_eq!(
            next(&mut redirects(&["b.test"]), 302, &[contact("2", "b.test", 1.0)]).as_deref(),
            Some("sip:2@b.test")
        );
    }

    #[test]
    fn what_would_need_another_transport_or_says_more_than_a_number_is_passed_over() {
        let mut redirects = redirects(&["a.test"]);
        let over_tcp = Contact { transport: Some("tcp".into()), ..contact("2", "a.test", 1.0) };
        let over_udp = Contact { transport: Some("UDP".into()), ..contact("3", "a.test", 0.5) };
        let contacts = [over_tcp, contact("2;x", "a.test", 1.0), over_udp];
        assert_eq!(next(&mut redirects, 301, &contacts).as_deref(), Some("sip:3@a.test"));
    }

    #[test]
    fn a_refusal_for_all_ends_it_and_so_do_five_tries() {
        let mut declined = redirects(&["a.test"]);
        let two = [contact("2", "a.test", 1.0), contact("3", "a.test", 0.9)];
        assert!(next(&mut declined, 302, &two).is_some());
        assert_eq!(next(&mut declined, 603, &[]), None);
        let mut in_circles = redirects(&["a.test"]);
        let tries = (2..20)
            .map_while(|user| next(&mut in_circles, 302, &[contact(&user.to_string(), "a.test", 1.0)]));
        assert_eq!(tries.count(), MOST);
    }

    #[test]
    fn other_statuses_of_the_kind_are_not_followed() {
        for status in [305, 380] {
            assert_eq!(next(&mut redirects(&["a.test"]), status, &[contact("2", "a.test", 1.0)]), None);
        }
    }
}
