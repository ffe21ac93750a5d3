//! What is said to a server: settings, scripts, counts, and what its log does not hold.

use crate::kit::{Place, branch, engines};
use offshoot_restore::server::{Purpose, Stop};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

#[test]
fn settings_of_the_users_own_win_and_those_that_let_in_are_refused() {
    for engine in engines() {
        let place = Place::with_database(&engine, "shop");
        let (name, value, shown) = engine.setting;
        let settings = |name: &str, value: &str| Purpose::Branch {
            durable: false,
            settings: vec![(name.to_owned(), value.to_owned())],
        };
        let error = place.try_start(&settings(engine.decided, "*")).unwrap_err().to_string();
        assert!(error.contains(engine.decided) && !error.contains('*'), "{error}");
        assert_eq!(place.running(), None);
        place.try_start(&settings(name, value)).unwrap_or_else(|error| panic!("{error}"));
        let access = place.admit("shop", "p");
        assert_eq!(place.ask(&access, "shop", shown).unwrap(), value, "{}", engine.name);
    }
}

#[test]
fn a_setting_that_the_server_refuses_is_told_by_its_name() {
    for engine in engines() {
        let place = Place::new(&engine);
        let settings = vec![("no_such_thing".to_owned(), "secret-value".to_owned())];
        let error = place.try_start(&Purpose::Branch { durable: true, settings }).unwrap_err().to_string();
        assert!(error.contains("no_such_thing") && !error.contains("secret"), "{}: {error}", engine.name);
        assert_eq!(place.running(), None);
    }
}

#[test]
fn scripts_run_and_errors_name_the_line_and_no_value() {
    for engine in engines() {
        let place = Place::with_database(&engine, "shop");
        place.start();
        place.script("shop", "-- one\nCREATE TABLE u (a int);\n\nINSERT INTO u VALUES (1);\n").unwrap();
        let error = place.script("shop", "SELECT 1;\n\nSELECT nothing FROM u;").unwrap_err().to_string();
        assert!(error.starts_with("script.sql, line 3 (statement 2): "), "{}: {error}", engine.name);
        let error = place.script("shop", "INSERT INTO t VALUES (7) -- secret-value").unwrap_err().to_string();
        assert!(!error.contains("secret-value") && !error.contains("(7)"), "{}: {error}", engine.name);
        let error = place.script("shop", "SELECT 'x").unwrap_err().to_string();
        assert!(error.starts_with("script.sql, line 1: "), "{error}");
    }
}

#[test]
fn files_that_a_start_makes_are_small() {
    // Every clone has its own of these: of MySQL a redo log and 12 MB for temporary tables; those of MariaDB grow by 64 MB at a time
    // where nothing else is said.
    for engine in engines() {
        let place = Place::with_database(&engine, "shop");
        let before = files(&place.site.data);
        place.start();
        let access = place.admit("shop", "p");
        place.ask(&access, "shop", "SELECT 1").unwrap();
        let new: u64 = files(&place.site.data)
            .iter()
            .filter(|(path, _)| !before.contains_key(*path))
            .map(|(_, bytes)| bytes)
            .sum();
        assert!(new < 40 << 20, "{}: {new} bytes", engine.name);
    }
}

/// Files in a folder and what they occupy.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => found.extend(files(&entry.path())),
            Ok(metadata) => drop(found.insert(entry.path(), metadata.blocks() * 512)),
            Err(_) => {}
        }
    }
    found
}

#[test]
fn sessions_of_users_are_counted_and_ours_are_not() {
    for engine in engines() {
        let place = Place::with_database(&engine, "shop");
        place.start();
        let access = place.admit("shop", "p");
        let count = || place.server.connections(&place.site, "shop").unwrap();
        assert_eq!(count(), 0, "{}", engine.name);
        let mut client = place.client(&access, "shop", engine.sleep);
        let mut client = client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut looks = 0;
        while count() == 0 {
            looks += 1;
            assert!(looks < 3000, "{}: the client never came", engine.name);
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(count(), 1);
        place.stop(Stop::AtOnce);
        client.wait().unwrap();
    }
}

#[test]
fn the_environment_of_a_branch_is_read() {
    for engine in engines() {
        let place = Place::with_database(&engine, "shop");
        place.try_start(&branch()).unwrap();
        let found = place.server.observe(&place.site, "shop").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (found.encoding, found.collate),
            (engine.environment.encoding.clone(), engine.environment.collate.clone())
        );
        assert_eq!(found.server_version_num, place.server.build().version_num, "{}", engine.name);
    }
}

#[test]
fn a_password_is_in_no_log_and_no_file() {
    for engine in engines() {
        let place = Place::with_database(&engine, "shop");
        place.start();
        place.admit("shop", "canary-5b1e77");
        place.stop(Stop::Orderly);
        let log = fs::read(&place.site.log).unwrap();
        assert!(!String::from_utf8_lossy(&log).contains("canary-5b1e77"), "{}", engine.name);
    }
}
