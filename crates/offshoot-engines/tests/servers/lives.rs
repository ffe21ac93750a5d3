//! From the data directory to the end of the server, whatever ends it.

use crate::kit::{Place, branch, engines, every};
use offshoot_core::{Control, CoreError};
use offshoot_restore::server::{Purpose, Servers, Stop};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_server_is_made_started_reached_and_stopped() {
    for engine in engines() {
        let place = Place::new(&engine);
        assert_eq!(place.running(), None, "{}", engine.name);
        assert_eq!(place.server.build().engine, engine.name);
        let loading = place.try_start(&Purpose::Load).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(place.running(), Some(loading));
        place.server.create_database(&place.site, "my shop", &engine.environment).unwrap();
        place.stop(Stop::Orderly);
        assert_eq!(place.running(), None);

        let running = place.start();
        assert_eq!((running.port, place.running()), (place.site.port, Some(running)));
        let access = place.admit("my shop", "pass word/ü");
        assert_eq!(place.ask(&access, "my shop", "SELECT 6 * 7").unwrap(), "42", "{}", engine.name);
        assert!(place.ask(&place.admit("my shop", "other"), "my shop", "SELECT 1").is_ok());
        assert!(place.ask(&access, "my shop", "SELECT 1").is_err(), "{}: the old password", engine.name);
        place.stop(Stop::Orderly);
        place.stop(Stop::Orderly);
        assert_eq!(place.running(), None);
        let build = place.server.build();
        eprintln!("{} {} on {}", engine.name, build.version, build.platform);
        assert_eq!(engine.servers.at(&build.programs).unwrap().build(), build);
    }
}

#[test]
fn a_killed_server_is_seen_and_starts_again() {
    for engine in engines() {
        let place = Place::with_database(&engine, "shop");
        let first = place.start();
        kill(first.pid);
        place.stop(Stop::AtOnce);
        assert_eq!(place.running(), None, "{}", engine.name);
        let second = place.start();
        assert_ne!(first.pid, second.pid);
        let access = place.admit("shop", "p");
        assert_eq!(place.ask(&access, "shop", "SELECT a FROM t").unwrap(), "7");
        place.stop(Stop::AtOnce);
        assert!(!works_in(&place.site.data));
    }
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    for engine in engines() {
        let place = Place::new(&engine);
        let running = place.start();
        let error = place.try_start(&branch()).unwrap_err().to_string();
        assert!(error.contains("already") && error.contains(&running.pid.to_string()), "{error}");
        // The lock's file is gone; the process is still found.
        fs::remove_file(place.site.data.join("offshoot.lock")).unwrap();
        assert_eq!(place.running(), Some(running), "{}", engine.name);
        assert!(place.try_start(&branch()).unwrap_err().to_string().contains("already"));
        place.stop(Stop::Orderly);
        assert_eq!(place.running(), None);
    }
}

#[test]
fn a_start_can_be_cancelled_and_leaves_nothing() {
    for engine in engines() {
        let place = Place::new(&engine);
        for delay in [0, 5, 20, 60] {
            let control = Control::default();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(delay));
                    control.cancel();
                });
                match place.server.start(&place.site, &branch(), &control) {
                    Ok(_) => place.stop(Stop::Orderly),
                    Err(error) => assert!(matches!(error, CoreError::Cancelled), "{}: {error}", engine.name),
                }
            });
            assert_eq!(place.running(), None, "{} after {delay} ms", engine.name);
            assert!(!works_in(&place.site.data), "{} after {delay} ms", engine.name);
        }
        place.start();
    }
}

