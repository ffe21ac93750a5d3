//! What a killed process left, in whichever state: put in order by the next command.

use crate::fake::{ENDING, LATE};
use crate::place::{Place, named, wish};
use offshoot_core::Control;
use offshoot_core::store::this_process;
use offshoot_format::record::Holder;
use offshoot_restore::branch::{BranchError, BranchState, Wish};
use offshoot_restore::image::{self, ImageOptions};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Changes a branch's record as another process would.
fn change(folder: &Path, from: &str, to: &str) {
    let file = folder.join("branch.json");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&file, text.replace(from, to)).unwrap();
}

/// What a reset makes first: the next data directory.
fn clone_beside(folder: &Path) {
    fs::create_dir_all(folder.join("data-2").join(LATE)).unwrap();
    fs::write(folder.join("data-2").join(LATE).join("file"), "late").unwrap();
    fs::write(folder.join("data-2/VERSION"), "1").unwrap();
}

#[test]
fn half_made_and_half_removed_branches_go_with_their_servers() {
    for state in ["creating", "deleting"] {
        let place = Place::new();
        let image = place.image(1);
        place.create("a", &image).unwrap();
        change(&place.folders()[0], "\"ready\"", &format!("{state:?}"));
        place.servers.log();
        let (branches, healed) = place.open();
        assert_eq!(healed.leftovers, 1);
        assert!(branches.list().unwrap().is_empty() && place.folders().is_empty() && place.sockets() == 0);
        assert_eq!(place.servers.log(), ["stop AtOnce"]);
    }
}

#[test]
fn a_stop_that_was_killed_is_done_by_the_next_command() {
    let place = Place::new();
    let image = place.image(1);
    place.create("a", &image).unwrap();
    change(&place.folders()[0], "\"runs\": true", "\"runs\": false");
    place.servers.log();
    let (branches, _) = place.open();
    assert_eq!(place.servers.log(), ["stop Orderly"]);
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Stopped);
    branches.start(&named("a"), &Control::default()).unwrap();
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Running);
}

#[test]
fn a_reset_that_was_killed_leaves_one_generation() {
    for (dies, survives) in [("data-1", "data-2"), ("data-2", "data-1")] {
        let place = Place::new();
        let image = place.image(1);
        place.create("a", &image).unwrap();
        let folder = place.folders().remove(0);
        clone_beside(&folder);
        if survives == "data-2" {
            // Killed after the moment of the change.
            change(&folder, "\"generation\": 1", "\"generation\": 2");
        }
        let (branches, _) = place.open();
        assert!(folder.join(survives).exists() && folder.join(dies).exists(), "nobody who opens them waits for it");
        assert_eq!(branches.remove_old_data().unwrap(), 1);
        assert!(folder.join(survives).exists() && !folder.join(dies).exists() && place.removed() == 0);
        let state = branches.list().unwrap()[0].state;
        let expected = if survives == "data-2" { BranchState::Down } else { BranchState::Running };
        assert_eq!(state, expected);
        branches.start(&named("a"), &Control::default()).unwrap();
    }
}

#[test]
fn a_reset_that_was_killed_before_its_user_was_let_in_lets_him_in_later() {
    let place = Place::new();
    let image = place.image(1);
    place.create("a", &image).unwrap();
    let folder = place.folders().remove(0);
    clone_beside(&folder);
    fs::write(folder.join("data-2/postmaster"), "20000").unwrap();
    change(&folder, "\"generation\": 1", "\"generation\": 2");
    let branches = place.branches();
    place.servers.log();
    branches.start(&named("a"), &Control::default()).unwrap();
    branches.start(&named("a"), &Control::default()).unwrap();
    assert_eq!(place.servers.log(), ["admit"], "once");
}

#[test]
fn a_server_that_is_about_to_end_is_started_again() {
    let place = Place::new();
    let image = place.image(1);
    let made = place.create("a", &image).unwrap();
    let branches = place.branches();
    let runs = place.folders().remove(0).join("data-1/postmaster");
    fs::write(&runs, format!("20000{ENDING}")).unwrap();
    place.servers.log();
    assert_eq!(branches.start(&named("a"), &Control::default()).unwrap().access, made.access);
    assert_eq!(place.servers.log(), ["stop Orderly", "start", "admit"]);
}

#[test]
fn a_server_that_a_killed_reset_started_ends_with_the_next_command() {
    for command in ["open", "stop", "start"] {
        let place = Place::new();
        let image = place.image(1);
        place.create("a", &image).unwrap();
        let (branches, folder) = (place.branches(), place.folders().remove(0));
        clone_beside(&folder);
        fs::remove_file(folder.join("data-1/postmaster")).unwrap();
        fs::write(folder.join("data-2/postmaster"), "20000").unwrap();
        match command {
            "open" => drop(place.open()),
            "stop" => branches.stop(&named("a")).unwrap(),
            _ => drop(branches.start(&named("a"), &Control::default()).unwrap()),
        }
        assert!(!folder.join("data-2/postmaster").exists(), "after {command}");
    }
}

