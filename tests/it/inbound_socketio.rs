//! Calls that come in over Socket.IO, `newSession` of type `inbound`: our gateway rings, our trunk takes the call, in each
//! version.

use std::time::Duration;

use dering::config::{Trunk, VersionChoice};
use dering::gateway::{Account, Version};
use dering::trunk::ocs;
use serde_json::{Value, json};

use crate::gateway_fixture::{Fixture, TOKEN};
use crate::inbound_fixture::{CALLER, KEYS, SHORT, TestSystem, UNKNOWN};
use crate::system_fixture::in_time;

const VERSIONS: [(Version, ocs::Version); 3] = [
    (Version::V1_0_3, ocs::Version::V1_0_3),
    (Version::V1_0_4, ocs::Version::V1_0_4),
    (Version::V1_0_5, ocs::Version::V1_0_5),
];

/// Who can call: one listens, one presses 42 when the bot has spoken, one hangs up while it rings.
const CAST: [(&str, &str); 2] = [
    ("listens", "numbers: ['+6281234567']\nnoise: 'off'\ncap: 20s\n"),
    (
        "presses",
        "numbers: ['+6281234568']\nnoise: 'off'\ncap: 20s\nscript: [ { wait_until_bot_stops: { silence: 300ms } }, \
         { dtmf: '42' } ]\n",
    ),
];

/// A gateway of one version, and a server with a trunk there.
struct Scene {
    gateway: Fixture,
    system: TestSystem,
}

impl Scene {
    async fn start(served: Version, spoken: Option<ocs::Version>, change: impl FnOnce(&mut Trunk)) -> Self {
        let gateway = Fixture::start_with(&CAST, |options| {
            options.accounts = vec![Account { name: "a".into(), token: TOKEN.into() }];
            options.version = served;
        })
        .await;
        let mut trunk = Trunk::with_token("carrier", &gateway.url(), TOKEN.into());
        trunk.version = spoken.map_or(VersionChoice::Auto, VersionChoice::Fixed);
        change(&mut trunk);
        let system = TestSystem::with(|config| config.trunks = vec![trunk]).await;
        Self { gateway, system }
    }

    /// Has `callee` dial `did`; the session.
    async fn rings(&self, callee: &str, did: &str) -> String {
        let body = json!({ "didNumber": did, "callee": callee, "ring": 20 }).to_string();
        let (status, answer) = self.gateway.rest("POST /gateway/dial-in", Some(TOKEN), Some(&body)).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"]["sessionId"].as_str().expect("a session").to_owned()
    }

    /// What the gateway says of the call when it is over.
    async fn became(&self, session: &str) -> Value {
        let path = format!("GET /gateway/dial-in/{session}");
        in_time(async {
            loop {
                let (_, answer) = self.gateway.rest(&path, Some(TOKEN), None).await;
                if answer["data"]["state"] == "ended" {
                    return answer["data"]["cdr"].clone();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
    }
}

#[tokio::test]
async fn a_caller_is_routed_by_the_dialled_number_and_both_sides_agree_in_each_version() {
    for (served, spoken) in VERSIONS {
        let scene = Scene::start(served, Some(spoken), |_| {}).await;
        let session = scene.rings("listens", SHORT).await;
        let call = scene.system.ended(&session).await;
        assert_eq!(
            (&call["outcome"], &call["disposition"]),
            (&json!("told"), &json!("ANSWERED")),
            "{served}"
        );
        assert_eq!(
            (&call["direction"], &call["trunk"], &call["caller"], &call["target"]),
            (&json!("inbound"), &json!("carrier"), &json!(CALLER), &json!(SHORT)),
            "{served}"
        );
        let theirs = scene.became(&session).await;
        assert_eq!((&theirs["disposition"], &theirs["hangupBy"]), (&json!("ANSWERED"), &json!("CALLEE")));
        let ours = scene.system.cdr(&session).await;
        assert_eq!(ours["destination"], SHORT);
        if served != Version::V1_0_3 {
            assert_eq!(ours["startTime"], theirs["startTime"], "{served}: the carrier's record, not ours");
        }
        let (_, heard, _) = scene.gateway.recording(&session);
        let loud = heard.iter().filter(|sample| sample.abs() > 500).count();
        assert!((3_000..4_200).contains(&loud), "{served}: half a second of a tone was heard: {loud}");
    }
}

#[tokio::test]
async fn keys_go_both_ways_and_ours_one_after_the_other_in_each_version() {
    for (served, _) in VERSIONS {
        // Nothing was called yet, so nobody knows the version.
        let scene = Scene::start(served, None, |_| {}).await;
        let session = scene.rings("presses", KEYS).await;
        assert_eq!(scene.system.ended(&session).await["outcome"], "right", "{served}");
        scene.became(&session).await;
        let (_, _, timeline) = scene.gateway.recording(&session);
        let keys = timeline["events"].as_array().expect("events").iter().filter(|e| e["event"] == "bot_key");
        let at: Vec<u64> = keys.map(|e| e["atMs"].as_u64().expect("a time")).collect();
        assert_eq!(at.len(), 2, "{served}: {timeline}");
        assert!(at[1] - at[0] >= 240, "{served}: the first key has sounded and a gap has passed: {at:?}");
    }
}

#[tokio::test]
async fn a_number_without_a_route_is_hung_up_unanswered_in_each_version() {
    for (served, spoken) in VERSIONS {
        let scene = Scene::start(served, Some(spoken), |_| {}).await;
        let session = scene.rings("listens", UNKNOWN).await;
        let theirs = scene.became(&session).await;
        assert_eq!(
            (&theirs["answerTime"], &theirs["hangupCauseCode"]),
            (&Value::Null, &json!(21)),
            "{served}"
        );
        let call = scene.system.ended(&session).await;
        assert_eq!((&call["outcome"], &call["trunk"]), (&json!("no_route"), &json!("carrier")), "{served}");
    }
}

#[tokio::test]
async fn a_trunk_that_takes_no_calls_leaves_them_alone() {
    let scene = Scene::start(Version::V1_0_4, None, |trunk| trunk.takes_calls = false).await;
    let session = scene.rings("listens", SHORT).await;
    let mut other = scene.gateway.client(TOKEN).await;
    let told = other.event("newSession").await;
    assert_eq!(
        told,
        json!([{"sessionId": session, "type": "inbound", "callerId": CALLER, "didNumber": SHORT}])
    );
    crate::gateway_fixture::join(&mut other, &session).await;
    crate::gateway_fixture::status(&mut other, &session, "Connected").await;
    other.tell(json!({"emit": ["hangup", {"sessionId": session}]})).await;
    assert_eq!(scene.became(&session).await["hangupBy"], "CALLEE");
    let calls = scene.system.client.read("/v1/calls").await.json();
    assert_eq!(calls["calls"], json!([]));
}

#[tokio::test]
async fn the_command_rings_through_a_running_gateway() {
    let scene = Scene::start(Version::V1_0_4, None, |_| {}).await;
    for (did, code) in [(SHORT, 0), (UNKNOWN, 1)] {
        let output = in_time(
            tokio::process::Command::new(env!("CARGO_BIN_EXE_dering"))
                .args(["gateway", "dial-in", &scene.gateway.url(), "--token", TOKEN, "--did", did, "--json"])
                .args(["--callee", "somewhere/listens.yaml"])
                .kill_on_drop(true)
                .output(),
        )
        .await
        .unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&told["state"], &told["cdr"]["destination"]), (&json!("ended"), &json!(did)));
    }
}
