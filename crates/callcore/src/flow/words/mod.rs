//! Numbers, dates and times between people and flows: said aloud as words, and understood from what was said.
//!
//! Nothing here knows the time: whoever asks for a date brings today's.

mod backchannel;
mod calendar;
mod currency;
mod figure;
mod hear_date;
mod hear_number;
mod hear_time;
mod hear_yes_no;
mod lexicon;
mod mask;
mod say;
mod say_when;
mod sentences;
mod shorthand;
mod speakable;
#[cfg(test)]
mod tests;
mod trailing;
mod zone;

pub(super) use self::backchannel::backchannels;
pub use self::calendar::{Date, LocalTime, TimeOfDay};
pub(super) use self::currency::CODES as CURRENCIES;
pub(super) use self::currency::spoken_money;
pub(super) use self::figure::{Figure, Misread};
pub(super) use self::hear_date::date as hear_date;
pub(super) use self::hear_number::{digits as hear_digits, number as hear_number};
pub(super) use self::hear_time::time as hear_time;
pub(super) use self::hear_yes_no::{expected as yes_no_words, yes_no as hear_yes_no};
pub use self::mask::masked;
pub(super) use self::say::{spoken_number, spoken_ordinal, spoken_phone};
pub(super) use self::say_when::{DateStyle, spoken_date, spoken_time};
pub use self::sentences::{Sentence, sentences};
pub use self::speakable::speakable;
pub(super) use self::trailing::trails_off;
pub(super) use self::zone::{Zone, meant as zone_meant, names as zones};

/// The languages whose words are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tongue {
    English,
    Indonesian,
    /// Figures are left to the speech engine, and only figures are understood.
    Other,
}

impl Tongue {
    /// The tongue of a language tag such as `id-ID`.
    pub(super) fn of(tag: &str) -> Self {
        match tag.split('-').next().unwrap_or_default() {
            "en" => Self::English,
            "id" => Self::Indonesian,
            _ => Self::Other,
        }
    }
}
