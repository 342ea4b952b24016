//! Whether the filters that speak are used rightly: their arguments, and what they are given.

use crate::flow::model::{SPOKEN, VariableType};
use crate::language::{CURRENCIES, listed, nearest};

/// Why the arguments of a filter are wrong: the argument's number, a message and a hint.
type Wrong = (usize, String, String);

/// Holds the arguments of a filter, as `(name, value as written)`, against what it takes.
pub(crate) fn check_arguments(filter: &str, arguments: &[(&str, &str)]) -> Result<(), Wrong> {
    let Some(spoken) = SPOKEN.iter().find(|spoken| spoken.name == filter) else { return Ok(()) };
    for (at, (name, value)) in arguments.iter().enumerate() {
        if !spoken.takes.contains(name) {
            let hint = match nearest(name, spoken.takes.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", listed(spoken.takes.iter().copied())),
            };
            return Err((at, format!("`{filter}` takes no `{name}`"), hint));
        }
        let quoted = value.trim_matches(['"', '\'']);
        if *name == "currency" && quoted.len() + 2 == value.len() && !CURRENCIES.contains(&quoted) {
            let hint = match nearest(&quoted.to_lowercase(), CURRENCIES) {
                Some(near) => format!("did you mean `{near}`? Known are {}", listed(CURRENCIES)),
                None => format!("known are {}", listed(CURRENCIES)),
            };
            return Err((at, format!("there is no currency `{quoted}`"), hint));
        }
    }
    if filter == "spoken_money" && !arguments.iter().any(|(name, _)| *name == "currency") {
        let hint = "write `spoken_money(currency=\"IDR\")`".to_owned();
        return Err((usize::MAX, "`spoken_money` needs a currency".to_owned(), hint));
    }
    Ok(())
}

/// What a filter speaks, if a variable of this kind is something else.
pub(crate) fn unfit(filter: &str, kind: VariableType) -> Option<VariableType> {
    let spoken = SPOKEN.iter().find(|spoken| spoken.name == filter)?;
    (kind != spoken.speaks && kind != VariableType::Text).then_some(spoken.speaks)
}
