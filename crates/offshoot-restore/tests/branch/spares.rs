//! Spares: made ahead, given away whole, never listed.

use crate::place::{Place, named, wish};
use offshoot_core::Control;
use offshoot_restore::branch::{BranchState, Shape, SpareWish, Wish};
use std::collections::BTreeSet;
use std::fs;
use std::thread;

fn fill(place: &Place, seed: u8, count: usize, started: bool) -> usize {
    let image = place.image(seed);
    place.branches().fill_spares(&image, &wish(), &SpareWish { count, started }, &Control::default()).unwrap()
}

#[test]
fn a_started_spare_is_given_away_without_a_call_of_the_server() {
    let place = Place::new();
    assert_eq!(fill(&place, 1, 2, true), 2);
    assert!(place.names().is_empty(), "spares are not listed");
    place.servers.log();
    let made = place.create("a", &place.image(1)).unwrap();
    assert_eq!(made.method, "started spare");
    assert!(place.servers.log().is_empty());
    assert_eq!(place.branches().list().unwrap()[0].state, BranchState::Running);
    assert_eq!(fill(&place, 1, 2, true), 1, "one is missing");
}

#[test]
fn whose_a_spare_has_become_is_on_the_disk_after_the_next_sync() {
    let place = Place::new();
    fill(&place, 1, 1, true);
    place.create("a", &place.image(1)).unwrap();
    let kept = place.folders().remove(0).join("branch.kept");
    assert!(kept.exists(), "the disk may still have the spare");
    assert_eq!(place.branches().sync().unwrap(), 1);
    assert!(!kept.exists());
    assert_eq!(place.branches().sync().unwrap(), 0);
}

#[test]
fn spares_of_another_address_are_left_for_a_day() {
    let place = Place::new();
    let fill_of = |seed: u8, address: &str| {
        let (image, wish) = (place.image(seed), Wish { address: address.to_owned(), ..wish() });
        let spares = SpareWish { count: 1, started: true };
        place.branches().fill_spares(&image, &wish, &spares, &Control::default()).unwrap()
    };
    assert_eq!((fill_of(1, "prod"), fill_of(2, "staging")), (1, 1));
    assert_eq!((fill_of(1, "prod"), fill_of(2, "staging")), (0, 0), "neither is in the other's way");
    assert_eq!((fill_of(3, "prod"), place.folders().len()), (1, 2), "one of an older snapshot goes");
    for folder in place.folders() {
        let file = folder.join("branch.json");
        let text = fs::read_to_string(&file).unwrap();
        let (before, rest) = text.split_once("\"made_unix_ms\": ").unwrap();
        let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        fs::write(&file, format!("{before}\"made_unix_ms\": 1{rest}")).unwrap();
    }
    assert_eq!((fill_of(3, "prod"), place.folders().len()), (0, 1), "nobody has asked for the other one");
}

#[test]
fn a_spare_that_does_not_run_is_started() {
    let place = Place::new();
    fill(&place, 1, 1, false);
    place.servers.log();
    let made = place.create("a", &place.image(1)).unwrap();
    assert_eq!(made.method, "spare");
    assert_eq!(place.servers.log(), ["start", "admit"]);
}

#[test]
fn a_reset_takes_the_data_of_a_spare_that_does_not_run() {
    let place = Place::new();
    let image = place.image(1);
    let made = place.create("a", &image).unwrap();
    fill(&place, 1, 1, true);
    let reset = |wanted: &str| {
        let data = place.branches().site(&named("a")).unwrap().0.data;
        fs::write(data.join("mine"), "x").unwrap();
        let reset = place.branches().reset(&named("a"), &image, &wish(), &Control::default()).unwrap();
        assert_eq!((reset.method, &reset.access), (wanted, &made.access));
        assert!(!place.branches().site(&named("a")).unwrap().0.data.join("mine").exists());
    };
    reset("copy");
    assert_eq!(place.folders().len(), 2, "one that runs has another port: it stays, and is for who makes a branch");
    fill(&place, 1, 0, true);
    fill(&place, 1, 1, false);
    place.servers.log();
    reset("spare");
    let mut log = place.servers.log();
    log.sort();
    assert_eq!(log, ["admit", "start", "stop AtOnce"]);
    assert_eq!((place.folders().len(), place.sockets()), (1, 1), "nothing is left of the spare");
    fill(&place, 2, 1, false);
    reset("copy");
}

