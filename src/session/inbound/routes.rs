//! Which flow takes the calls to a number. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use callcore::flow::{MachineDetection, Run};
use callcore::number::{self, Country};
use serde_json::{Map, Value};

use crate::flows::{self, Catalog};
use crate::session::request::NotifyTarget;

/// A dialled number, or the beginning of one and `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As written, for people.
    text: String,
    /// The same without the star.
    number: String,
    prefix: bool,
}

impl Pattern {
    /// Reads `+62215550100`, `+6221*`, or `*` for all.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (number, prefix) =
            text.trim().strip_suffix('*').map_or((text, false), |beginning| (beginning, true));
        Self { text: text.to_owned(), number: number.to_owned(), prefix }
    }
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub struct Route {
    pub flow: String,
    /// The client app whose call it is: it reads it, and its secret signs the notifications. May be empty.
    pub app_id: String,
    /// Variables of the flow, beside `caller` and `called`.
    pub variables: Map<String, Value>,
    /// Whether to find out who calls; people do, as a rule.
    pub machine_detection: MachineDetection,
    pub notify: Option<NotifyTarget>,
}

impl Route {
    /// The flow's variables for one call: those of the route, and who calls whom.
    pub(in crate::session) fn metadata(&self, caller: &str, called: &str) -> Map<String, Value> {
        let mut all = self.variables.clone();
        for (name, value) in [("caller", caller), ("called", called)] {
            all.entry(name).or_insert_with(|| value.into());
        }
        all
    }
}

/// Why a route cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadRoute {
    #[error("two inbound routes are for {did}; a number has one flow")]
    Twice { did: String },
    #[error("the inbound route for {did}: {source}")]
    Flow { did: String, source: flows::Error },
    #[error("the inbound route for {did}: {source}; give the route `variables`, or the flow a default")]
    Variables { did: String, source: callcore::flow::StartError },
}

/// The routes of a server.
#[derive(Debug, Default)]
pub struct Routes {
    exact: HashMap<String, Arc<Route>>,
    /// Longest first.
    prefixes: Vec<(String, Arc<Route>)>,
    /// Of numbers that do not name their own.
    country: Option<Country>,
}

impl Routes {
    /// Routes by number, those without a country code in `country`; each must name a flow of `catalog` that can start with its variables.
    ///
    /// # Errors
    /// Names the first route that is wrong.
    pub async fn new(
        routes: Vec<(Pattern, Route)>,
        catalog: &Catalog,
        country: Option<Country>,
    ) -> Result<Self, BadRoute> {
        let mut all = Self { country, ..Self::default() };
        for (pattern, route) in routes {
            let did = pattern.text.clone();
            let stored = catalog
                .find(&route.flow)
                .await
                .map_err(|source| BadRoute::Flow { did: did.clone(), source })?;
            Run::new(Arc::clone(&stored.flow), route.metadata("+15550100", "+15550101"))
                .map_err(|source| BadRoute::Variables { did: did.clone(), source })?;
            if !all.add(pattern, route) {
                return Err(BadRoute::Twice { did });
            }
        }
        Ok(all)
    }

    /// False when the number has a route already.
    fn add(&mut self, pattern: Pattern, route: Route) -> bool {
        let route = Arc::new(route);
        if !pattern.prefix {
            let number = compared(&pattern.number, self.country);
            return self.exact.insert(number, route).is_none();
        }
        let beginning = if is_name(&pattern.number) {
            pattern.number.to_lowercase()
        } else {
            number::key_of_beginning(&pattern.number, self.country)
        };
        if self.prefixes.iter().any(|(prefix, _)| *prefix == beginning) {
            return false;
        }
        self.prefixes.push((beginning, route));
        self.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        true
    }

    /// Whether no call finds a flow.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty()
    }

    /// The route for a dialled number: its own before that of the longest prefix.
    #[must_use]
    pub fn find(&self, called: &str) -> Option<Arc<Route>> {
        let number = compared(called, self.country);
        let by_prefix = || self.prefixes.iter().find(|(prefix, _)| number.starts_with(prefix.as_str()));
        self.exact.get(&number).or_else(|| by_prefix().map(|(_, route)| route)).cloned()
    }
}