/// The caller is killed while it starts a server: at every moment there is either none, or one that is found.
#[test]
fn a_killed_caller_leaves_no_server_that_is_not_found() {
    const CHILD_MARK: &str = "OFFSHOOT_TEST_SITE";
    let engines = engines();
    if let Some(site) = std::env::var_os(CHILD_MARK) {
        let dir = PathBuf::from(site);
        let said = fs::read_to_string(dir.join("site")).unwrap();
        let site = serde_json::from_str(&said).unwrap();
        let engine = fs::read_to_string(dir.join("engine")).unwrap();
        let engine = engines.iter().find(|one| one.name == engine).unwrap();
        let server = engine.servers.find(engine.name, &engine.environment).unwrap();
        println!("\nstarting");
        let _ = server.start(&site, &branch(), &Control::default());
        std::thread::sleep(Duration::from_secs(600));
        return;
    }
    for engine in &engines {
        let place = Place::new(engine);
        fs::write(place.dir.path().join("site"), serde_json::to_string(&place.site).unwrap()).unwrap();
        fs::write(place.dir.path().join("engine"), engine.name).unwrap();
        // At the last, when it is there.
        for delay in [0, 5, 15, 40, 100].map(Some).into_iter().chain([None]) {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "lives::a_killed_caller_leaves_no_server_that_is_not_found", "--nocapture"])
                .env(CHILD_MARK, place.dir.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.map_while(Result::ok).any(|line| line == "starting"));
            match delay {
                Some(delay) => std::thread::sleep(Duration::from_millis(delay)),
                // A caller that could not start it ends by itself, which must leave as little.
                None => while place.running().is_none() && child.try_wait().unwrap().is_none() {},
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let running = place.running();
            assert!(running.is_some() || !works_in(&place.site.data), "{} after {delay:?} ms", engine.name);
            place.stop(Stop::AtOnce);
            assert!(!works_in(&place.site.data), "{} after {delay:?} ms", engine.name);
            assert_eq!(place.running(), None);
        }
        place.start();
    }
}

#[test]
fn a_clone_without_spare_files_starts_beside_its_original() {
    for engine in engines() {
        let place = Place::with_database(&engine, "shop");
        let clone = Place::empty(&engine);
        let (files, bytes) = copy(&place, &clone);
        place.start();
        clone.start();
        for one in [&place, &clone] {
            let access = one.admit("shop", "p");
            assert_eq!(one.ask(&access, "shop", "SELECT a FROM t").unwrap(), "7", "{}", engine.name);
        }
        clone.script("shop", "INSERT INTO t VALUES (8);").unwrap();
        let access = place.admit("shop", "p");
        assert_eq!(place.ask(&access, "shop", "SELECT count(*) FROM t").unwrap(), "1");
        eprintln!("{}: a clone of {files} files, {} MB", engine.name, bytes >> 20);
    }
}

#[test]
fn a_port_that_another_program_has_is_told() {
    for engine in engines() {
        let mut place = Place::new(&engine);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        place.site.port = listener.local_addr().unwrap().port();
        let error = place.try_start(&branch()).unwrap_err();
        assert!(place.server.is_port_taken(&error), "{}: {error}", engine.name);
        assert_eq!(place.running(), None);
        // Loading listens on no port.
        place.try_start(&Purpose::Load).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn nothing_is_for_others_to_read() {
    for engine in engines() {
        let place = Place::new(&engine);
        place.start();
        for path in [&place.site.data, &place.site.sockets, &place.site.log] {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o077, 0, "{}: {}", engine.name, path.display());
        }
    }
}

#[test]
fn each_engine_is_asked_for_its_own() {
    let engines = engines();
    let every = every(&engines);
    for engine in &engines {
        let place = Place::new(engine);
        let found = every.find(engine.name, &engine.environment).unwrap();
        assert_eq!(found.build().engine, engine.name);
        assert_eq!(every.at(&found.build().programs).unwrap().build().engine, engine.name);
        let running = place.start();
        assert_eq!(every.running(&place.site.data), Some(running));
        every.stop(&place.site.data, Stop::Orderly).unwrap();
        assert_eq!(place.running(), None);
    }
    let error = every.find("oracle", &engines[0].environment).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("oracle") || error.contains("source"), "{error}");
}

/// Copies a data directory but for what the server calls spare; how many files and bytes that were.
fn copy(from: &Place<'_>, to: &Place<'_>) -> (usize, u64) {
    let (mut files, mut bytes) = (0, 0);
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let made = to.site.data.join(&folder);
        fs::create_dir(&made).unwrap();
        fs::set_permissions(&made, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        own(&made, to);
        for entry in fs::read_dir(from.site.data.join(&folder)).unwrap().flatten() {
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if !from.server.is_spare_file(&path) {
                bytes += fs::copy(entry.path(), to.site.data.join(&path)).unwrap();
                files += 1;
                own(&to.site.data.join(&path), to);
            }
        }
    }
    (files, bytes)
}

fn own(path: &Path, place: &Place<'_>) {
    if let Some((uid, gid)) = place.server.owner() {
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
    }
}

/// Whether any process works in a folder.
fn works_in(folder: &Path) -> bool {
    let folder = fs::canonicalize(folder).unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().any(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder))
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}
