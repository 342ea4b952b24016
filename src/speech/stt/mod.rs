//! Speech to text: an utterance in, whole or still growing, its words out. Knows no call and no flow.
//!
//! | module | owns |
//! |---|---|
//! | `request`, `transcript`, `options` | what is asked, what comes back, how a call is listened to |
//! | `recognizer` | the kinds of recognisers behind one verb |
//! | `stream` | the same for audio that still grows: opened, fed, asked for words |
//! | `call_recogniser` | how one call is heard: interim words, a second recogniser for one that fails |
//! | `named`, `recognizers`, `speed` | the recognisers of this server, who hears a call, how quick each is |
//! | `pool`, `guard` | the queue of one that runs here; doubts about what it says |
//! | `weighing` | which of the expected answers was given |

mod call_recogniser;
pub mod deepgram;
mod guard;
mod named;
pub mod openai;
mod options;
mod pool;
mod recognizer;
mod recognizers;
mod request;
pub mod scripted;
mod speed;
mod stream;
mod transcript;
mod weighing;
#[cfg(feature = "whisper")]
pub mod whisper;
pub mod word_errors;

pub use call_recogniser::CallRecogniser;
pub use named::{Named, Trial};
pub use options::{StreamOptions, SttOptions};
pub use recognizer::Recognizer;
pub use recognizers::{Choice, Preference, Recognizers};
pub use request::{Request, Urgency};
pub use speed::Speed;
pub use transcript::{SttError, Transcript};
