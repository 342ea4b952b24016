use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::*;

/// JSON with bytes in it.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Number(n) => serializer.serialize_i64(*n),
            Self::Text(t) => serializer.serialize_str(t),
            Self::Bytes(b) => Binary(Bytes::copy_from_slice(b)).serialize(serializer),
            Self::List(items) => {
                let mut seq = serializer.serialize_seq(None)?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl Tree {
    /// Puts the attachments back where the placeholders stand.
    fn restore(value: &Value, data: &Data) -> Self {
        if let Ok(placeholder) = serde_json::from_value::<Placeholder>(value.clone()) {
            return Self::Bytes(data.binary(placeholder).expect("an announced attachment").to_vec());
        }
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => Self::Number(n.as_i64().expect("only integers are sent")),
            Value::String(t) => Self::Text(t.clone()),
            Value::Array(items) => Self::List(items.iter().map(|v| Self::restore(v, data)).collect()),
            Value::Object(fields) => {
                Self::Object(fields.iter().map(|(k, v)| (k.clone(), Self::restore(v, data))).collect())
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        any::<i64>().prop_map(Tree::Number),
        ".{0,12}".prop_map(Tree::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Tree::Bytes),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..5)
                .prop_map(|m| Tree::Object(m.into_iter().collect())),
        ]
    })
}

fn roomy() -> Decoder {
    Decoder::new(Limits { attachments: 1_000, ..Limits::default() })
}

fn decode(encoded: &Encoded) -> Packet {
    let mut decoder = roomy();
    let mut packet = decoder.text(&Utf8Bytes::from(encoded.text.as_str())).expect("own text");
    for attachment in &encoded.attachments {
        assert_eq!(packet, None, "complete before its attachments came");
        packet = decoder.binary(attachment.clone()).expect("own attachment");
    }
    packet.expect("complete")
}

fn text(decoder: &mut Decoder, frame: &str) -> Result<Option<Packet>, PacketError> {
    decoder.text(&Utf8Bytes::from(frame))
}

fn one(frame: &str) -> Result<Packet, PacketError> {
    text(&mut Decoder::default(), frame).map(|packet| packet.expect("a packet without attachments"))
}

/// What the fuzz target of the wire does: each line is a frame, an attachment where it is no text.
#[test]
fn the_corpus_of_the_fuzz_target_is_read_frame_by_frame() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/wire");
    let mut packets = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let bytes = std::fs::read(entry.expect("a file").path()).expect("readable");
        let mut decoder = Decoder::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            let packet = match std::str::from_utf8(line) {
                Ok(frame) => text(&mut decoder, frame),
                Err(_) => decoder.binary(Bytes::copy_from_slice(line)),
            };
            match packet {
                Ok(packet) => packets += usize::from(packet.is_some()),
                Err(_) => decoder = Decoder::default(),
            }
        }
    }
    assert!(packets >= 8, "only {packets} packets in the corpus");
}

proptest! {
    #[test]
    fn an_event_comes_back_as_it_was_sent(
        name in ".{0,10}",
        payload in trees(),
        ack in prop::option::of(any::<u64>()),
    ) {
        let encoded = encode_event(&name, &payload, ack).expect("a tree is JSON");
        let Packet::Event(event) = decode(&encoded) else { panic!("an event became something else") };
        prop_assert_eq!((&event.name, event.ack), (&name, ack));
        let value: Value = event.data.arg(0).expect("one argument");
        prop_assert_eq!(Tree::restore(&value, &event.data), payload);
        prop_assert!(event.data.arg::<Value>(1).is_err());
    }

    #[test]
    fn an_acknowledgement_comes_back_as_it_was_sent(payload in trees(), id in any::<u64>()) {
        let encoded = encode_ack(id, &payload).expect("a tree is JSON");
        let Packet::Ack { id: answered, data } = decode(&encoded) else { panic!("not an ack any more") };
        prop_assert_eq!(answered, id);
        prop_assert_eq!(Tree::restore(&data.arg(0).expect("one argument"), &data), payload);
    }

    #[test]
    fn no_sequence_of_frames_makes_the_decoder_panic(
        frames in prop::collection::vec(
            prop_oneof![
                any::<Vec<u8>>().prop_map(Ok),
                ".{0,40}".prop_map(Err),
                "4[0-9]{0,3}-?/?[a-z,?]{0,4}[0-9]{0,22}[\\[{\"a:,\\]}]{0,10}".prop_map(Err),
            ],
            0..12,
        ),
    ) {
        let mut decoder = Decoder::default();
        for frame in frames {
            let packet = match frame {
                Ok(bytes) => decoder.binary(Bytes::from(bytes)),
                Err(text) => decoder.text(&Utf8Bytes::from(text)),
            };
            if let Ok(Some(Packet::Event(event))) = packet {
                let _ = event.data.arg::<Value>(0);
                let _ = event.data.arg::<Placeholder>(0).map(|p| event.data.binary(p).cloned());
            }
        }
    }
}

