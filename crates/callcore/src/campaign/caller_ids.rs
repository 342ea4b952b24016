//! The numbers that calls are made from, in turn.

/// Numbers in their one form, each with the most calls it may make on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CallerIds(Vec<(String, Option<u32>)>);

/// From which number a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// That of the trunk.
    Trunks,
    Number(String),
    /// All have made as many calls today as they may.
    UsedUp,
}

impl CallerIds {
    pub(super) fn add(&mut self, number: &str, per_day: Option<u32>) {
        self.0.push((number.to_owned(), per_day));
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(number, _)| number.as_str())
    }

    /// The number with the fewest calls today among those that may make one; `today` has their counts in the same order.
    pub(super) fn choose(&self, today: &[u32]) -> Choice {
        if self.0.is_empty() {
            return Choice::Trunks;
        }
        let calls = |at: usize| today.get(at).copied().unwrap_or(0);
        let free =
            self.0.iter().enumerate().filter(|(at, (_, most))| most.is_none_or(|most| calls(*at) < most));
        free.min_by_key(|(at, _)| calls(*at))
            .map_or(Choice::UsedUp, |(_, (number, _))| Choice::Number(number.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_turns_and_rest_when_they_have_called_enough() {
        let mut pool = CallerIds::default();
        assert_eq!(pool.choose(&[]), Choice::Trunks);
        pool.add("+621", Some(2));
        pool.add("+622", None);
        assert_eq!(pool.choose(&[0, 0]), Choice::Number("+621".into()));
        assert_eq!(pool.choose(&[1, 0]), Choice::Number("+622".into()));
        assert_eq!(pool.choose(&[2, 9]), Choice::Number("+622".into()));
        let mut small = CallerIds::default();
        small.add("+621", Some(2));
        assert_eq!(small.choose(&[2]), Choice::UsedUp);
    }
}
