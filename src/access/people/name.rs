//! Names of people.

use callcore::language::unfit_name;

/// Longest name of a person, characters.
pub const LONGEST_NAME: usize = 60;

/// Whether a person may be called this: short, without blanks around it, and without a sign that breaks lines or that nobody sees, so
/// that it can be told from others.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    length > 0 && length <= LONGEST_NAME && text.trim() == text && unfit_name(text).is_none()
}
