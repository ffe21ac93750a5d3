//! What cannot be is said clearly: by what, why, and what to do.

use crate::place::{Place, branch, environment, places, server, servers};
use offshoot_core::Control;
use offshoot_engines::postgres::local::{LocalServers, Places};
use offshoot_format::manifest::Environment;
use offshoot_restore::NeutralizeChoices;
use offshoot_restore::server::{Purpose, Servers, Site, Stop};
use offshoot_testkit::postgres::Binaries;
use offshoot_testkit::small_disk::SmallDisk;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};

fn installed() -> Binaries {
    Binaries::installed().unwrap()
}

fn refused(place: &Place) -> String {
    let error = place.try_start(&branch()).unwrap_err();
    assert!(!place.server.is_port_taken(&error), "{error}");
    assert_eq!(place.running(), None);
    error.to_string()
}

#[test]
fn a_taken_port_is_told_apart() {
    let mut place = Place::new(&installed());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    place.site.port = listener.local_addr().unwrap().port();
    let error = place.try_start(&branch()).unwrap_err();
    assert!(place.server.is_port_taken(&error), "{error}");
    assert!(error.to_string().contains(&place.site.port.to_string()), "{error}");
    // Loading needs no port.
    place.try_start(&Purpose::Load).unwrap();
    place.stop(Stop::AtOnce);
    drop(listener);
    place.start();
}

