//! Branches that are databases of one server.

use crate::place::{Place, named, wish};
use offshoot_core::Control;
use offshoot_restore::branch::{BranchError, BranchState, Branches, Isolation, Shape, SpareWish, Wish};
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
    assert_eq!(branches.remove_idle_hosts(&BTreeSet::new(), &hosted().shape).unwrap(), 0);
    branches.delete(&named("a")).unwrap();
    branches.delete(&named("b")).unwrap();
    assert_eq!(place.folders().len(), 1, "the server stays warm");
    assert_eq!(branches.remove_idle_hosts(&BTreeSet::new(), &hosted().shape).unwrap(), 1);
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

/// What is in the database of a branch, and how many such databases its server has.
fn content(branches: &Branches, name: &str) -> (String, usize) {
    let (site, database) = branches.site(&named(name)).unwrap();
    let files = fs::read_dir(&site.data).unwrap().flatten();
    let is_branch = |file: &fs::DirEntry| file.file_name().to_string_lossy().starts_with("branch_");
    (fs::read_to_string(site.data.join(database)).unwrap(), files.filter(is_branch).count())
}

#[test]
fn a_reset_that_fails_leaves_the_rows_that_were_there() {
    let Some((place, _disk)) = place() else { return };
    let images = [place.image(1), place.image(2)];
    let (control, mut failed) = (Control::default(), 0);
    // To its own snapshot in the same server, and to another one in another server.
    for image in &images {
        for call in 0.. {
            let branches = place.branches();
            let made = branches.create(&named("a"), &images[0], &hosted(), &control).unwrap();
            let (rows, _) = content(&branches, "a");
            let (site, database) = branches.site(&named("a")).unwrap();
            fs::write(site.data.join(&database), "mine").unwrap();
            place.servers.fail_at(call);
            let reset = branches.reset(&named("a"), image, &hosted(), &control);
            let is_over = place.servers.calls() <= call;
            place.servers.fail_at(usize::MAX);
            let branches = place.branches();
            assert_eq!(branches.list().unwrap()[0].state, BranchState::Running, "after call {call}");
            let is_same = branches.access(&named("a")).unwrap() == made.access;
            match reset {
                Ok(reset) => {
                    assert_eq!(content(&branches, "a"), (rows, 1), "after call {call}");
                    assert_eq!((reset.moved, reset.moved), (!is_same, image.record().key != images[0].record().key));
                }
                Err(_) => {
                    assert_eq!(content(&branches, "a"), ("mine".to_owned(), 1), "after call {call}");
                    assert!(is_same);
                    failed += 1;
                }
            }
            branches.delete(&named("a")).unwrap();
            if is_over {
                break;
            }
        }
    }
    assert!(failed > 5, "{failed} failed");
    assert_eq!(place.folders().len(), 2, "two servers, and nothing else in them");
    for folder in place.folders() {
        let files = fs::read_dir(folder.join("data-1")).unwrap().flatten();
        assert!(files.into_iter().all(|file| !file.file_name().to_string_lossy().starts_with("branch_")));
    }
}

#[test]
fn a_reset_that_was_killed_leaves_what_the_record_says() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    // Killed before the new one came into its place, after it, and after the record said so.
    for (moment, counts) in ["mine", "mine", "new"].into_iter().enumerate() {
        let branches = place.branches();
        branches.create(&named("a"), &image, &hosted(), &Control::default()).unwrap();
        let (site, database) = branches.site(&named("a")).unwrap();
        let aside = |generation: u32| site.data.join(format!("{database}_{generation}"));
        let own = site.data.join(&database);
        fs::write(&own, if moment == 0 { "mine" } else { "new" }).unwrap();
        let (other, rows) = if moment == 0 { (2, "new") } else { (1, "mine") };
        fs::write(aside(other), rows).unwrap();
        let host = site.data.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let record = place.folders().into_iter().find(|folder| !folder.ends_with(&host)).unwrap().join("branch.json");
        let text = fs::read_to_string(&record).unwrap();
        let generation = if moment == 2 { 2 } else { 1 };
        let text = text.replace("\"left_on\": null", &format!("\"left_on\": \"{host}\""));
        fs::write(&record, text.replace("\"generation\": 1", &format!("\"generation\": {generation}"))).unwrap();
        let (branches, healed) = place.open();
        assert!(healed.failures.is_empty(), "{:?}", healed.failures);
        assert_eq!(content(&branches, "a"), (counts.to_owned(), 1), "moment {moment}");
        place.servers.log();
        assert_eq!(content(&place.branches(), "a"), (counts.to_owned(), 1));
        assert!(place.servers.log().is_empty(), "nothing is left to do");
        branches.delete(&named("a")).unwrap();
    }
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
fn another_port_of_the_server_is_said_once() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    let branches = place.branches();
    let control = Control::default();
    for name in ["a", "b"] {
        branches.create(&named(name), &image, &hosted(), &control).unwrap();
    }
    let port = branches.list().unwrap()[0].port;
    fs::remove_file(branches.site(&named("a")).unwrap().0.data.join("postmaster")).unwrap();
    place.servers.take_port(port);
    let started = branches.start(&named("a"), &control).unwrap();
    assert!(started.moved);
    assert!(!branches.start(&named("a"), &control).unwrap().moved);
    let list = branches.list().unwrap();
    assert_ne!(list[0].port, port);
    assert!(started.access.url.expose().contains(&format!(":{}/", list[0].port)));
    assert_eq!(list[1].port, list[0].port, "of all that are on it");
    assert!(branches.start(&named("b"), &control).unwrap().moved, "who has the old URL of this one was told nothing");
    assert!(!branches.start(&named("b"), &control).unwrap().moved);
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

/// Changes what all records say.
fn change_all(place: &Place, from: &str, to: &str) {
    for folder in place.folders() {
        let file = folder.join("branch.json");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replace(from, to)).unwrap();
    }
}

#[test]
fn a_server_that_cannot_be_had_any_more_keeps_no_branch() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    let branches = place.branches();
    for name in ["a", "b"] {
        branches.create(&named(name), &image, &hosted(), &Control::default()).unwrap();
    }
    fs::remove_file(branches.site(&named("a")).unwrap().0.data.join("postmaster")).unwrap();
    let programs = image.record().build.programs.display().to_string();
    change_all(&place, &format!("\"programs\": \"{programs}\""), "\"programs\": \"/gone\"");
    assert!(branches.delete(&named("a")).is_err(), "somebody else is on it");
    branches.delete(&named("b")).unwrap();
    place.open();
    assert!(place.names().is_empty() && place.folders().is_empty());
}

#[test]
fn a_server_that_the_machine_has_lost_goes_with_its_last_branch() {
    let Some((place, _disk)) = place() else { return };
    let image = place.image(1);
    let branches = place.branches();
    let shape = Shape { durable: false, ..hosted().shape };
    branches.create(&named("a"), &image, &Wish { shape, ..hosted() }, &Control::default()).unwrap();
    fs::remove_file(branches.site(&named("a")).unwrap().0.data.join("postmaster")).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    change_all(&place, boot.trim(), "an earlier start");
    let (branches, _) = place.open();
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Lost);
    branches.delete(&named("a")).unwrap();
    place.open();
    assert!(place.folders().is_empty());
}

#[test]
fn where_blocks_are_not_shared_it_is_refused() {
    let place = Place::new();
    let image = place.image(1);
    let made = place.branches().create(&named("a"), &image, &hosted(), &Control::default());
    assert!(matches!(made, Err(BranchError::NoDatabaseClones { .. })), "{made:?}");
    assert!(place.folders().is_empty());
}
