//! What a branch goes through when nothing goes wrong.

use crate::fake::{FakeServers, Snapshot};
use crate::place::{Place, named, wish};
use offshoot_core::Control;
use offshoot_format::manifest::{Manifest, Trust};
use offshoot_restore::NeutralizeChoices;
use offshoot_restore::branch::{BranchError, BranchState, Wish};
use offshoot_restore::image::{self, ImageKey, ImageOptions};
use offshoot_restore::server::{Build, Servers};
use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

#[test]
fn a_branch_is_made_listed_stopped_started_reset_and_deleted() {
    let place = Place::new();
    let image = place.image(1);
    let made = place.create("fix/4711 🐛", &image).unwrap();
    assert_eq!(made.method, "copy");
    assert!(made.access.url.expose().starts_with("fake://admin:"));
    let branches = place.branches();
    let name = named("fix/4711 🐛");
    let info = branches.list().unwrap().remove(0);
    assert_eq!((info.state, info.connections, info.address.as_str()), (BranchState::Running, Some(2), "prod"));

    branches.stop(&name).unwrap();
    assert_eq!(branches.list().unwrap()[0].state, BranchState::Stopped);
    let started = branches.start(&name, &Control::default()).unwrap();
    assert!(!started.moved && started.access == made.access, "the URL stays");

    let data = branches.site(&name).unwrap().0.data;
    fs::write(data.join("mine"), "x").unwrap();
    let reset = branches.reset(&name, &image, &wish(), &Control::default()).unwrap();
    assert_eq!(reset.access, made.access, "the URL stays");
    let (site, _) = branches.site(&name).unwrap();
    assert!(!site.data.join("mine").exists());
    assert_eq!(branches.remove_old_data().unwrap(), 1);
    assert!(!data.exists() && place.removed() == 0, "nobody waits for its removal, but it goes");

    branches.rename(&name, &named("other")).unwrap();
    assert_eq!(place.names(), ["other"]);
    branches.delete(&named("other")).unwrap();
    assert!(place.names().is_empty() && place.folders().is_empty() && place.sockets() == 0);
}

#[test]
fn a_later_branch_of_the_same_name_is_another_one() {
    let place = Place::new();
    let image = place.image(1);
    let first = place.create("a", &image).unwrap().id;
    let branches = place.branches();
    let name = named("a");
    branches.reset(&name, &image, &wish(), &Control::default()).unwrap();
    assert_eq!(branches.id(&name).unwrap(), first, "a reset keeps it");
    branches.delete_only(&name, &first).unwrap();
    let second = place.create("a", &image).unwrap().id;
    assert_eq!((branches.id(&name).unwrap(), second == first), (second.clone(), false));
    assert!(matches!(branches.delete_only(&name, &first), Err(BranchError::NoBranch { .. })));
    assert_eq!((branches.names().unwrap(), branches.id(&name).unwrap()), (vec![name], second));
}

#[test]
fn what_resets_leave_is_bounded_though_nobody_removes_it() {
    let place = Place::new();
    let image = place.image(1);
    place.create("a", &image).unwrap();
    let most = (0..30).map(|_| {
        place.branches().reset(&named("a"), &image, &wish(), &Control::default()).unwrap();
        fs::read_dir(&place.folders()[0]).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    });
    let most = most.max().unwrap();
    println!("data directories of a branch that is reset over and over: {most}");
    assert!(most <= 9, "{most}");
    place.branches().delete(&named("a")).unwrap();
    assert!(place.folders().is_empty() && place.removed() == 0);
}

#[test]
fn of_many_who_wait_for_a_quiet_moment_one_does() {
    let place = Place::new();
    let branches = place.branches();
    let waited: usize = thread::scope(|scope| {
        let one = || usize::from(branches.wait_for_quiet(&Control::default()).unwrap());
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(waited, 1);
    let control = Control::default();
    control.cancel();
    assert!(matches!(branches.wait_for_quiet(&control), Err(BranchError::Cancelled)));
}

#[test]
fn names_are_unique_and_misses_propose_others() {
    let place = Place::new();
    let image = place.image(1);
    place.create("fix-4711", &image).unwrap();
    assert!(matches!(place.create("fix-4711", &image), Err(BranchError::Taken { .. })));
    let error = place.branches().delete(&named("fix-471")).unwrap_err();
    assert!(error.to_string().contains("did you mean fix-4711?"), "{error}");
    place.create("other", &image).unwrap();
    assert!(matches!(place.branches().rename(&named("other"), &named("fix-4711")), Err(BranchError::Taken { .. })));
}

#[test]
fn an_image_is_made_once_for_all_who_want_it_at_once() {
    let place = Place::new();
    let made: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| place.image(1).record().millis)).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().is_ok())).sum()
    });
    assert_eq!(made, 8);
    assert_eq!(place.servers.log().iter().filter(|call| *call == "init").count(), 1);
    assert_eq!(image::list(&place.home()).unwrap().len(), 1);
}

#[test]
fn what_is_switched_off_is_part_of_the_key() {
    let place = Place::new();
    let one = place.image(1);
    assert!(place.make_image(1, &ImageOptions::default()).unwrap().took.is_none());
    let mut options = ImageOptions::default();
    options.neutralize.off.insert("queues".to_owned());
    let other = place.make_image(1, &options).unwrap();
    assert!(other.took.is_some() && other.image.record().key != one.record().key);
    assert_ne!(place.image(2).record().key, one.record().key);
}

