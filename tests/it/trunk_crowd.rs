//! More calls than share a connection: each has its place on one, and hears only what is its own.

use std::collections::BTreeMap;

use dering::trunk::ocs::Version;
use dering::trunk::{Leg, LegEvent};
use serde_json::json;

use crate::trunk_fixture::{Scene, heard, place};

const CALLS: usize = 60;
/// As the options have it when nobody says otherwise.
const SHARE: usize = 50;

/// Places the calls and tells how many joined on each connection.
async fn crowd(version: Version) -> Option<(Scene, Vec<Leg>, Vec<usize>)> {
    let name = if version == Version::V1_0_5 { "1.0.5" } else { "1.0.4" };
    let scene = Scene::with(json!({ "version": name }), |options| options.version = Some(version));
    let mut scene = scene.await?;
    let mut legs = Vec::new();
    for _ in 0..CALLS {
        legs.push(place(&scene.trunk).await);
    }
    let mut joined: BTreeMap<String, usize> = BTreeMap::new();
    while joined.values().sum::<usize>() < CALLS {
        let report = scene.peer.report().await;
        if report["event"] == "joinRoom" {
            *joined.entry(report["on"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    Some((scene, legs, joined.into_values().collect()))
}

async fn each_hears_its_own(scene: &mut Scene, legs: &mut [Leg]) {
    for (leg, digit) in legs.iter().zip("0123456789".chars().cycle()) {
        let id = &leg.session_id;
        scene.peer.emit(id, "dtmf", json!({ "sessionId": id, "digit": digit })).await;
    }
    for (leg, digit) in legs.iter_mut().zip("0123456789".chars().cycle()) {
        assert_eq!(heard(leg).await, LegEvent::Digit(digit), "{}", leg.session_id);
    }
}

#[tokio::test]
async fn another_connection_is_opened_when_one_has_its_share_of_calls() {
    for version in [Version::V1_0_4, Version::V1_0_5] {
        let Some((mut scene, mut legs, shares)) = crowd(version).await else { return };
        assert_eq!(shares.len(), 2, "{shares:?}");
        assert!(shares.iter().all(|calls| *calls <= SHARE), "{shares:?}");
        each_hears_its_own(&mut scene, &mut legs).await;
    }
}
