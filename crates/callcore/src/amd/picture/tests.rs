//! The picture is whole whatever was heard.

use super::*;
use crate::amd::{Amd, Options};
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::detect::FrontEnd;

fn picture(audio: &[i16], title: &str, say: &[(u64, &str)]) -> String {
    let (mut front_end, mut amd, mut events) = (FrontEnd::new(), Amd::new(Options::default()), Vec::new());
    for (n, frame) in audio.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
        let frame: &Frame = frame;
        let observation = front_end.push(frame);
        amd.observe(&observation);
        while let Some(heard) = front_end.poll() {
            amd.feed(&heard);
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
    assert!(svg.contains("Log-odds") && svg.contains("words +"), "what each kind of evidence says: {svg}");
}

#[test]
fn the_moment_at_which_the_bot_may_begin_is_shown_before_the_verdict() {
    let evidence =
        crate::amd::Evidence { likely_human_ms: Some(1_240), ..Amd::new(Options::default()).evidence() };
    let svg =
        Picture { title: "early.wav", audio: &vec![0; 4 * 8_000], events: &[], evidence: &evidence }.svg();
    assert!(is_well_formed(&svg) && svg.contains("a person is likely 1.24 s"), "{svg}");
}

/// The value of an attribute of an element.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

fn number(element: &str, name: &str) -> Option<f64> {
    attribute(element, name)?.parse().ok()
}

/// The two layouts, each with its width.
fn layouts(svg: &str) -> Vec<(f64, &str)> {
    let parts = svg.split("<svg class=\"").skip(1);
    parts
        .map(|part| {
            (attribute(part, "viewBox").and_then(|b| b.split(' ').nth(2)?.parse().ok()).unwrap_or(0.0), part)
        })
        .collect()
}

#[test]
fn nothing_is_drawn_outside_of_the_sheet_on_a_screen_or_on_a_telephone() {
    let long = "you have reached the office of somebody with a very long name who is not here and will not be for weeks";
    let words =
        [(900, "hello"), (3_900, long), (9_000, "please leave a message after the tone"), (30_000, long)];
    let mut audio = vec![40; 70 * 8_000];
    audio[8_000 * 5..8_000 * 6].fill(9_000);
    let svg = picture(&audio, &"a-recording-with-a-long-name-".repeat(9), &words);
    assert!(is_well_formed(&svg));
    let layouts = layouts(&svg);
    assert_eq!(layouts.iter().map(|(width, _)| *width).collect::<Vec<_>>(), [1200.0, 440.0]);
    for (sheet, part) in layouts {
        for element in part.split('<').filter(|element| element.starts_with("text ")) {
            let text = element.split_once('>').map_or("", |(_, text)| text);
            let size = number(element, "font-size").unwrap_or(0.0);
            let length = text.chars().count() as f64 * size * 0.5;
            let x = number(element, "x").unwrap_or(0.0);
            let left = match attribute(element, "text-anchor") {
                Some("end") => x - length,
                Some("middle") => x - length / 2.0,
                _ => x,
            };
            assert!(left >= -4.0 && left + length <= sheet + 4.0, "{sheet}: {left} {length} {text}");
        }
        for element in part.split('<').filter(|element| element.starts_with("rect ")) {
            let (x, width) = (number(element, "x").unwrap_or(0.0), number(element, "width").unwrap_or(0.0));
            assert!(x >= 0.0 && x + width <= sheet, "{sheet}: {element}");
        }
    }
}

#[test]
fn the_picture_follows_the_readers_screen_in_size_and_in_light() {
    let svg = picture(&vec![40; 2 * 8_000], "c1", &[]);
    for rule in ["@media (prefers-color-scheme:dark)", "@media (max-width:700px)", "overflow=\"hidden\""] {
        assert!(svg.contains(rule), "{rule}");
    }
    let dark = svg.split_once("prefers-color-scheme:dark").map_or("", |(_, rest)| rest);
    for colour in ["#1b1f24", "#57606a", "#ffffff"] {
        assert!(dark.contains(&format!("[fill=\"{colour}\"]")), "{colour} has a dark sister");
    }
}