#[test]
fn a_nested_buffer_is_sent_the_way_the_reference_client_sends_it() {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Audio {
        session_id: &'static str,
        audio_data: Binary,
    }
    let audio = Audio { session_id: "s0", audio_data: Binary(Bytes::from_static(&[0x1E, 0, 0xFF])) };
    let encoded = encode_event("audio", &audio, Some(12)).expect("JSON");
    assert_eq!(
        encoded.text,
        r#"451-12["audio",{"sessionId":"s0","audioData":{"_placeholder":true,"num":0}}]"#
    );
    assert_eq!(encoded.attachments, [Bytes::from_static(&[0x1E, 0, 0xFF])]);
    assert_eq!(encode_ack(3, &true).expect("JSON").text, "433[true]");
    assert_eq!(connect(&serde_json::json!({"token": "t"})).expect("JSON"), r#"40{"token":"t"}"#);
}

#[test]
fn transport_packets_are_recognised() {
    let open = one(r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#);
    let Ok(Packet::Open(handshake)) = open else { panic!("{open:?}") };
    assert_eq!(handshake.patience(), Duration::from_secs(45));
    assert_eq!(one("2").expect("ping"), Packet::Ping);
    assert_eq!(one("6").expect("noop"), Packet::Idle);
    assert_eq!(one("1").expect("close"), Packet::Close);
    assert_eq!(one(r#"40{"sid":"y"}"#).expect("connect"), Packet::Connected);
    assert_eq!(one("40").expect("connect of protocol 4"), Packet::Connected);
    assert_eq!(one("41").expect("disconnect"), Packet::Disconnected);
}

#[test]
fn a_refusal_keeps_the_reason_and_its_data() {
    let refused = one(r#"44{"message":"bad token","data":{"code":401}}"#).expect("connect error");
    assert_eq!(
        refused,
        Packet::Refused { message: "bad token".into(), data: serde_json::json!({"code": 401}) }
    );
    let old = one(r#"44"Not authorized""#).expect("connect error of protocol 4");
    assert!(matches!(old, Packet::Refused { message, .. } if message == "Not authorized"));
}

#[test]
fn a_ping_between_a_packet_and_its_attachment_does_not_disturb_it() {
    let mut decoder = Decoder::default();
    assert_eq!(text(&mut decoder, r#"451-["a",{"_placeholder":true,"num":0}]"#).expect("header"), None);
    assert_eq!(text(&mut decoder, "2").expect("ping"), Some(Packet::Ping));
    let packet = decoder.binary(Bytes::from_static(b"x")).expect("attachment").expect("complete");
    assert!(matches!(packet, Packet::Event(event) if event.data.attachments() == [Bytes::from_static(b"x")]));
}

#[test]
fn frames_out_of_place_are_refused() {
    let mut decoder = Decoder::default();
    assert!(matches!(decoder.binary(Bytes::new()), Err(PacketError::StrayAttachment)));
    text(&mut decoder, r#"452-["a"]"#).expect("header");
    let between = text(&mut decoder, r#"42["b"]"#);
    assert!(matches!(between, Err(PacketError::TextAmongAttachments { missing: 2 })), "{between:?}");
}

#[test]
fn limits_hold_before_anything_is_kept() {
    let limits = Limits { text: 40, attachments: 2, attachment: 3, kept: 3 };
    let mut decoder = Decoder::new(limits);
    assert!(matches!(text(&mut decoder, r#"453-["a"]"#), Err(PacketError::TooLarge { limit: 2, .. })));
    assert!(matches!(
        text(&mut decoder, r#"4599999999999999999999-["a"]"#),
        Err(PacketError::Header("number of attachments"))
    ));
    let long = format!(r#"42["a","{}"]"#, "x".repeat(40));
    assert!(matches!(text(&mut decoder, &long), Err(PacketError::TooLarge { what: "text", .. })));
    text(&mut decoder, r#"451-["a"]"#).expect("within the limits");
    assert!(matches!(decoder.binary(Bytes::from_static(b"four")), Err(PacketError::TooLarge { .. })));
}

#[test]
fn malformed_packets_are_named() {
    for bad in ["", "4", "9", "x", "47[]", "42", "42{}", "42[]", "42[1]", "42[\"a\"", "42[\"a\"]x", "43[1]"] {
        assert!(one(bad).is_err(), "{bad:?} was taken for a packet");
    }
    assert!(matches!(one("42/admin,[\"a\"]"), Err(PacketError::Namespace(name)) if name == "/admin"));
    assert!(one("42/,7[\"a\"]").is_ok());
    assert!(one("45-1-[\"a\"]").is_err());
}

#[test]
fn a_placeholder_without_its_attachment_is_an_error_of_that_event_only() {
    let Packet::Event(event) = one(r#"42["audio",{"_placeholder":true,"num":4}]"#).expect("an event") else {
        panic!("not an event")
    };
    let placeholder = event.data.arg::<Placeholder>(0).expect("a placeholder");
    assert!(matches!(event.data.binary(placeholder), Err(PacketError::NoSuchAttachment(4))));
    for no_placeholder in [r#"{"_placeholder":false,"num":0}"#, r#"{"num":0}"#, "[true,0]", "\"text\""] {
        let packet = one(&format!(r#"42["a",{no_placeholder}]"#)).expect("an event");
        let Packet::Event(event) = packet else { panic!("not an event") };
        assert!(event.data.arg::<Placeholder>(0).is_err(), "{no_placeholder}");
    }
}
