//! Branches that are databases of one server.

use crate::place::{Place, named, wish};
use offshoot_core::Control;
use offshoot_restore::branch::{BranchError, BranchState, Isolation, Shape, SpareWish, Wish};
use std::collections::BTreeSet;
use std::fs;

fn hosted() -> Wish {
    let shape = Shape { isolation: Isolation::Database, ..wish().shape };
    Wish { shape, ..wish() }
}

/// A place that shares blocks, or none where the machine does not let it.
fn place() -> Option<(Place, offshoot_testkit::loop_disk::LoopDisk)> {
    let disk = offshoot_testkit::loop_disk::LoopDisk::mount(offshoot_testkit::loop_disk::Kind::Xfs, 400)?;
    Some((Place::in_folder(disk.path()), disk))
}

#[test]
fn they_share_a_server_and_go_one_by_one() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    let branches = place.branches();
    let control = Control::default();
    let one = branches.create(&named("a"), &image, &hosted(), &control).unwrap();
    place.servers.log();
    let other = branches.create(&named("b"), &image, &hosted(), &control).unwrap();
    assert_eq!(place.servers.log(), ["clone database"], "the server is there");
    assert_eq!((one.method, other.method), ("database", "database"));
    assert_ne!(one.access, other.access);
    assert_eq!(place.names(), ["a", "b"]);
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Running);
    let reset = branches.reset(&named("a"), &image, &hosted(), &control).unwrap();
    assert_eq!(reset.access, one.access, "the URL stays");
    assert!(matches!(branches.stop(&named("a")), Err(BranchError::Shared { .. })));
    assert_eq!(branches.remove_idle_hosts(&BTreeSet::new()).unwrap(), 0);
    branches.delete(&named("a")).unwrap();
    branches.delete(&named("b")).unwrap();
    assert_eq!(place.folders().len(), 1, "the server stays warm");
    assert_eq!(branches.remove_idle_hosts(&BTreeSet::new()).unwrap(), 1);
    assert!(place.folders().is_empty() && place.sockets() == 0);
}

#[test]
fn whatever_fails_leaves_no_half_branch() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    let control = Control::default();
    for call in 0..20 {
        place.servers.fail_at(call);
        let made = place.branches().create(&named("a"), &image, &hosted(), &control);
        place.servers.fail_at(usize::MAX);
        place.open();
        match made {
            Ok(_) => return,
            Err(_) => assert!(place.names().is_empty(), "after call {call}"),
        }
    }
    panic!("it never succeeded")
}

#[test]
fn a_reset_that_fails_says_so_and_can_be_repeated() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    let control = Control::default();
    let made = place.branches().create(&named("a"), &image, &hosted(), &control).unwrap();
    for call in 0..20 {
        place.servers.fail_at(call);
        let reset = place.branches().reset(&named("a"), &image, &hosted(), &control);
        place.servers.fail_at(usize::MAX);
        let state = place.branches().list().unwrap()[0].state;
        if let Ok(reset) = reset {
            assert_eq!((reset.access, state), (made.access, BranchState::Running));
            return;
        }
        assert_eq!(state, BranchState::HalfReset, "after call {call}");
        assert!(matches!(place.branches().access(&named("a")), Err(BranchError::NotReady { .. })));
    }
    panic!("it never succeeded")
}

#[test]
fn nothing_is_made_ahead_of_what_comes_at_once() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    let spares = SpareWish { count: 2, started: true };
    assert_eq!(place.branches().fill_spares(&image, &wish(), &spares, &Control::default()).unwrap(), 2);
    // Those of the way before go.
    assert_eq!(place.branches().fill_spares(&image, &hosted(), &spares, &Control::default()).unwrap(), 0);
    assert!(place.folders().is_empty());
}

#[test]
fn a_server_that_was_killed_is_started_for_whom_it_hosts() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    let branches = place.branches();
    let made = branches.create(&named("a"), &image, &hosted(), &Control::default()).unwrap();
    fs::remove_file(branches.site(&named("a")).unwrap().0.data.join("postmaster")).unwrap();
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Down);
    assert_eq!(branches.start(&named("a"), &Control::default()).unwrap().access, made.access);
    fs::remove_file(branches.site(&named("a")).unwrap().0.data.join("postmaster")).unwrap();
    branches.delete(&named("a")).unwrap();
    assert!(place.names().is_empty());
}

#[test]
fn where_blocks_are_not_shared_it_is_refused() {
    let place = Place::new();
    let image = place.image(1);
    let made = place.branches().create(&named("a"), &image, &hosted(), &Control::default());
    assert!(matches!(made, Err(BranchError::NoDatabaseClones { .. })), "{made:?}");
    assert!(place.folders().is_empty());
}
