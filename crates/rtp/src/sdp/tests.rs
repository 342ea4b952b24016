use proptest::prelude::*;

use super::*;

fn local(direction: Direction) -> Local {
    Local {
        address: "192.0.2.1:20000".parse().unwrap(),
        id: 42,
        version: 1,
        laws: vec![Law::Ulaw, Law::Alaw],
        direction,
    }
}

fn remote(lines: &[&str]) -> Remote {
    let mut text = String::from("v=0\r\no=- 9 1 IN IP4 203.0.113.5\r\ns=call\r\n");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    Remote::read(text.as_bytes()).unwrap()
}

const C: &str = "c=IN IP4 203.0.113.5";
const T: &str = "t=0 0";

#[test]
fn an_offer_names_both_laws_and_keys() {
    assert_eq!(
        local(Direction::SendRecv).offer(),
        "v=0\r\no=- 42 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\na=rtcp-mux\r\n"
    );
}

#[test]
fn an_answer_takes_the_offerers_numbers_and_refuses_the_other_streams() {
    let offer = remote(&[
        T,
        "m=video 5000 RTP/AVP 96",
        C,
        "a=rtpmap:96 H264/90000",
        "m=audio 4000 RTP/AVP 18 8 0 13 97",
        C,
        "a=rtpmap:18 G729/8000",
        "a=rtpmap:97 telephone-event/8000",
        "a=ptime:30",
        "a=sendonly",
        "a=rtcp:4009 IN IP4 203.0.113.6",
        "m=audio 6000 RTP/SAVP 0",
        C,
    ]);
    let (answer, agreed) = local(Direction::SendRecv).answer(&offer).unwrap();
    let streams: Vec<&str> = answer.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        streams,
        ["m=video 0 RTP/AVP 96", "m=audio 20000 RTP/AVP 8 97", "m=audio 0 RTP/SAVP 0"],
        "{answer}"
    );
    assert!(answer.contains("a=recvonly") && !answer.contains("rtcp-mux"), "{answer}");
    assert_eq!(agreed.formats, Formats::new(Law::Alaw, Some(97)));
    assert_eq!((agreed.address.to_string(), agreed.packet_ms), ("203.0.113.5:4000".into(), Some(30)));
    assert_eq!((agreed.reports.to_string(), agreed.is_muxed), ("203.0.113.6:4009".into(), false));
    assert_eq!(agreed.direction, Direction::RecvOnly);
    assert!(offer.is_hold());
}

#[test]
fn the_answer_to_our_offer_says_what_is_sent_by_which_number() {
    let answer =
        remote(&[C, T, "m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 TELEPHONE-EVENT/8000", "a=rtcp-mux"]);
    let agreed = local(Direction::SendRecv).agree(&answer).unwrap();
    let formats = Formats { audio: Coding::of(Law::Alaw), sent_keys: Some(96), received_keys: Some(101) };
    assert_eq!(agreed.formats, formats);
    assert!(agreed.is_muxed && agreed.reports == agreed.address);
    let without_keys = remote(&[C, T, "m=audio 4000 RTP/AVP 0"]);
    let agreed = local(Direction::SendRecv).agree(&without_keys).unwrap();
    assert_eq!(agreed.formats, Formats::new(Law::Ulaw, None));
    assert_eq!(agreed.reports.port(), 4_001);
}

#[test]
fn hold_is_told_by_direction_or_by_no_address_and_ends() {
    let held = |lines: &[&str]| {
        let offer = remote(lines);
        let (answer, agreed) = local(Direction::SendRecv).answer(&offer).unwrap();
        (offer.is_hold(), agreed.direction, answer)
    };
    for (said, ours) in [
        ("a=sendrecv", Direction::SendRecv),
        ("a=sendonly", Direction::RecvOnly),
        ("a=recvonly", Direction::SendOnly),
        ("a=inactive", Direction::Inactive),
    ] {
        let (_, direction, answer) = held(&[C, T, "m=audio 4000 RTP/AVP 0", said]);
        assert_eq!(direction, ours);
        assert!(answer.contains(&format!("a={ours}")), "{answer}");
        let (_, direction, _) = held(&[C, T, said, "m=audio 4000 RTP/AVP 0"]);
        assert_eq!(direction, ours, "for the whole session");
    }
    let (is_hold, direction, _) = held(&["c=IN IP4 0.0.0.0", T, "m=audio 4000 RTP/AVP 0"]);
    assert_eq!((is_hold, direction), (true, Direction::RecvOnly));
}

