//! Who may stay connected: a limit in all, and a limit per address. When there is no more room, a connection without a
//! request is closed: the one that has been idle longest, of the address with most such connections. So a crowd of
//! silent connections locks nobody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Nobody has to go before this time, however many come at once: it is enough to say a first word.
const FIRST_WORD: Duration = Duration::from_millis(250);
/// The same for a connection that was taken and not looked at yet: until then the silence is ours.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// How many may be connected.
#[derive(Clone, Debug)]
pub struct Limits {
    pub most: usize,
    pub of_one_address: usize,
    /// Proxies: all clients behind one of them appear as one address.
    pub unlimited: Vec<IpNet>,
}

/// The doors of one port.
#[derive(Debug)]
pub struct Doors {
    limits: Limits,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    guests: HashMap<u64, Guest>,
}

#[derive(Debug)]
struct Guest {
    address: IpAddr,
    use_of_it: Use,
    leave: CancellationToken,
}

/// What a connection is used for. Who is earlier in this order goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// For nothing; may be sent away from then on.
    Idle(Instant),
    /// For a request that has not arrived whole; the same.
    Asking(Instant),
    /// We are at work for it; it stays.
    Work,
}

impl Use {
    const fn may_go_from(self) -> Option<Instant> {
        match self {
            Self::Idle(from) | Self::Asking(from) => Some(from),
            Self::Work => None,
        }
    }
}

/// What there is for somebody new.
enum Room {
    Free,
    /// When this one leaves.
    InPlaceOf(u64),
    /// Nobody can be sent away before.
    NotBefore(Instant),
    None,
}

/// A place behind the doors, given up when it is dropped.
#[derive(Debug)]
pub struct Place {
    doors: Arc<Doors>,
    id: u64,
    leave: CancellationToken,
}

impl Doors {
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default(), freed: Notify::new() })
    }

    /// Lets somebody in, who counts as idle until it says otherwise; whoever serves it says so with [`Place::idle`] when it
    /// begins to listen. Waits a moment where all that are idle have only
    /// just come; `None` when there is no room because everybody is at work. For one caller at a time.
    pub async fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        loop {
            let earliest = {
                let mut state = self.state();
                match state.room(&self.limits, address) {
                    Room::Free => return Some(self.admit(&mut state, address)),
                    Room::InPlaceOf(id) => {
                        if let Some(guest) = state.guests.remove(&id) {
                            guest.leave.cancel();
                        }
                        return Some(self.admit(&mut state, address));
                    }
                    Room::NotBefore(earliest) => earliest,
                    Room::None => return None,
                }
            };
            tokio::select! {
                () = sleep_until(earliest) => {}
                () = self.freed.notified() => {}
            }
        }
    }

    /// How many are inside.
    #[must_use]
    pub fn inside(&self) -> usize {
        self.state().guests.len()
    }

    fn admit(self: &Arc<Self>, state: &mut State, address: IpAddr) -> Place {
        let (id, leave) = (state.next, CancellationToken::new());
        state.next += 1;
        let use_of_it = Use::Idle(Instant::now() + FIRST_LOOK);
        state.guests.insert(id, Guest { address, use_of_it, leave: leave.clone() });
        Place { doors: Arc::clone(self), id, leave }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn room(&self, limits: &Limits, address: IpAddr) -> Room {
        let limited = !limits.unlimited.iter().any(|network| network.contains(&address));
        let of_address = || self.guests.values().filter(|guest| guest.address == address).count();
        if limited && self.guests.len() >= limits.of_one_address && of_address() >= limits.of_one_address {
            self.in_place_of(|guest| guest.address == address)
        } else if self.guests.len() >= limits.most {
            let most = self.most_idle();
            self.in_place_of(|guest| Some(guest.address) == most)
        } else {
            Room::Free
        }
    }

    fn in_place_of(&self, wanted: impl Fn(&Guest) -> bool) -> Room {
        let now = Instant::now();
        let may_go = |guest: &Guest| guest.use_of_it.may_go_from();
        let all = || self.guests.iter().filter(|(_, guest)| wanted(guest));
        let ready = all().filter(|(_, guest)| may_go(guest).is_some_and(|from| from <= now));
        if let Some((id, _)) = ready.min_by_key(|(id, guest)| (guest.use_of_it, **id)) {
            return Room::InPlaceOf(*id);
        }
        all().filter_map(|(_, guest)| may_go(guest)).min().map_or(Room::None, Room::NotBefore)
    }

    /// The address with most connections that may go.
    fn most_idle(&self) -> Option<IpAddr> {
        let mut counts = HashMap::<IpAddr, usize>::new();
        for guest in self.guests.values().filter(|guest| guest.use_of_it != Use::Work) {
            *counts.entry(guest.address).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(address, _)| address)
    }
}

impl Place {
    /// Nothing is asked of us.
    pub fn idle(&self) {
        self.set(Use::Idle(Instant::now() + FIRST_WORD));
    }

