//! How campaigns share the lines of a trunk: by priority, and none is left with nothing.

/// Shares `room` lines among those who want some: `wants` has for each its weight (1 or more) and how many it wants. Each that wants
/// any gets at least one while there are enough; the rest goes by weight. Nobody gets more than it wants, and nothing is left while
/// somebody wants more.
#[must_use]
pub fn share(room: usize, wants: &[(u32, usize)]) -> Vec<usize> {
    let mut given = vec![0; wants.len()];
    for _ in 0..room {
        let hungry = (0..wants.len()).filter(|at| given[*at] < wants[*at].1);
        // Whose share is least used; those who have nothing come first, among equals the heavier one.
        let next = hungry.min_by(|a, b| {
            let used = |at: usize| given[at] as f64 / f64::from(wants[at].0.max(1));
            used(*a).total_cmp(&used(*b)).then(wants[*b].0.cmp(&wants[*a].0))
        });
        let Some(next) = next else { break };
        given[next] += 1;
    }
    given
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn priority_decides_and_nobody_starves() {
        assert_eq!(share(12, &[(5, 100), (1, 100)]), [10, 2]);
        assert_eq!(share(2, &[(5, 100), (1, 100)]), [1, 1]);
        assert_eq!(share(1, &[(1, 100), (5, 100)]), [0, 1]);
        assert_eq!(share(10, &[(5, 2), (1, 100)]), [2, 8]);
    }

    proptest! {
        #[test]
        fn all_of_the_room_is_used_and_no_more(
            room in 0_usize..200,
            wants in proptest::collection::vec((1_u32..6, 0_usize..100), 0..8),
        ) {
            let given = share(room, &wants);
            let wanted: usize = wants.iter().map(|(_, want)| want).sum();
            prop_assert_eq!(given.iter().sum::<usize>(), room.min(wanted));
            let hungry = wants.iter().filter(|(_, want)| *want > 0).count();
            for (got, (_, want)) in given.iter().zip(&wants) {
                prop_assert!(got <= want);
                prop_assert!(*want == 0 || *got > 0 || room < hungry);
            }
        }
    }
}
