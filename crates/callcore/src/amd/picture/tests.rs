//! The picture is whole whatever was heard.

use super::*;
use crate::amd::{Amd, Options};
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::detect::Ear;

fn picture(audio: &[i16], title: &str, say: &[(u64, &str)]) -> String {
    let (mut ear, mut amd, mut events) = (Ear::new(), Amd::new(Options::default()), Vec::new());
    for (n, frame) in audio.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
        let frame: &Frame = frame;
        let observation = ear.push(frame);
        amd.observe(&observation);
        while let Some(heard) = ear.poll() {
            amd.hear(&heard);
        }
        for (at, text) in say.iter().filter(|(at, _)| *at == n as u64 * 20) {
            amd.transcript(text, true, *at);
        }
        while let Some(event) = amd.poll_event() {
            events.push(event);
        }
    }
    amd.stop();
    while let Some(event) = amd.poll_event() {
        events.push(event);
    }
    Picture { title, audio, events: &events, evidence: &amd.evidence() }.svg()
}

/// Every element that opens also closes, and no text breaks out.
fn is_well_formed(svg: &str) -> bool {
    let opened =
        svg.matches("<text ").count() + svg.matches("<svg ").count() + svg.matches("<title>").count();
    opened == svg.matches("</text>").count() + svg.matches("</svg>").count() + svg.matches("</title>").count()
        && !svg.contains("NaN")
        && !svg.contains("inf\"")
}

#[test]
fn nothing_heard_is_a_picture_too() {
    let svg = picture(&[], "empty.wav", &[]);
    assert!(
        is_well_formed(&svg) && svg.contains("No decision") && svg.contains("none: decided by sound alone")
    );
}

#[test]
fn silence_shows_the_verdict_and_its_timer() {
    let svg = picture(&vec![0; 8 * 8_000], "silence.wav", &[]);
    assert!(is_well_formed(&svg) && svg.contains("Nobody spoke") && svg.contains("no speech: 5.00 of 5 s"));
}

#[test]
fn words_are_shown_where_they_came_and_cannot_become_markup() {
    let words = [(1_000, "<script>alert(1)</script> please leave a message after the tone")];
    let svg = picture(&vec![40; 4 * 8_000], "a & b <c>.wav", &words);
    assert!(
        is_well_formed(&svg) && !svg.contains("<script>") && svg.contains("a &amp; b &lt;c&gt;.wav"),
        "{svg}"
    );
    assert!(svg.contains("A machine: a mailbox that takes a message"));
    assert!(svg.contains("leave a message"));
}