fn is_name(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// A number as it is compared: the digits of its one form. A name stays one, in small letters.
fn compared(number: &str, country: Option<Country>) -> String {
    let number = number.trim().to_lowercase();
    match number::read(&number, country) {
        Ok(read) => return read.as_str().trim_start_matches('+').to_owned(),
        Err(bad) if bad.written().is_some() => return number::key(&number, country),
        Err(_) => {}
    }
    let bare =
        ["sip:", "sips:", "tel:"].iter().find_map(|scheme| number.strip_prefix(scheme)).unwrap_or(&number);
    let user = bare.split(['@', ';']).next().unwrap_or_default();
    if is_name(user) { user.to_owned() } else { user.chars().filter(char::is_ascii_digit).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(flow: &str) -> Route {
        Route {
            flow: flow.into(),
            app_id: String::new(),
            variables: Map::new(),
            machine_detection: MachineDetection::Disabled,
            notify: None,
        }
    }

    fn routes(all: &[(&str, &str)]) -> Routes {
        let mut routes = Routes::default();
        for (did, flow) in all {
            assert!(routes.add(Pattern::read(did), route(flow)), "{did} is there twice");
        }
        routes
    }

    #[test]
    fn a_number_is_found_however_the_carrier_writes_it() {
        let routes = routes(&[("+62 21-555 0100", "faq")]);
        for called in [
            "+62215550100",
            "0062215550100",
            "62215550100",
            "62 21 555 0100",
            "sip:+62215550100@carrier.example",
        ] {
            assert_eq!(routes.find(called).map(|route| route.flow.clone()), Some("faq".into()), "{called}");
        }
        for called in ["0215550100", "+622155501001", ""] {
            assert!(routes.find(called).is_none(), "{called}");
        }
    }

    #[test]
    fn numbers_of_the_servers_country_are_found_in_their_national_spelling() {
        let mut routes = Routes { country: "62".parse().ok(), ..Routes::default() };
        assert!(routes.add(Pattern::read("021 555 0100"), route("shop")));
        assert!(routes.add(Pattern::read("0812*"), route("mobile")));
        for (called, flow) in [
            ("+62215550100", "shop"),
            ("+62 (0)21 555 0100", "shop"),
            ("tel:0215550100;phone-context=+62", "shop"),
            ("0215550100", "shop"),
            ("sip:00628123456901@carrier.example", "mobile"),
            ("08123456901", "mobile"),
        ] {
            assert_eq!(routes.find(called).map(|route| route.flow.clone()), Some(flow.into()), "{called}");
        }
        assert!(!routes.add(Pattern::read("+62 21 555 0100"), route("again")));
    }

    #[test]
    fn a_number_of_its_own_goes_before_prefixes_and_long_ones_before_short() {
        let routes = routes(&[("*", "all"), ("+6221*", "jakarta"), ("+62*", "indonesia"), ("+62211", "one")]);
        for (called, flow) in
            [("+62211", "one"), ("+622112", "jakarta"), ("+6231", "indonesia"), ("sales", "all"), ("", "all")]
        {
            assert_eq!(routes.find(called).map(|route| route.flow.clone()), Some(flow.into()), "{called}");
        }
    }

    #[test]
    fn two_routes_for_one_number_are_a_mistake_however_they_are_written() {
        let mut routes = routes(&[("+6221", "a"), ("+6221*", "a")]);
        assert!(!routes.add(Pattern::read("00 6221"), route("b")));
        assert!(!routes.add(Pattern::read("6221*"), route("b")));
    }

    #[test]
    fn the_call_says_who_calls_unless_the_route_does() {
        let mut route = route("faq");
        route.variables.insert("called".into(), "our shop".into());
        let metadata = route.metadata("+6281", "+6221");
        assert_eq!((&metadata["caller"], &metadata["called"]), (&"+6281".into(), &"our shop".into()));
    }
}