#[test]
fn what_a_command_owns_goes_with_its_machine() {
    let place = Place::new();
    let image = place.image(1);
    let Some(this) = this_process() else {
        println!("SKIPPED: there is no /proc");
        return;
    };
    let wish = Wish { owner: Some(Holder { boot: "another start".to_owned(), ..this }), ..wish() };
    place.branches().create(&named("a"), &image, &wish, &Control::default()).unwrap();
    let (_, healed) = place.open();
    assert_eq!(healed.ownerless, [named("a")]);
    assert!(place.folders().is_empty());
}

#[test]
fn a_reset_that_fails_starts_nothing_on_files_that_may_be_torn() {
    let place = Place::new();
    let image = place.image(1);
    place.create("a", &image).unwrap();
    let folder = place.folders().remove(0);
    let Some(this) = this_process() else {
        println!("SKIPPED: there is no /proc");
        return;
    };
    fs::remove_file(folder.join("data-1/postmaster")).unwrap();
    change(&folder, &this.boot, "another start");
    let control = Control::default();
    control.cancel();
    place.servers.log();
    place.branches().reset(&named("a"), &image, &wish(), &control).unwrap_err();
    assert!(!place.servers.log().contains(&"start".to_owned()));
    assert_eq!(place.branches().list().unwrap()[0].state, BranchState::Lost);
    place.branches().reset(&named("a"), &image, &wish(), &Control::default()).unwrap();
    assert_eq!(place.branches().list().unwrap()[0].state, BranchState::Running);
}

#[test]
fn one_record_that_cannot_be_read_keeps_nothing_else_from_its_order() {
    let place = Place::new();
    let image = place.image(1);
    for name in ["a", "b", "c"] {
        place.create(name, &image).unwrap();
    }
    let folders = place.folders();
    fs::write(folders[0].join("branch.json"), "rubbish").unwrap();
    folders.iter().for_each(|folder| clone_beside(folder));
    let branches = place.branches();
    assert_eq!(branches.remove_old_data().unwrap(), 2);
    assert_eq!((branches.list().unwrap().len(), branches.sync().unwrap()), (2, 2));
}

#[test]
fn a_server_that_was_killed_is_seen_and_started_again() {
    let place = Place::new();
    let image = place.image(1);
    let made = place.create("a", &image).unwrap();
    let branches = place.branches();
    fs::remove_file(branches.site(&named("a")).unwrap().0.data.join("postmaster")).unwrap();
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Down);
    let held = fs::File::open(place.folders().remove(0)).unwrap();
    held.lock().unwrap();
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Working, "as in a reset, between two servers");
    drop(held);
    assert_eq!(branches.start(&named("a"), &Control::default()).unwrap().access, made.access);
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Running);
}

#[test]
fn a_machine_that_went_down_loses_what_was_not_on_the_disk_and_says_so() {
    let place = Place::new();
    let image = place.image(1);
    let made = place.create("a", &image).unwrap();
    place.create("safe", &image).unwrap();
    let branches = place.branches();
    assert_eq!(branches.sync().unwrap(), 2);
    assert_eq!(branches.sync().unwrap(), 0);
    let Some(this) = this_process() else {
        println!("SKIPPED: there is no /proc");
        return;
    };
    for folder in place.folders() {
        fs::remove_file(folder.join("data-1/postmaster")).unwrap();
        change(&folder, &this.boot, "another start");
        if fs::read_to_string(folder.join("branch.json")).unwrap().contains("\"a\"") {
            change(&folder, "\"is_synced\": true", "\"is_synced\": false");
        }
    }
    let states: Vec<BranchState> = branches.list().unwrap().iter().map(|info| info.state).collect();
    assert_eq!(states, [BranchState::Lost, BranchState::Down]);
    assert!(matches!(branches.start(&named("a"), &Control::default()), Err(BranchError::NotReady { .. })));
    branches.start(&named("safe"), &Control::default()).unwrap();
    let reset = branches.reset(&named("a"), &image, &wish(), &Control::default()).unwrap();
    assert_eq!(reset.access, made.access);
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Running);
}

#[test]
fn a_branch_goes_when_its_command_has_ended() {
    let Some(this) = this_process() else {
        println!("SKIPPED: there is no /proc");
        return;
    };
    let place = Place::new();
    let image = place.image(1);
    let owned = |holder: Holder| Wish { owner: Some(holder), ..wish() };
    let branches = place.branches();
    branches.create(&named("mine"), &image, &owned(this.clone()), &Control::default()).unwrap();
    let gone = Holder { started_ticks: this.started_ticks + 1, ..this };
    branches.create(&named("orphan"), &image, &owned(gone), &Control::default()).unwrap();
    let (_, healed) = place.open();
    assert_eq!(healed.ownerless, [named("orphan")]);
    assert_eq!(place.names(), ["mine"]);
}