    /// Something is being asked.
    pub fn asking(&self) {
        self.set(Use::Asking(Instant::now() + FIRST_WORD));
    }

    /// We are at work for it.
    pub fn at_work(&self) {
        self.set(Use::Work);
    }

    /// Ends when somebody else needs the place.
    pub async fn sent_away(&self) {
        self.leave.cancelled().await;
    }

    fn set(&self, use_of_it: Use) {
        if let Some(guest) = self.doors.state().guests.get_mut(&self.id) {
            guest.use_of_it = use_of_it;
        }
        self.doors.freed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.doors.state().guests.remove(&self.id);
        self.doors.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(most: usize, of_one_address: usize) -> Arc<Doors> {
        Doors::new(Limits { most, of_one_address, unlimited: vec!["10.0.0.0/8".parse().unwrap()] })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    async fn crowd(doors: &Arc<Doors>, from: &str, many: usize) -> Vec<Place> {
        let mut crowd = Vec::new();
        for _ in 0..many {
            let place = doors.enter(address(from)).await.unwrap();
            place.idle();
            crowd.push(place);
        }
        crowd
    }

    fn away(places: &[Place]) -> usize {
        places.iter().filter(|place| place.leave.is_cancelled()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_crowd_makes_room_for_whoever_comes() {
        let doors = doors(100, 50);
        let (one, two) = (crowd(&doors, "203.0.113.1", 50).await, crowd(&doors, "203.0.113.2", 50).await);
        let began = Instant::now();
        let honest = doors.enter(address("198.51.100.7")).await.unwrap();
        assert!(began.elapsed() <= FIRST_WORD + Duration::from_millis(2));
        honest.at_work();
        assert_eq!((away(&one) + away(&two), doors.inside()), (1, 100));
        // Of the same address, too.
        let same = doors.enter(address("203.0.113.1")).await.unwrap();
        same.at_work();
        let more = crowd(&doors, "203.0.113.1", 300).await;
        assert!(!same.leave.is_cancelled() && !honest.leave.is_cancelled());
        assert_eq!(away(&one), 50, "the oldest of the address went first");
        assert!(away(&two) <= 2, "{}", away(&two));
        drop(more);
    }

    #[tokio::test(start_paused = true)]
    async fn the_address_with_most_idle_connections_gives_one_up() {
        let doors = doors(10, 9);
        let few = crowd(&doors, "203.0.113.1", 2).await;
        let many = crowd(&doors, "203.0.113.2", 8).await;
        let _third = doors.enter(address("203.0.113.3")).await.unwrap();
        assert_eq!((away(&few), away(&many)), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_that_says_its_word_loses_nobody() {
        let doors = doors(20, 20);
        let mut served = 0;
        let mut inside = Vec::new();
        for _ in 0..200 {
            let place = doors.enter(address("198.51.100.7")).await.unwrap();
            inside.push(place);
            // They are slower than they come, but not as slow as to be idle.
            if inside.len() == 20 {
                tokio::time::advance(Duration::from_millis(100)).await;
                assert_eq!(away(&inside), 0);
                served += inside.drain(..).count();
            }
        }
        assert_eq!(served, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_not_looked_at_yet_is_not_silent() {
        let doors = doors(2, 2);
        let unseen = doors.enter(address("198.51.100.7")).await.unwrap();
        let _silent = crowd(&doors, "198.51.100.7", 1).await;
        tokio::time::advance(FIRST_WORD * 4).await;
        let _third = doors.enter(address("198.51.100.7")).await.unwrap();
        assert!(!unseen.leave.is_cancelled(), "the one that was listened to goes");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_at_work_stays_and_the_next_one_is_refused() {
        let doors = doors(3, 3);
        let working = crowd(&doors, "203.0.113.1", 3).await;
        working.iter().for_each(Place::at_work);
        assert!(doors.enter(address("198.51.100.7")).await.is_none());
        working[1].idle();
        assert!(doors.enter(address("198.51.100.7")).await.is_some());
        assert_eq!(away(&working), 1);
        assert!(working[1].leave.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_never_ends_is_no_work() {
        let doors = doors(4, 4);
        let dripping = crowd(&doors, "203.0.113.1", 4).await;
        dripping[..3].iter().for_each(Place::asking);
        tokio::time::advance(Duration::from_millis(100)).await;
        dripping[3].idle();
        tokio::time::advance(FIRST_WORD).await;
        let _first = doors.enter(address("198.51.100.7")).await.unwrap();
        assert!(dripping[3].leave.is_cancelled(), "who asks nothing goes first");
        let _second = doors.enter(address("198.51.100.8")).await.unwrap();
        assert_eq!(away(&dripping), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_is_not_one_address() {
        let doors = doors(100, 5);
        let all = crowd(&doors, "10.1.2.3", 50).await;
        assert_eq!(away(&all), 0);
        let all = crowd(&doors, "::ffff:10.1.2.3", 40).await;
        assert_eq!(away(&all), 0);
    }
}
