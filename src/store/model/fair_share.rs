//! How the room for posts is shared out among endpoints. Pure.

use super::claims::ClaimRequest;

/// What there is room for, and how it is shared out: slow endpoints, however many, leave room for the others.
///
/// Endpoints that are known to be quick may use all of it, but for an eighth, which is for those with nothing in flight.
/// All others share one half. Who has never answered may have one post beyond that half, until three quarters are taken:
/// the last quarter is for the quick ones alone.
pub(in crate::store) struct Room<'a> {
    request: &'a ClaimRequest,
    /// Posts that may be in flight.
    total: usize,
    /// Posts that may be begun.
    pub(in crate::store) left: usize,
    /// Posts in flight to endpoints that are not known to be quick.
    unproven: usize,
}

impl<'a> Room<'a> {
    pub(in crate::store) fn new(request: &'a ClaimRequest) -> Self {
        let unproven = request.in_flight.iter().filter(|(endpoint, _)| !request.quick.contains(*endpoint));
        Self {
            total: request.in_flight.values().sum::<usize>() + request.limit,
            left: request.limit,
            unproven: unproven.map(|(_, busy)| busy).sum(),
            request,
        }
    }

    /// Claims that an endpoint may have now.
    pub(in crate::store) fn share(&self, endpoint: &str) -> usize {
        let request = self.request;
        let busy = request.in_flight.get(endpoint).copied().unwrap_or(0);
        let ceiling = request.ceilings.get(endpoint).copied().unwrap_or(request.per_endpoint);
        let idle = busy == 0;
        let open = self.left.saturating_sub(self.total / 8);
        let fair = if request.quick.contains(endpoint) {
            half(open, busy).max(usize::from(idle))
        } else {
            let lane = (self.total / 2).max(1).saturating_sub(self.unproven);
            let first = idle && !request.slow.contains(endpoint) && self.unproven < self.total * 3 / 4;
            half(lane.min(open), busy).max(usize::from(first))
        };
        ceiling.saturating_sub(busy).min(fair).min(self.left)
    }

    pub(in crate::store) fn take(&mut self, endpoint: &str, claims: usize) {
        self.left -= claims.min(self.left);
        if !self.request.quick.contains(endpoint) {
            self.unproven += claims;
        }
    }
}

/// So many that what an endpoint holds then is no more than what is left then; one at least for who holds nothing.
fn half(left: usize, busy: usize) -> usize {
    (left.saturating_sub(busy) / 2).max(usize::from(busy == 0 && left > 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(request: &ClaimRequest, endpoint: &str) -> usize {
        Room::new(request).share(endpoint)
    }

    /// Posts that begin in one turn, each endpoint wanting as many as it can get.
    fn turn(request: &mut ClaimRequest, endpoints: &[String]) {
        let mut room = Room::new(request);
        let mut begun = Vec::new();
        for endpoint in endpoints {
            let claims = room.share(endpoint);
            room.take(endpoint, claims);
            begun.push((endpoint.clone(), claims));
        }
        let all: usize = begun.iter().map(|(_, claims)| claims).sum();
        request.limit -= all;
        for (endpoint, claims) in begun {
            *request.in_flight.entry(endpoint).or_default() += claims;
        }
    }

    fn names(kind: &str, count: usize) -> Vec<String> {
        (0..count).map(|n| format!("http://{kind}-{n}.test")).collect()
    }

    fn empty(limit: usize) -> ClaimRequest {
        ClaimRequest { limit, per_endpoint: 32, ..ClaimRequest::default() }
    }

    #[test]
    fn slow_endpoints_share_half_of_the_room_however_many_they_are() {
        for count in [1, 6, 13, 100, 1_000] {
            let mut request = empty(256);
            let slow = names("slow", count);
            request.slow = slow.iter().cloned().collect();
            request.quick = ["quick".to_owned()].into();
            (0..10).for_each(|_| turn(&mut request, &slow));
            assert!(request.limit >= 128, "{count}: {}", request.limit);
            assert_eq!(share(&request, "quick"), 32, "{count}");
            assert!(share(&request, "new") > 0, "{count}");
        }
    }

    #[test]
    fn endpoints_that_never_answered_leave_a_quarter_to_those_known_to_be_quick() {
        let mut request = empty(256);
        request.quick = ["quick".to_owned()].into();
        let strangers = names("stranger", 1_000);
        (0..10).for_each(|_| turn(&mut request, &strangers));
        assert_eq!((request.limit, share(&request, "another")), (64, 0));
        assert_eq!(share(&request, "quick"), 16);
    }

    #[test]
    fn quick_endpoints_leave_slots_to_those_with_nothing_in_flight() {
        let mut request = empty(256);
        let quick = names("quick", 20);
        request.quick = quick.iter().cloned().chain(["idle".to_owned()]).collect();
        (0..10).for_each(|_| turn(&mut request, &quick[..12]));
        assert_eq!((request.limit, share(&request, "idle"), share(&request, "new")), (32, 1, 1));
    }

    #[test]
    fn an_endpoint_that_is_held_back_gets_no_more_than_its_ceiling() {
        let mut request = empty(100);
        request.quick = ["open", "half", "well"].map(str::to_owned).into();
        request.ceilings = [("open".to_owned(), 0), ("half".to_owned(), 1)].into();
        assert_eq!((share(&request, "open"), share(&request, "half")), (0, 1));
        request.in_flight = [("half".to_owned(), 1), ("well".to_owned(), 30)].into();
        assert_eq!((share(&request, "half"), share(&request, "well")), (0, 2));
    }

    proptest! {
        #[test]
        fn no_more_is_begun_than_there_is_room_for(
            limit in 0..300_usize, kinds in proptest::collection::vec(0..3_u8, 0..60), turns in 1..5_usize,
        ) {
            let mut request = empty(limit);
            let endpoints = names("x", kinds.len());
            for (endpoint, kind) in endpoints.iter().zip(&kinds) {
                match kind {
                    0 => drop(request.quick.insert(endpoint.clone())),
                    1 => drop(request.slow.insert(endpoint.clone())),
                    _ => {}
                }
            }
            (0..turns).for_each(|_| turn(&mut request, &endpoints));
            let held: usize = request.in_flight.values().sum();
            prop_assert_eq!(held + request.limit, limit);
            let unproven: usize = endpoints.iter().filter(|e| !request.quick.contains(*e))
                .map(|e| request.in_flight.get(e).copied().unwrap_or(0)).sum();
            prop_assert!(unproven <= (limit * 3 / 4).max(1), "{} of {}", unproven, limit);
            // A worker with any room at all gets on with its work.
            prop_assert!(limit == 0 || endpoints.is_empty() || held > 0);
        }
    }
}
