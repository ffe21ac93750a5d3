//! Whatever fails, at whichever call: nothing is left, and it works when it is tried again.

use crate::fake::LATE;
use crate::place::{Place, named, wish};
use offshoot_core::Control;
use offshoot_restore::branch::{BranchError, BranchState};
use offshoot_restore::image::{self, ImageOptions};

/// Makes each call of `work` fail in turn, until it has no more calls. Returns how many that were.
fn every_call(place: &Place, mut work: impl FnMut() -> bool) -> usize {
    for call in 0..100 {
        place.servers.fail_at(call);
        let succeeded = work();
        let calls = place.servers.calls();
        place.servers.fail_at(usize::MAX);
        if succeeded {
            assert!(calls <= call, "a failure was passed over");
            return call;
        }
    }
    panic!("it never succeeded")
}

#[test]
fn an_image_that_cannot_be_made_leaves_nothing() {
    let place = Place::new();
    let failed = every_call(&place, || {
        let made = place.make_image(1, &ImageOptions::default());
        if made.is_err() {
            assert!(image::list(&place.home()).unwrap().is_empty());
            let (_, healed) = place.open();
            assert!(healed.failures.is_empty(), "{healed:?}");
            assert!(place.images().is_empty() && place.sockets() == 0);
        }
        made.is_ok()
    });
    println!("calls that failed in turn: {failed}, leftovers: 0");
    assert!(failed >= 5);
}

#[test]
fn what_fills_a_data_directory_never_meets_what_a_killed_builder_started() {
    let place = Place::new();
    // The programs of a killed builder write, and remove what they wrote, by the path that they were given.
    place.servers.fail_at(0);
    assert!(place.make_image(1, &ImageOptions::default()).is_err());
    place.servers.fail_at(usize::MAX);
    place.image(1);
    let filled = place.servers.filled();
    assert_eq!(filled.len(), 2);
    assert_ne!(filled[0], filled[1]);
    assert!(filled.iter().all(|path| !path.exists() && !path.ends_with("data")), "{filled:?}");
    assert!(place.images().keys().any(|path| path.ends_with("data/VERSION")));
}

#[test]
fn a_branch_that_cannot_be_made_leaves_nothing() {
    let place = Place::new();
    let image = place.image(1);
    let failed = every_call(&place, || {
        let made = place.create("a", &image);
        if made.is_err() {
            assert!(place.names().is_empty() && place.folders().is_empty() && place.sockets() == 0);
        }
        made.is_ok()
    });
    println!("calls that failed in turn: {failed}, half branches: 0");
    assert!(failed >= 2);
}

#[test]
fn a_reset_that_fails_leaves_a_whole_branch() {
    let place = Place::new();
    let image = place.image(1);
    let made = place.create("a", &image).unwrap();
    let failed = every_call(&place, || {
        let reset = place.branches().reset(&named("a"), &image, &wish(), &Control::default());
        let branches = place.branches();
        let state = branches.list().unwrap()[0].state;
        match &reset {
            Ok(created) => assert_eq!(created.access, made.access),
            Err(_) => assert!(matches!(state, BranchState::Running | BranchState::Down), "{state:?}"),
        }
        let started = branches.start(&named("a"), &Control::default()).unwrap();
        assert_eq!(started.access, made.access);
        reset.is_ok()
    });
    println!("calls that failed in turn: {failed}, broken branches: 0");
    assert!(failed >= 2);
}

#[test]
fn a_full_disk_is_no_reason_to_keep_a_branch() {
    let folder = tempfile::tempdir().unwrap();
    let Some(small) = offshoot_testkit::small_disk::SmallDisk::mount(folder.path(), 8) else {
        println!("SKIPPED a_full_disk_is_no_reason_to_keep_a_branch: mounting a tmpfs is not allowed here");
        return;
    };
    let place = Place::in_folder(folder.path());
    let image = place.image(1);
    for name in ["a", "b"] {
        place.create(name, &image).unwrap();
    }
    let control = Control::default();
    place.branches().reset(&named("b"), &image, &wish(), &control).unwrap();
    let branches = place.branches();
    let filler = folder.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    assert!(small.used() >= 7);
    branches.create(&named("c"), &image, &wish(), &control).unwrap_err();
    branches.remove_old_data().unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    for name in ["a", "b"] {
        branches.delete(&named(name)).unwrap();
    }
    assert!(place.names().is_empty() && place.folders().is_empty() && place.removed() == 0);
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    place.create("c", &image).unwrap();
}

#[test]
fn another_programs_port_is_left_to_it() {
    let place = Place::new();
    let image = place.image(1);
    let first = place.create("a", &image).unwrap();
    let port = place.branches().list().unwrap()[0].port;
    place.branches().stop(&named("a")).unwrap();
    place.servers.take_port(port);
    let started = place.branches().start(&named("a"), &Control::default()).unwrap();
    assert!(started.moved && started.access != first.access);
    assert_ne!(place.branches().list().unwrap()[0].port, port);
    assert_eq!(place.branches().access(&named("a")).unwrap(), started.access, "it is remembered");
}

#[test]
fn a_reset_that_loses_its_port_says_that_it_moved() {
    let place = Place::new();
    let image = place.image(1);
    let first = place.create("a", &image).unwrap();
    let reset = || place.branches().reset(&named("a"), &image, &wish(), &Control::default()).unwrap();
    assert!(!reset().moved);
    place.servers.take_port(place.branches().list().unwrap()[0].port);
    let again = reset();
    assert!(again.moved && again.access != first.access);
    assert_eq!(place.branches().access(&named("a")).unwrap(), again.access);
}

#[test]
fn what_a_start_does_not_read_comes_meanwhile_or_the_branch_does_not() {
    let place = Place::new();
    let image = place.image(1);
    let late = place.image_data(&image).join(LATE);
    std::os::unix::fs::symlink("/nowhere", late.join("link")).unwrap();
    let error = place.create("a", &image).unwrap_err();
    assert!(matches!(error, BranchError::Clone { .. }), "{error:?}");
    assert!(place.names().is_empty() && place.folders().is_empty() && place.sockets() == 0);
    std::fs::remove_file(late.join("link")).unwrap();
    let made = place.create("a", &image).unwrap();
    // A reset that ends so leaves the rows and the server that were there.
    std::os::unix::fs::symlink("/nowhere", late.join("link")).unwrap();
    place.branches().reset(&named("a"), &image, &wish(), &Control::default()).unwrap_err();
    let list = place.branches().list().unwrap();
    assert_eq!((list[0].state, place.branches().access(&named("a")).unwrap()), (BranchState::Running, made.access));
}

#[test]
fn a_wish_to_stop_leaves_nothing() {
    let place = Place::new();
    let image = place.image(1);
    let control = Control::default();
    control.cancel();
    let made = place.branches().create(&named("a"), &image, &wish(), &control);
    assert!(matches!(made, Err(BranchError::Cancelled)), "{made:?}");
    assert!(place.folders().is_empty());
}