#[test]
fn addresses_of_the_new_kind_are_read_and_written() {
    let offer = remote(&["c=IN IP6 2001:db8::5", T, "m=audio 4000 RTP/AVP 0"]);
    let local = Local { address: "[2001:db8::1]:20000".parse().unwrap(), ..local(Direction::SendRecv) };
    let (answer, agreed) = local.answer(&offer).unwrap();
    assert_eq!(agreed.address.to_string(), "[2001:db8::5]:4000");
    assert!(answer.contains("c=IN IP6 2001:db8::1\r\n"), "{answer}");
}

#[test]
fn what_cannot_be_used_is_refused_with_a_sentence() {
    let told = |lines: &[&str]| local(Direction::SendRecv).answer(&remote(lines)).unwrap_err().to_string();
    assert!(told(&[C, T]).contains("no audio stream"));
    assert!(told(&[C, T, "m=audio 0 RTP/AVP 0"]).contains("was refused"));
    assert!(told(&[C, T, "m=audio 4000 RTP/SAVP 0"]).contains("RTP/SAVP"));
    assert!(told(&[T, "m=audio 4000 RTP/AVP 0"]).contains("no address"));
    assert!(told(&["c=IN IP4 host.example", T, "m=audio 4000 RTP/AVP 0"]).contains("no address"));
    let opus = told(&[C, T, "m=audio 4000 RTP/AVP 111 18", "a=rtpmap:111 opus/48000/2"]);
    assert!(opus.contains("(opus/48000, payload type 18)"), "{opus}");
    let unreadable = Remote::read(b"INVITE sip:a@b SIP/2.0\r\n").unwrap_err().to_string();
    assert!(unreadable.starts_with("the session description cannot be read"), "{unreadable}");
    assert!(Remote::read(&[b'a'; 20_000]).is_err());
}

#[test]
fn a_law_under_a_number_of_its_own_is_spoken_by_it() {
    let offer = remote(&[C, T, "m=audio 4000 RTP/AVP 98 0", "a=rtpmap:98 pcma/8000"]);
    let (answer, agreed) = local(Direction::SendRecv).answer(&offer).unwrap();
    assert_eq!(agreed.formats.audio, Coding { law: Law::Alaw, payload_type: 98 });
    assert!(answer.contains("a=rtpmap:98 PCMA/8000"), "{answer}");
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _read = Remote::read(&bytes);
    }

    /// Whatever the lines of a description say, an answer has as many streams as the offer, and can be read.
    #[test]
    fn every_answer_can_be_read_and_names_every_stream(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                C, "c=IN IP6 ::1", "c=IN IP4 0.0.0.0", "m=audio 4000 RTP/AVP 0 8 101", "m=video 9 UDP/TLS/RTP/SAVPF 96",
                "m=audio 0 RTP/AVP 0", "m=audio 70 RTP/AVPF 8", "a=inactive", "a=rtpmap:101 telephone-event/8000",
                "a=rtpmap:0 x", "a=rtcp-mux", "a=rtcp:99", "a=ptime:x", "m=audio 4000/2 RTP/AVP", "a=sendonly",
            ]),
            0..12,
        ),
    ) {
        let text = format!("v=0\r\no=- 9 1 IN IP4 203.0.113.5\r\ns=-\r\n{C}\r\n{T}\r\n");
        let text = lines.iter().filter(|line| !line.starts_with("c=")).fold(text, |text, line| text + line + "\r\n");
        let Ok(offer) = Remote::read(text.as_bytes()) else { return Ok(()) };
        if let Ok((answer, agreed)) = local(Direction::SendRecv).answer(&offer) {
            let count = |text: &str| text.lines().filter(|line| line.starts_with("m=")).count();
            prop_assert_eq!(count(&answer), count(&text));
            let read = Remote::read(answer.as_bytes()).unwrap();
            let back = local(Direction::SendRecv).agree(&read).unwrap();
            prop_assert_eq!(back.formats.audio, agreed.formats.audio);
        }
    }
}