type Change = dyn Fn(&mut Manifest, &mut Build);

#[test]
fn all_that_files_depend_on_is_part_of_the_key() {
    let key = |change: &Change| {
        let (mut manifest, servers) = (Snapshot::new(1, Trust::Raw).manifest, FakeServers::new());
        let server = servers.find("fake", &manifest.environment).unwrap();
        let mut build = server.build().clone();
        change(&mut manifest, &mut build);
        let server = FakeServers::built(build).find("fake", &manifest.environment).unwrap();
        ImageKey::of(&manifest, &*server, &NeutralizeChoices::default()).as_str().to_owned()
    };
    let same = key(&|_, _| {});
    assert_eq!(
        key(&|_, build| build.programs = "/elsewhere".into()),
        same,
        "where the programs are makes no difference"
    );
    let changes: [&Change; 10] = [
        &|_, build| build.version = "1.1".to_owned(),
        &|_, build| build.version_num += 1,
        &|_, build| build.platform = "another architecture, block size or C library".to_owned(),
        &|manifest, _| manifest.environment.collate = "tr_TR.UTF-8".to_owned(),
        &|manifest, _| manifest.environment.collation_version = Some("2.36".to_owned()),
        &|manifest, _| drop(manifest.environment.collations.insert("und-x-icu".to_owned(), "153.14".to_owned())),
        &|manifest, _| drop(manifest.environment.settings.insert("TimeZone".to_owned(), "UTC".to_owned())),
        &|manifest, _| manifest.environment.encoding = "LATIN1".to_owned(),
        &|manifest, _| manifest.origin.database = "other".to_owned(),
        &|manifest, _| manifest.content_root = Snapshot::new(2, Trust::Raw).manifest.content_root,
    ];
    let mut keys: BTreeSet<String> = changes.iter().map(|change| key(change)).collect();
    keys.insert(same);
    assert_eq!(keys.len(), changes.len() + 1);
}

#[test]
fn branches_never_change_an_image() {
    let place = Place::new();
    let image = place.image(1);
    let before = place.images();
    for name in ["a", "b"] {
        place.create(name, &image).unwrap();
        let data = place.branches().site(&named(name)).unwrap().0.data;
        fs::write(data.join("VERSION"), "changed").unwrap();
    }
    place.branches().reset(&named("a"), &image, &wish(), &Control::default()).unwrap();
    place.branches().delete(&named("b")).unwrap();
    assert_eq!(place.images(), before);
}

#[test]
fn images_that_nobody_needs_go() {
    let place = Place::new();
    let (used, wanted, old) = (place.image(1), place.image(2), place.image(3));
    place.create("a", &used).unwrap();
    let roots = BTreeSet::from([wanted.record().content_root.clone()]);
    let plan = image::plan_gc(&place.home(), &roots).unwrap();
    assert_eq!(plan.removes().len(), 1);
    assert_eq!(plan.removes()[0].record().key, old.record().key);
    assert_eq!(image::list(&place.home()).unwrap().len(), 3, "a plan removes nothing");
    assert_eq!(plan.apply(&place.home(), &place.servers).unwrap(), 1);
    assert_eq!(image::list(&place.home()).unwrap().len(), 2);
    assert!(matches!(place.create("b", &old), Err(BranchError::ImageGone)), "one that was removed meanwhile");
    assert_eq!(place.names(), ["a"]);
}

#[test]
fn a_branch_whose_time_is_over_is_removed_by_the_next_command() {
    let place = Place::new();
    let image = place.image(1);
    let branches = place.branches();
    let brief = Wish { ttl: Some(Duration::ZERO), ..wish() };
    branches.create(&named("brief"), &image, &brief, &Control::default()).unwrap();
    let long = Wish { ttl: Some(Duration::from_secs(3600)), ..wish() };
    branches.create(&named("long"), &image, &long, &Control::default()).unwrap();
    branches.create(&named("kept"), &image, &long, &Control::default()).unwrap();
    branches.keep(&named("kept"), None).unwrap();
    let (branches, healed) = place.open();
    assert_eq!(healed.expired, [named("brief")]);
    let list = branches.list().unwrap();
    assert_eq!(list.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["kept", "long"]);
    assert!(list[0].expires_unix_ms.is_none() && list[1].expires_unix_ms.is_some());
}

#[test]
fn many_at_once_have_ports_and_folders_of_their_own() {
    let place = Place::new();
    let image = place.image(1);
    let ports: Vec<String> = thread::scope(|scope| {
        let one = |at: usize| {
            let (place, image) = (&place, &image);
            scope.spawn(move || place.create(&format!("b{at}"), image).unwrap().access.url.expose().to_owned())
        };
        let threads: Vec<_> = (0..20).map(one).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let port = |url: &String| url.rsplit([':', '/']).nth(1).unwrap().to_owned();
    assert_eq!(ports.iter().map(port).collect::<BTreeSet<_>>().len(), 20);
    assert_eq!(place.names().len(), 20);
}
