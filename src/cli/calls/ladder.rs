//! The SIP messages of a call as a ladder of 80 columns, the figures of its audio, and both as files.

use serde_json::Value;

use super::shown::text;
use crate::cli::out::one_line;

/// Columns of what is between the two ends.
const BETWEEN: usize = 44;
/// Words for what is wrong with the audio, by its name in the API.
const FAULTS: [(&str, &str); 5] = [
    (
        "nothing_came",
        "No audio came from the other side: are public_address and rtp_ports right, and is the firewall open?",
    ),
    ("nothing_arrived", "Our audio did not reach the other side, by its own reports."),
    ("silence", "For five seconds or longer no RTP came."),
    ("loss", "More than 3 % of the packets were lost or late: the audio has holes."),
    ("jitter", "Packets came very unevenly (jitter above 50 ms)."),
];

/// The ladder, and the figures below it.
pub(super) fn ladder(told: &Value) -> String {
    let messages = told["messages"].as_array().map_or(&[][..], Vec::as_slice);
    if messages.is_empty() && told["audio"].is_null() {
        return "No SIP messages are kept of this call: it was over another wire, it still runs, or they were deleted.\n"
            .to_owned();
    }
    let mut shown = String::new();
    if !messages.is_empty() {
        let peer = messages.iter().find_map(|message| message["peer"].as_str()).unwrap_or("the other side");
        let own = text(told, "own");
        shown.push_str(&format!("{:>9}  {:<BETWEEN$} {}\n", "", cut(own, 30), cut(peer, 22)));
    }
    for message in messages {
        let ms = message["tMs"].as_i64().unwrap_or_default();
        let words = cut(&step(text(message, "text")), BETWEEN - 4);
        let line = "-".repeat((BETWEEN - 3).saturating_sub(words.chars().count()));
        let arrow =
            if message["isOurs"] == true { format!("{words} {line}>") } else { format!("<{line} {words}") };
        shown.push_str(&format!("{:>7}.{:03}  {arrow}\n", ms / 1_000, (ms % 1_000).abs()));
    }
    if let Some(count) = told["leftOut"].as_i64().filter(|count| *count > 0) {
        shown.push_str(&format!("{count} messages in the middle of the call are not kept.\n"));
    }
    shown.push_str(&audio(&told["audio"]));
    shown
}

/// A message in a few words: what it asks or answers, and what it brings.
fn step(message: &str) -> String {
    let (header, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
    let first = header.lines().next().unwrap_or_default();
    let mut words = match first.strip_prefix("SIP/2.0 ") {
        Some(status) => {
            let method = field(header, "cseq").and_then(|cseq| cseq.split_whitespace().nth(1));
            format!("{status}{}", method.map(|method| format!(" ({method})")).unwrap_or_default())
        }
        None => {
            let mut parts = first.split(' ');
            let (method, uri) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let user = uri.trim_start_matches("sip:").split(['@', ';']).next().unwrap_or_default();
            if method == "INVITE" || method == "REFER" {
                format!("{method} {user}")
            } else {
                method.to_owned()
            }
        }
    };
    if let Some(status) = body.strip_prefix("SIP/2.0 ") {
        words.push_str(&format!(": {}", status.lines().next().unwrap_or_default()));
    } else if body.starts_with("v=0") {
        words.push_str(" +SDP");
    }
    if let Some(reason) = field(header, "reason") {
        let cause = reason.split(';').find_map(|part| part.trim().strip_prefix("cause="));
        words.push_str(&cause.map(|cause| format!(" cause {cause}")).unwrap_or_default());
    }
    one_line(&words)
}

fn field<'m>(header: &'m str, name: &str) -> Option<&'m str> {
    header.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn audio(audio: &Value) -> String {
    if audio.is_null() {
        return String::new();
    }
    let count = |name: &str| audio[name].as_i64().unwrap_or_default();
    let ms =
        |name: &str| audio[name].as_f64().map_or_else(|| "unknown".to_owned(), |ms| format!("{ms:.0} ms"));
    let score = audio["score"].as_f64();
    let score =
        score.map_or_else(|| "unknown, too little audio".to_owned(), |score| format!("{score:.1} of 4.4"));
    let lost = audio["peerLost"].as_i64().map_or_else(|| "unknown".to_owned(), |lost| lost.to_string());
    let mut shown = format!(
        "\nheard        {} packets, {} lost, {} late, jitter {}\nquality      {score} (estimated)\n\
         silence      {:.1} s at most without a packet\nours         {lost} lost on the way, round trip {}\n",
        count("received"),
        count("lost"),
        count("late"),
        ms("jitterMs"),
        count("longestSilenceMs") as f64 / 1_000.0,
        ms("roundTripMs"),
    );
    if count("strangers") > 0 {
        shown.push_str(&format!("strangers    {} packets from other addresses\n", count("strangers")));
    }
    for fault in audio["faults"].as_array().into_iter().flatten() {
        let words = FAULTS.iter().find(|(name, _)| fault == name).map(|(_, words)| *words);
        shown.push_str(&format!("! {}\n", words.unwrap_or_else(|| fault.as_str().unwrap_or_default())));
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(t_ms: i64, is_ours: bool, text: &str) -> Value {
        json!({ "tMs": t_ms, "isOurs": is_ours, "peer": "[2001:db8::1234:5678]:5060", "text": text })
    }

    #[test]
    fn a_ladder_fits_eighty_columns_and_says_who_said_what() {
        let told = json!({ "own": "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:15060", "leftOut": 3, "messages": [
            message(12, true, "INVITE sip:+15552000001@sip.example.com SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"),
            message(1_234, false, "SIP/2.0 183 Session Progress with quite a lot of words in it\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"),
            message(9_000, false, "BYE sip:x@y SIP/2.0\r\nReason: Q.850;cause=16;text=\"x\"\r\n\r\n"),
            message(9_001, false, "NOTIFY sip:x@y SIP/2.0\r\n\r\nSIP/2.0 200 OK\r\n"),
        ], "audio": { "received": 400, "lost": 2, "late": 0, "strangers": 0, "jitterMs": 3.2, "score": null,
            "longestSilenceMs": 5_100, "peerLost": null, "roundTripMs": null, "faults": ["silence"] } });
        let shown = ladder(&told);
        assert!(shown.lines().all(|line| line.chars().count() <= 80 || line.starts_with('!')), "{shown}");
        assert!(shown.contains("0.012  INVITE +15552000001 +SDP -"), "{shown}");
        assert!(shown.contains("- BYE cause 16\n") && shown.contains("NOTIFY: 200 OK"), "{shown}");
        assert!(shown.contains("quality      unknown") && shown.contains("no RTP came"), "{shown}");
        assert!(shown.contains("3 messages in the middle"), "{shown}");
    }

    #[test]
    fn a_call_over_another_wire_is_said_to_have_none() {
        assert!(ladder(&json!({ "messages": [], "audio": null })).contains("No SIP messages"));
    }
}
