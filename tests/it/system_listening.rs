//! Running calls that somebody listens to.

use dering::store::AuditFilter;
use serde_json::json;

use crate::system_fixture::{BUSY, PRESSES, TestSystem};

/// Samples of the callee and of the bot.
fn sides(pcm: &[u8]) -> (Vec<i16>, Vec<i16>) {
    let samples: Vec<i16> = pcm.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    (samples.iter().step_by(2).copied().collect(), samples.iter().skip(1).step_by(2).copied().collect())
}

#[tokio::test]
async fn who_listens_in_hears_what_the_recording_holds_until_the_call_ends() {
    let system = TestSystem::start().await;
    let call_id = system.dial("card", PRESSES, json!({})).await;
    system.answered(&call_id).await;
    let path = format!("/v1/calls/{call_id}/live.wav");
    // The answer is whole when the call is over.
    let live = system.client.read(&path).await;
    assert_eq!(live.status, 200, "{}", live.text());
    assert_eq!(live.headers["content-type"], "audio/wav");
    assert_eq!(live.headers["cache-control"], "private, no-store");
    system.last_word(&call_id).await;
    let recording = system.client.read(&format!("/v1/calls/{call_id}/recording")).await.bytes;
    let heard = &live.bytes[44..];
    assert!(heard.len() > 16_000, "half a second at least: {} of {}", heard.len(), recording.len());
    assert!(recording.ends_with(heard), "{} of {} bytes differ", heard.len(), recording.len());
    let (callee, bot) = sides(heard);
    assert!(callee.iter().all(|sample| *sample == 0), "keys that nobody may read later are not heard now");
    assert!(bot.iter().any(|sample| sample.unsigned_abs() > 1_000), "the question can be heard");

    let filter = AuditFilter { action: Some("call.listen".to_owned()), ..AuditFilter::default() };
    let log = system.app.store().audit_log(&filter, 10).await.unwrap().items;
    assert!(matches!(&log[..], [row] if row.subject == call_id && row.actor.starts_with("key:")), "{log:?}");

    let (status, code, detail) = system.client.read(&path).await.problem();
    assert_eq!((status, code.as_str()), (409, "conflict"), "{detail}");
    let busy = system.dial("stay", BUSY, json!({})).await;
    assert_eq!(system.client.read(&format!("/v1/calls/{busy}/live.wav")).await.status, 409, "nobody talks");
    assert_eq!(system.client.read("/v1/calls/nobody/live.wav").await.status, 404);
}