#[test]
fn a_reset_from_a_spare_that_fails_leaves_a_whole_branch() {
    let place = Place::new();
    let image = place.image(1);
    place.create("a", &image).unwrap();
    for call in 0..3 {
        fill(&place, 1, 1, false);
        place.servers.fail_at(call);
        let failed = place.branches().reset(&named("a"), &image, &wish(), &Control::default());
        place.servers.fail_at(usize::MAX);
        failed.unwrap_err();
        assert_eq!(place.names(), ["a"], "after call {call}");
        place.branches().start(&named("a"), &Control::default()).unwrap();
    }
}

#[test]
fn a_spare_that_does_not_start_leaves_nothing_and_its_name_free() {
    let place = Place::new();
    fill(&place, 1, 1, false);
    let image = place.image(1);
    place.servers.fail_at(0);
    place.create("a", &image).unwrap_err();
    place.servers.fail_at(usize::MAX);
    assert!(place.names().is_empty() && place.folders().is_empty());
    place.create("a", &image).unwrap();
}

#[test]
fn only_what_fits_is_given_away() {
    let place = Place::new();
    fill(&place, 1, 1, true);
    let other = Wish { shape: Shape { role: Some("app".to_owned()), ..wish().shape }, ..wish() };
    let made = place.branches().create(&named("a"), &place.image(1), &other, &Control::default()).unwrap();
    assert_eq!(made.method, "copy");
    assert_eq!(place.create("b", &place.image(2)).unwrap().method, "copy", "of another image");
    let brief = Wish { shape: Shape::default(), ..wish() };
    let made = place.branches().create(&named("c"), &place.image(1), &brief, &Control::default()).unwrap();
    assert_eq!(made.method, "started spare", "one that survives more is as good");
}

#[test]
fn spares_of_an_old_image_and_surplus_ones_go() {
    let place = Place::new();
    fill(&place, 1, 3, true);
    assert_eq!(place.folders().len(), 3);
    fill(&place, 1, 1, true);
    assert_eq!(place.folders().len(), 1);
    fill(&place, 2, 1, true);
    assert_eq!(place.folders().len(), 1);
    assert_eq!(place.create("a", &place.image(2)).unwrap().method, "started spare");
    fill(&place, 2, 0, true);
    assert_eq!(place.names(), ["a"], "a branch that was a spare stays");
}

#[test]
fn a_spare_from_before_the_machine_went_down_is_nobodys() {
    let place = Place::new();
    fill(&place, 1, 1, false);
    let file = place.folders()[0].join("branch.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let boot = text.lines().find(|line| line.contains("\"boot\"")).unwrap().to_owned();
    std::fs::write(&file, text.replace(&boot, "  \"boot\": \"another\",")).unwrap();
    let made = place.create("a", &place.image(1)).unwrap();
    assert_eq!(made.method, "copy");
    assert_eq!(place.folders().len(), 1);
}

#[test]
fn two_who_ask_at_once_never_get_the_same_one() {
    let place = Place::new();
    fill(&place, 1, 6, true);
    let image = place.image(1);
    let urls: Vec<String> = thread::scope(|scope| {
        let one = |at: usize| {
            let (place, image) = (&place, &image);
            scope.spawn(move || place.create(&format!("b{at}"), image).unwrap().access.url.expose().to_owned())
        };
        let threads: Vec<_> = (0..10).map(one).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(urls.iter().collect::<BTreeSet<_>>().len(), 10);
    assert_eq!(place.names().len(), 10);
}