#[test]
fn a_missing_server_is_said_with_where_and_how() {
    let wanted = Environment { server_version_num: 770_001, ..Environment::default() };
    let Err(error) = LocalServers::new(Places::default()).find("postgres", &wanted) else { panic!() };
    for part in ["PostgreSQL 77.1", "/usr/lib/postgresql", "nstall", "77"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let Err(error) = LocalServers::new(places(&installed())).find("postgres", &wanted) else { panic!() };
    assert!(error.to_string().contains("OFFSHOOT_PG_BIN") && error.to_string().contains("15."), "{error}");
    let Err(error) = LocalServers::new(Places::default()).at(std::path::Path::new("/nonexistent/bin")) else {
        panic!()
    };
    assert!(error.to_string().contains("/nonexistent/bin"), "{error}");
}

#[test]
fn the_same_server_is_found_by_its_folder() {
    let found = server(&installed());
    let again = LocalServers::new(Places::default()).at(&found.build().programs).unwrap();
    assert_eq!(found.build(), again.build());
    assert!(found.build().platform.contains("8192/131072/8192"), "{}", found.build().platform);
}

#[test]
fn a_locale_that_is_not_here_is_never_replaced() {
    for binaries in Binaries::wanted() {
        let place = Place::empty(&binaries, environment("xx_YY.UTF-8"));
        let error = place.init(&NeutralizeChoices::default()).unwrap_err().to_string();
        assert!(error.contains("xx_YY.UTF-8") && error.contains("nstall"), "{error}");
        assert!(!place.site.data.exists());
        let mut wrong = environment("C");
        wrong.encoding = "NO_SUCH".to_owned();
        let error = place.server.init(&place.site.data, &wrong, &NeutralizeChoices::default()).unwrap_err().to_string();
        assert!(error.contains("NO_SUCH"), "{error}");
    }
}

#[test]
fn settings_of_the_snapshot_that_cannot_be_are_left_out() {
    let mut environment = environment("C");
    for (name, value) in [("TimeZone", "Mars/Olympus"), ("IntervalStyle", "iso_8601"), ("lc_time", "xx_YY")] {
        environment.settings.insert(name.to_owned(), value.to_owned());
    }
    let place = Place::with(&installed(), environment);
    place.start();
    assert_eq!(place.psql("postgres", "SHOW IntervalStyle"), "iso_8601");
    assert_eq!(place.psql("postgres", "SHOW TimeZone"), "GMT");
}

#[test]
fn settings_of_the_user_win_and_wrong_ones_are_named() {
    let place = Place::new(&installed());
    let with = |name: &str, value: &str| Purpose::Branch {
        durable: false,
        settings: vec![(name.to_owned(), value.to_owned())],
    };
    let refused = |name, value| place.try_start(&with(name, value)).unwrap_err().to_string();
    assert!(refused("listen_addresses", "*").contains("listen_addresses"));
    let unknown = refused("no_such_setting", "1");
    assert!(unknown.contains("no_such_setting") || unknown.contains("branch.conf"), "{unknown}");
    assert!(refused("work_mem", "much").contains("work_mem"));
    place.try_start(&with("work_mem", "77MB")).unwrap();
    assert_eq!(place.psql("postgres", "SHOW work_mem"), "77MB");
    assert_eq!(place.psql("postgres", "SHOW fsync"), "off");
    // Not even by ALTER SYSTEM is a branch opened to the network.
    place.psql("postgres", "ALTER SYSTEM SET listen_addresses = '*'");
    place.stop(Stop::Orderly);
    place.start();
    assert!(!place.psql("postgres", "SHOW listen_addresses").contains('*'));
}

#[test]
fn data_directories_of_others_are_refused() {
    let place = Place::new(&installed());
    let version = place.site.data.join("PG_VERSION");
    fs::write(&version, "9\n").unwrap();
    assert!(refused(&place).contains("PostgreSQL 9"));
    fs::write(&version, format!("{}\n", installed().major_version())).unwrap();
    fs::set_permissions(&place.site.data, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(refused(&place).contains("permission"));
    fs::set_permissions(&place.site.data, fs::Permissions::from_mode(0o700)).unwrap();
    if let Some((uid, gid)) = place.server.owner() {
        chown(&place.site.data, Some(uid + 1), None).unwrap();
        assert!(refused(&place).contains(&format!("user {}", uid + 1)));
        chown(&place.site.data, Some(uid), Some(gid)).unwrap();
    }
    place.start();
}

#[test]
fn a_broken_data_directory_says_why() {
    let place = Place::new(&installed());
    fs::remove_file(place.site.data.join("global/pg_control")).unwrap();
    let error = refused(&place);
    assert!(error.contains("pg_control"), "{error}");
}

#[test]
fn sockets_that_others_reach_or_nobody_can_are_refused() {
    let mut place = Place::new(&installed());
    fs::create_dir(&place.site.sockets).unwrap();
    fs::set_permissions(&place.site.sockets, fs::Permissions::from_mode(0o777)).unwrap();
    if let Some((uid, gid)) = place.server.owner() {
        chown(&place.site.sockets, Some(uid), Some(gid)).unwrap();
    }
    assert!(refused(&place).contains("without a password"));
    place.site.sockets = place.dir.path().join("s".repeat(90));
    assert!(refused(&place).contains("bytes"));
}

#[test]
fn folders_that_the_server_cannot_enter_are_named() {
    let place = Place::empty(&installed(), environment("C"));
    if place.server.owner().is_none() {
        return;
    }
    let closed = place.dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let error = place
        .server
        .init(&closed.join("data"), &place.environment, &NeutralizeChoices::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("closed") && error.contains("chmod"), "{error}");
}

#[test]
fn a_full_disk_is_called_one() {
    let place = Place::empty(&installed(), environment("C"));
    let folder = place.dir.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let Some(disk) = SmallDisk::mount(&folder, 16) else {
        eprintln!("SKIPPED a_full_disk_is_called_one: no file system can be mounted here");
        return;
    };
    let data = folder.join("data");
    let error = place.server.init(&data, &place.environment, &NeutralizeChoices::default()).unwrap_err().to_string();
    assert!(error.contains("full"), "{error}");
    assert!(!data.exists());
    disk.resize(200);
    place.server.init(&data, &place.environment, &NeutralizeChoices::default()).unwrap();
    disk.resize(disk.used());
    fs::write(folder.join("rest"), vec![1; 1 << 20]).unwrap_err();
    let site = Site { data, ..place.site.clone() };
    let error = place.server.start(&site, &branch(), &Control::default()).unwrap_err().to_string();
    assert!(error.contains("full"), "{error}");
    disk.resize(200);
    place.server.start(&site, &branch(), &Control::default()).unwrap();
    servers().stop(&site.data, Stop::AtOnce).unwrap();
}
