//! Branches as databases of one server, on a real PostgreSQL that clones them, through the command.

use crate::nest::{Nest, psql};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::postgres::{Binaries, Server, shared_of};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Branches in a folder that shares blocks.
pub fn nest(server: &Server, folder: &Path, db: &str) -> Nest {
    let nest = Nest::of_in(folder, server, db);
    std::fs::write(nest.session.dir().join("offshoot.toml"), "[branch]\nisolation = 'database'\n").unwrap();
    nest
}

#[test]
fn a_branch_is_a_database_of_a_shared_server_and_leaves_nothing() {
    let test = "a_branch_is_a_database_of_a_shared_server_and_leaves_nothing";
    let Some(binaries) = Binaries::major_or_skip(18, test) else { return };
    for kind in [Kind::Xfs, Kind::Btrfs] {
        let Some(disk) = LoopDisk::mount(kind, 1200) else { continue };
        set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
        let server = shared_of(&binaries);
        let db = server.fresh_db("hosted");
        server.psql(
            &db,
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 20000) n",
        );
        let nest = nest(server, disk.path(), &db);
        lives(server, &nest);
    }
}

fn lives(server: &Server, nest: &Nest) {
    let rows = |url: &str| psql(server, url, "SELECT count(*) FROM t");
    let made = nest.done(&["--json", "branch", "create", "fix/4711 🐛", "--raw"]).json();
    assert_eq!(made["method"], "database");
    let one = made["url"].as_str().unwrap().to_owned();
    nest.done(&["verify", "prod", "--against", &one]);
    let other = nest.create("other");
    assert_ne!(one, other);
    assert_eq!(nest.folders().len(), 3, "two branches, and one server for both");
    psql(server, &one, "DELETE FROM t WHERE id > 10; CREATE TABLE mine (x int)");
    assert_eq!((rows(&one).as_str(), rows(&other).as_str()), ("10", "20000"));
    let list = nest.list();
    let shown = |at: usize| (list[at]["name"].as_str().unwrap(), list[at]["state"].as_str().unwrap());
    assert_eq!((list.len(), shown(0), shown(1)), (2, ("fix/4711 🐛", "running"), ("other", "running")));
    // Blocks are shared: a branch has a part of its own only.
    let own = list[1]["own_bytes"].as_u64().unwrap();
    let image = nest.done(&["--json", "image", "list"]).json()["images"][0]["bytes"].as_u64().unwrap();
    assert!(own < image / 2, "{own} of {image} bytes are its own");
    let refused = nest.session.quietly(&["branch", "stop", "other"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("others share"), "{}", refused.stderr);

    let kill = || {
        for pid in nest.servers() {
            std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        }
        while !nest.servers().is_empty() {
            std::thread::yield_now();
        }
    };
    assert_eq!(nest.done(&["branch", "reset", "fix/4711 🐛", "--raw"]).stdout.trim(), one, "the URL stays");
    // The database and its password outlive the server's being killed right after.
    kill();
    assert_eq!(nest.done(&["branch", "url", "fix/4711 🐛"]).stdout.trim(), one);
    assert_eq!(psql(server, &one, "SELECT count(*) FROM pg_class WHERE relname = 'mine'"), "0");
    nest.done(&["verify", "prod", "--against", &one]);

    kill();
    assert_eq!(nest.list()[1]["state"], "down");
    assert_eq!(nest.done(&["branch", "url", "other"]).stdout.trim(), other);
    assert_eq!((rows(&one).as_str(), rows(&other).as_str()), ("20000", "20000"));

    let databases = "SELECT count(*) FROM pg_database WHERE datname LIKE 'branch\\_%'";
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'branch\\_%'";
    // What keeps a database from being dropped keeps no branch.
    let hold = "CREATE SUBSCRIPTION s CONNECTION 'host=offshoot.invalid' PUBLICATION p WITH (connect = false)";
    psql(server, &one, hold);
    assert_eq!(nest.done(&["branch", "reset", "fix/4711 🐛", "--raw"]).stdout.trim(), one);
    assert_eq!((rows(&one).as_str(), psql(server, &one, databases)), ("20000", "2".to_owned()));
    psql(server, &one, hold);
    nest.done(&["branch", "delete", "fix/4711 🐛"]);
    assert_eq!((psql(server, &other, databases), psql(server, &other, roles)), ("1".to_owned(), "1".to_owned()));
    nest.done(&["branch", "delete", "other"]);
    assert!(nest.names().is_empty());
    assert_eq!(nest.folders().len(), 1, "the server stays warm");
    // The image is that of a ref's newest snapshot, and its server stays with it.
    nest.done(&["image", "gc"]);
    assert_eq!(nest.folders().len(), 1);
    nest.done(&["forget", "prod"]);
    nest.done(&["image", "gc"]);
    assert!(nest.folders().is_empty() && nest.servers().is_empty());
}

#[test]
fn a_branch_has_the_settings_of_its_database() {
    let test = "a_branch_has_the_settings_of_its_database";
    let Some(binaries) = Binaries::major_or_skip(18, test) else { return };
    let Some(disk) = LoopDisk::mount(Kind::Xfs, 600) else { return };
    set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    let server = shared_of(&binaries);
    let db = server.fresh_db("hosted_settings");
    server.psql(
        &db,
        &format!(
            "CREATE ROLE hosted_role; CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO hosted_role;
             ALTER DATABASE {db} SET search_path = '$user', public, 'Odd, one';
             ALTER DATABASE {db} SET statement_timeout = '7s';
             ALTER DATABASE {db} SET my.words = 'it''s \\ \"';
             ALTER ROLE hosted_role IN DATABASE {db} SET work_mem = '5MB'"
        ),
    );
    let nest = nest(server, disk.path(), &db);
    let made = nest.session.quietly(&["branch", "create", "a", "--raw"]);
    assert!(made.stderr.contains("(database)") && made.stderr.contains("file_copy_method = clone"), "{}", made.stderr);
    let url = made.stdout.trim();
    let settings = "SELECT coalesce(r.rolname, ''), unnest(s.setconfig) FROM pg_db_role_setting s
                    JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
                    WHERE d.datname = current_database() ORDER BY 1, 2";
    assert_eq!(psql(server, url, settings), server.psql(&db, settings).trim());
    assert_eq!(psql(server, url, "SHOW search_path; SHOW statement_timeout"), "\"$user\", public, \"Odd, one\"\n7s");
    nest.done(&["doctor", "a", "--strict"]);
    assert_eq!(nest.done(&["branch", "reset", "a", "--raw"]).stdout.trim(), url);
    assert_eq!(psql(server, url, settings), server.psql(&db, settings).trim());
    nest.done(&["doctor", "a", "--strict"]);
}

#[test]
fn databases_that_are_made_in_a_branch_go_with_it() {
    let test = "databases_that_are_made_in_a_branch_go_with_it";
    let Some(binaries) = Binaries::major_or_skip(18, test) else { return };
    let Some(disk) = LoopDisk::mount(Kind::Xfs, 600) else { return };
    set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    let server = shared_of(&binaries);
    // As the one that every server has.
    let nest = nest(server, disk.path(), "postgres");
    let (one, other) = (nest.create("a"), nest.create("b"));
    psql(server, &one, "CREATE DATABASE test_1");
    psql(server, &one, "CREATE DATABASE test_2 IS_TEMPLATE true");
    psql(server, &one, "GRANT SELECT ON pg_catalog.pg_class TO PUBLIC");
    assert_eq!(nest.done(&["branch", "reset", "a", "--raw"]).stdout.trim(), one);
    nest.done(&["branch", "delete", "a"]);
    let left = "SELECT (SELECT count(*) FROM pg_database WHERE datname ~ '^(branch|test)_'),
                       (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'branch\\_%')";
    assert_eq!(psql(server, &other, left), "1|1");
}

#[test]
fn many_at_once_in_one_server() {
    let test = "many_at_once_in_one_server";
    let Some(binaries) = Binaries::major_or_skip(18, test) else { return };
    let Some(disk) = LoopDisk::mount(Kind::Xfs, 1200) else {
        println!("SKIPPED {test}: no XFS can be mounted here");
        return;
    };
    set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    let server = shared_of(&binaries);
    let db = server.fresh_db("hosted_many");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let nest = nest(server, disk.path(), &db);
    let count = if std::env::var_os("OFFSHOOT_LONG").is_some() { 50 } else { 6 };
    // The first of them makes the image and the server that all come to be on.
    let make = &|number: usize| nest.create(&format!("b{number}"));
    let urls: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || make(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((nest.names().len(), nest.folders().len(), nest.server_folders().len()), (count, count + 1, 1));
    for (number, url) in urls.iter().enumerate() {
        psql(server, url, &format!("DELETE FROM t WHERE id > {number}"));
    }
    for (number, url) in urls.iter().enumerate() {
        assert_eq!(psql(server, url, "SELECT count(*) FROM t"), number.to_string());
    }
    std::thread::scope(|scope| {
        for number in 0..count {
            let nest = &nest;
            scope.spawn(move || nest.done(&["branch", "delete", &format!("b{number}")]));
        }
    });
    assert!(nest.names().is_empty() && nest.folders().len() == 1);
}
