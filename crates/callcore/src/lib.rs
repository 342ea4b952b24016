//! The pure core of a telephone call: what is heard, who answered, what to say next.
//!
//! Nothing here knows a socket, a file, a thread or a clock. Every machine follows one contract:
//!
//! 1. **Time is an argument.** [`clock::CallTime`] counts milliseconds since the call began; audio is
//!    measured in *media time*, the number of samples heard. A recording therefore replays to the same
//!    verdict at any speed, and a trace serialises.
//! 2. **Push, then drain.** An input changes state and never blocks; the caller then drains the
//!    `poll_*` method to empty and sleeps until `poll_timeout`. No callbacks, channels or locks.
//! 3. **Requests carry ids.** A reply whose id is no longer awaited is dropped.
//! 4. **Bad input never panics.** What is illegal in a state is logged and ignored; after a hang-up a
//!    call only moves forward.
//!
//! Map, low to high; a module imports only from those above it in this list:
//!
//! | module | owns |
//! |---|---|
//! | [`clock`], [`ids`], [`retry`] | time, identifiers, backoff schedules |
//! | [`number`] | telephone numbers in their one form |
//! | [`audio`] | 20 ms frames, codecs, WAV, resampling |
//! | [`detect`] | audio → speech, level and tones |
//! | [`playback`] | what the callee hears next, and how far it got |
//! | [`amd`] | who answered |
//! | [`language`] | numbers, dates, times and sentences: said as words, understood from words |
//! | [`yaml`] | YAML files with the place of everything, and findings about them |
//! | [`flow`] | the flow language and its interpreter |
//! | [`call`] | one call: composes the four above |
//! | [`testing`] | a call in virtual time |

pub mod amd;
pub mod audio;
pub mod call;
pub mod campaign;
pub mod clock;
pub mod detect;
pub mod flow;
pub mod ids;
pub mod language;
pub mod number;
pub mod playback;
pub mod retry;
pub mod testing;
pub mod yaml;
