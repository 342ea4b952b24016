//! Language between people and flows: numbers, dates and times said aloud as words and understood from what was said,
//! sentences, plain words, and digits hidden.
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
mod heard;
mod lexicon;
mod mask;
mod name;
mod number_words;
mod say;
mod say_money;
mod say_when;
mod scale;
mod sentences;
mod shorthand;
mod speakable;
mod suggest;
mod tag;
#[cfg(test)]
mod tests;
mod trailing;
mod words;
mod zone;

pub(crate) use self::backchannel::backchannels;
pub use self::calendar::{Date, LocalTime, TimeOfDay};
pub(crate) use self::currency::CODES as CURRENCIES;
pub(crate) use self::figure::{Figure, Misread};
pub(crate) use self::hear_date::{date as hear_date, days_said as day_words};
pub(crate) use self::hear_number::{digits as hear_digits, number as hear_number};
pub(crate) use self::hear_time::time as hear_time;
pub(crate) use self::hear_yes_no::{
    expected as yes_no_words, no_said as no_words, yes_no as hear_yes_no, yes_said as yes_words,
};
pub(crate) use self::heard::Spoken;
pub use self::mask::masked;
pub use self::name::{hidden_sign, unfit_name};
pub(crate) use self::say::{cardinal as spoken_whole, spoken_number, spoken_ordinal, spoken_phone};
pub(crate) use self::say_money::spoken_money;
pub(crate) use self::say_when::{DateStyle, spoken_date, spoken_time};
pub use self::sentences::{Sentence, sentences};
pub use self::speakable::speakable;
pub use self::suggest::{listed, nearest};
pub(crate) use self::tag::Language;
pub(crate) use self::trailing::trails_off;
pub(crate) use self::words::{count_words, plain_words, words_beside};
pub use self::zone::{UnknownZone, WallTime, wall_time, zone_name};
pub(crate) use self::zone::{Zone, is_too_far as zone_is_too_far, meant as zone_meant, names as zones};
