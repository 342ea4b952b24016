//! A number in figures, exact to its last decimal.

use super::Tongue;

/// A decimal number as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Figure {
    pub minus: bool,
    pub whole: u64,
    /// The digits behind the point, without trailing zeros.
    pub fraction: String,
}

/// Most digits before and behind the point.
const MAX_DIGITS: usize = 18;

impl Figure {
    /// Reads a number as a program writes it: `-1250.5`.
    pub(in super::super) fn plain(text: &str) -> Option<Self> {
        let text = text.trim();
        let (minus, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.len() <= MAX_DIGITS && part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0').to_owned();
        let whole = whole.parse().ok()?;
        Some(Self { minus: minus && (whole > 0 || !fraction.is_empty()), whole, fraction })
    }

    /// Reads a number as people write it in this language: `1.250,5` or `1,250.5`. What could be both is
    /// read as the language does it.
    pub(in super::super) fn written(text: &str, tongue: Tongue) -> Option<Self> {
        let (group, point) = match tongue {
            Tongue::Indonesian => ('.', ','),
            Tongue::English | Tongue::Other => (',', '.'),
        };
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (whole, fraction) = text.split_once(point).unwrap_or((&text, ""));
        let mut groups = whole.trim_start_matches('-').split(group);
        let first = groups.next().unwrap_or_default();
        let grouped = groups.all(|g| g.len() == 3) && (first.len() <= 3 || !whole.contains(group));
        if grouped && !fraction.contains(group) {
            let whole: String = whole.chars().filter(|c| *c != group).collect();
            if let Some(figure) = Self::plain(&format!("{whole}.{fraction}")) {
                return Some(figure);
            }
        }
        // The other language's way, where this one's makes no sense of it: `2.5` in an Indonesian text.
        Self::plain(&text.replace(',', "."))
    }

    /// Rounded to so many digits behind the point, half away from zero: the whole part, and what is left
    /// in units of the last digit.
    pub(super) fn rounded(&self, digits: usize) -> (u64, u64) {
        let mut padded = self.fraction.clone();
        while padded.len() <= digits {
            padded.push('0');
        }
        let kept = padded.get(..digits).and_then(|kept| kept.parse::<u64>().ok()).unwrap_or_default();
        let up = u64::from(padded.as_bytes().get(digits).is_some_and(|next| *next >= b'5'));
        let unit = 10_u64.pow(u32::try_from(digits).unwrap_or_default());
        let rounded = kept + up;
        (self.whole + rounded / unit, rounded % unit)
    }
}