#[test]
fn one_that_was_not_finished_is_not_ready() {
    let Some(this) = this_process() else {
        println!("SKIPPED: there is no /proc");
        return;
    };
    let place = Place::new();
    let image = place.image(1);
    let finished = Wish { finishes: true, ..wish() };
    let branches = place.branches();
    let control = Control::default();
    for name in ["new", "reset"] {
        branches.create(&named(name), &image, &finished, &control).unwrap();
        assert_eq!(branches.list().unwrap().last().unwrap().state, BranchState::Working);
        // Who finishes it gets in.
        branches.access(&named(name)).unwrap();
    }
    let id = branches.id(&named("reset")).unwrap();
    assert!(matches!(branches.finish(&named("reset"), "another"), Err(BranchError::NoBranch { .. })));
    branches.finish(&named("reset"), &id).unwrap();
    branches.finish(&named("reset"), &id).unwrap();
    assert_eq!(branches.list().unwrap()[1].state, BranchState::Running);
    branches.reset(&named("reset"), &image, &finished, &control).unwrap();
    assert_eq!(branches.list().unwrap()[1].state, BranchState::Working);
    let (_, healed) = place.open();
    assert_eq!(healed.leftovers, 0, "while the process lives");

    // The process ends: as if it were another one.
    let started = |ticks: u64| format!("\"started_ticks\": {ticks}");
    for folder in place.folders() {
        change(&folder, &started(this.started_ticks), &started(this.started_ticks + 1));
    }
    let (branches, healed) = place.open();
    assert_eq!((healed.leftovers, place.names()), (1, vec!["reset".to_owned()]));
    assert_eq!(branches.list().unwrap()[0].state, BranchState::HalfReset);
    for refused in [branches.access(&named("reset")).err(), branches.start(&named("reset"), &control).err()] {
        assert!(matches!(refused, Some(BranchError::NotReady { .. })), "{refused:?}");
    }
    branches.reset(&named("reset"), &image, &wish(), &control).unwrap();
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Running);
}

#[test]
fn a_folder_without_a_record_goes_at_once() {
    let place = Place::new();
    place.image(1);
    let folder = place.home().root().join("branches/0123456789abcdef");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("branch.new"), "{").unwrap();
    let (_, healed) = place.open();
    assert_eq!(healed.leftovers, 1);
    assert!(place.folders().is_empty());
}

#[test]
fn a_half_made_image_goes_with_its_server() {
    let place = Place::new();
    let image = place.image(1);
    let (_, _) = place.open();
    let images = place.home().root().join("images");
    let building = images.join("0123456789abcdef.building");
    fs::create_dir(&building).unwrap();
    fs::create_dir(building.join("data")).unwrap();
    fs::write(building.join("data/postmaster"), "5432").unwrap();
    place.servers.log();
    place.open();
    assert!(!building.exists());
    assert_eq!(place.servers.log(), ["stop AtOnce"]);
    place.create("a", &image).unwrap();
}

#[test]
fn a_record_that_leads_elsewhere_or_is_newer_is_not_believed() {
    for (from, to) in [
        ("\"id\": \"", "\"id\": \"../"),
        ("\"version\": 1", "\"version\": 2"),
        ("\"host\": null", "\"host\": \"../x\""),
    ] {
        let place = Place::new();
        let image = place.image(1);
        place.create("a", &image).unwrap();
        let folder = place.folders().remove(0);
        change(&folder, from, to);
        let (_, healed) = place.open();
        assert_eq!(healed.failures.len(), 1, "{to}");
        assert!(place.names().is_empty() && folder.join("data-1/VERSION").exists());
    }
}

#[test]
fn an_image_of_a_newer_offshoot_is_refused_and_left_alone() {
    let place = Place::new();
    let image = place.image(1);
    place.create("a", &image).unwrap();
    let folder = place.home().root().join("images").join(&image.record().key);
    let file = folder.join("image.json");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"version\": 1,"), "{text}");
    for newer in [text.replace("\"version\": 1,", "\"version\": 2,"), "{}".to_owned(), "{\"version\": 2}".to_owned()] {
        fs::write(&file, &newer).unwrap();
        let error = place.make_image(1, &ImageOptions::default()).unwrap_err();
        assert!(matches!(error, BranchError::BadRecord { .. }), "{error}");
        assert!(error.to_string().contains("image.json") && error.to_string().contains("Update offshoot"), "{error}");
        assert!(image::list(&place.home()).unwrap().is_empty());
        let gc = image::plan_gc(&place.home(), &BTreeSet::new()).unwrap();
        assert_eq!(gc.apply(&place.home(), &place.servers).unwrap(), 0);
        assert_eq!(place.names(), ["a"], "its branches do not need it");
        assert!(fs::read_to_string(&file).unwrap() == newer && folder.join("data/VERSION").exists());
    }
    fs::write(&file, text).unwrap();
    place.create("b", &image).unwrap();
}

#[test]
fn a_record_that_cannot_be_read_is_named_and_nothing_of_it_is_touched() {
    let place = Place::new();
    let image = place.image(1);
    place.create("a", &image).unwrap();
    let folder = place.folders().remove(0);
    fs::write(folder.join("branch.json"), "{").unwrap();
    let (_, healed) = place.open();
    assert_eq!(healed.failures.len(), 1);
    assert!(healed.failures[0].contains("branch.json"));
    assert!(folder.join("data-1/VERSION").exists());
    place.create("b", &image).unwrap();
}
