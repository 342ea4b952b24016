//! Which flow takes the calls to a number. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use callcore::flow::{MachineDetection, Run};
use serde_json::{Map, Value};

use super::super::request::NotifyTarget;
use crate::flows::{self, Catalog};

/// A dialled number, or the beginning of one and `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As written, for people.
    text: String,
    number: String,
    prefix: bool,
}

impl Pattern {
    /// Reads `+62215550100`, `+6221*`, or `*` for all.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (number, prefix) =
            text.trim().strip_suffix('*').map_or((text, false), |beginning| (beginning, true));
        Self { text: text.to_owned(), number: normal(number), prefix }
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
    pub(super) fn metadata(&self, caller: &str, called: &str) -> Map<String, Value> {
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
}

impl Routes {
    /// Routes by number; each must name a flow of `catalog` that can start with its variables.
    ///
    /// # Errors
    /// Names the first route that is wrong.
    pub async fn new(routes: Vec<(Pattern, Route)>, catalog: &Catalog) -> Result<Self, BadRoute> {
        let mut all = Self::default();
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
            return self.exact.insert(pattern.number, route).is_none();
        }
        if self.prefixes.iter().any(|(prefix, _)| *prefix == pattern.number) {
            return false;
        }
        self.prefixes.push((pattern.number, route));
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
        let number = normal(called);
        let by_prefix = || self.prefixes.iter().find(|(prefix, _)| number.starts_with(prefix.as_str()));
        self.exact.get(&number).or_else(|| by_prefix().map(|(_, route)| route)).cloned()
    }
}

/// A number as it is compared: digits only, without `+` or `00`. A name stays one, in small letters.
fn normal(number: &str) -> String {
    let number = number.trim().to_ascii_lowercase();
    let bare =
        ["sip:", "sips:", "tel:"].iter().find_map(|scheme| number.strip_prefix(scheme)).unwrap_or(&number);
    let user = bare.split(['@', ';']).next().unwrap_or_default();
    if !user.chars().all(|c| c.is_ascii_digit() || "+ -().".contains(c)) {
        return user.to_owned();
    }
    let digits: String = user.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("00") {
        Some(international) if !user.starts_with('+') => international.to_owned(),
        Some(_) | None => digits,
    }
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
