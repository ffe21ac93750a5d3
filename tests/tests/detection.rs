//! Floors under what the detection reaches on real databases, and that its policies are accepted for them.

use offshoot_testkit::postgres::shared;
use offshoot_testkit::real_data::{POSTGRES_SETS, real_data};
use offshoot_tests::detection::{Figures, SETS, compare, scan_set};

#[test]
fn real_databases_do_not_drown_in_false_alarms() {
    let Some(folder) = real_data() else { return };
    let mut all = Figures::default();
    for set in SETS {
        // A policy that the scrubber did not take would be an error of the scan.
        let Some(report) = scan_set(&folder, shared(), set) else { continue };
        all.add(&compare(set, &report));
    }
    println!("all sets: {all}");
    assert!(all.recall() >= 0.95 && all.precision() >= 0.95, "{all}\n{:#?}\n{:#?}", all.missed, all.alarms);
}

#[test]
fn every_shared_database_gets_a_policy() {
    let Some(folder) = real_data() else { return };
    for set in POSTGRES_SETS.into_iter().filter(|set| !SETS.contains(set)) {
        let Some(report) = scan_set(&folder, shared(), set) else { continue };
        assert!(!report.columns.is_empty() && report.policy.contains("[scrub]"), "{set}");
    }
}
