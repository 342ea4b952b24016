//! Only our direction stands still: what the callee hears stops, what they say does not.

use super::*;

#[test]
fn a_carrier_that_hears_nothing_has_played_nothing_however_much_it_says() {
    for (confirms, from, reached) in [(true, 600, 0), (false, 600, 0), (true, 3_000, 2), (false, 3_500, 2)] {
        let manner = Manner { confirms, ..GOOD };
        let (told, _) =
            Bench::new(TALK, MachineDetection::Disabled, manner, cut(Trouble::Deaf, from, 80_000)).run();
        told.assert_lost();
        assert!(told.lies.is_empty(), "{told:#?}");
        let points = told.facts.iter().filter(|(_, fact)| fact.kind() == "checkpoint").count();
        assert_eq!((points, told.completed()), (reached, 0), "{told:#?}");
        let stalled = told.facts.iter().find(|(_, fact)| fact.kind() == "carrier_stalled").unwrap();
        assert!(stalled.1.detail()["silentMs"].as_u64().unwrap() >= STALLED, "{stalled:?}");
    }
}

/// The callee hangs up before anybody can know that the way is stuck for good.
#[test]
fn what_did_not_reach_a_callee_who_hung_up_was_not_heard() {
    for confirms in [true, false] {
        let manner = Manner { confirms, ..GOOD };
        for (from, hangup) in [(600, 2_500), (600, 3_400), (4_300, 6_500)] {
            let mut bench =
                Bench::new(TALK, MachineDetection::Disabled, manner, cut(Trouble::Deaf, from, 80_000));
            bench.hangup_at = Some(ANSWERED + hangup);
            let (told, _) = bench.run();
            assert!(told.lies.is_empty(), "{confirms} {from} {hangup} {told:#?}");
            assert!(told.summary.is_some());
        }
    }
}
