//! Branches by the library: one for each test, beside each other, gone at the end however it comes.

#![allow(clippy::unwrap_used)]

use offshoot::testing::Branch;
use offshoot::{
    BranchPlace, Branches, CaptureOptions, Connection, Control, CreateOptions, Environment, ErrorKind, InitOptions,
    Store,
};
use offshoot_testkit::place;
use offshoot_testkit::postgres::{Server, shared};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread;

struct Nest {
    branches: Branches,
    server: &'static Server,
    _folder: tempfile::TempDir,
}

fn nest(name: &str) -> Nest {
    let server = shared();
    let db = server.fresh_db(name);
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let folder = tempfile::Builder::new().prefix("home-").tempdir_in(place::scratch_dir().unwrap()).unwrap();
    set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    let store = Store::init(folder.path().join("store"), InitOptions { raw: true }).unwrap();
    let source = Connection::parse(&server.url(&db), &Environment::empty()).unwrap();
    let pg_dump = vec![server.binaries().pg_dump().unwrap()];
    let options = CaptureOptions { name: Some("prod".to_owned()), pg_dump, ..CaptureOptions::default() };
    store.capture(&source, &options, &Control::default()).unwrap();
    let place = BranchPlace {
        home: folder.path().join("home"),
        runtime: format!("/tmp/offshoot-test-{}", std::process::id()).into(),
        programs: Some(server.binaries().dir().to_path_buf()),
        raw: true,
        ..BranchPlace::default()
    };
    Nest { branches: store.branches(place).unwrap(), server, _folder: folder }
}

fn psql(nest: &Nest, url: &str, sql: &str) -> String {
    let output = Command::new(nest.server.binaries().psql()).args(["-XAtq", url, "-c", sql]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn tests_beside_each_other_do_not_see_each_other() {
    let nest = nest("testing");
    thread::scope(|scope| {
        for thread in 0..3 {
            let nest = &nest;
            scope.spawn(move || {
                let mut branch = Branch::of(&nest.branches, "prod").unwrap();
                psql(nest, branch.url(), &format!("DELETE FROM t WHERE id > {thread}"));
                assert_eq!(psql(nest, branch.url(), "SELECT count(*) FROM t"), thread.to_string());
                let url = branch.url().to_owned();
                branch.reset().unwrap();
                assert_eq!(branch.url(), url);
                assert_eq!(psql(nest, branch.url(), "SELECT count(*) FROM t"), "100");
                assert!(branch.variables().any(|(name, _)| name == "PGPORT"));
                assert!(!format!("{branch:?}").contains("postgres"), "no password in it");
            });
        }
    });
    assert!(nest.branches.list().unwrap().is_empty());
}

#[test]
fn a_test_that_panics_leaves_none() {
    let nest = nest("testing_panics");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _branch = Branch::of(&nest.branches, "prod").unwrap();
        panic!("as tests do");
    }));
    assert!(panicked.is_err());
    assert!(nest.branches.list().unwrap().is_empty());
}

#[test]
fn errors_have_kinds() {
    let nest = nest("branch_kinds");
    let make = |name: &str, from: &str| {
        nest.branches.create(name, from, &CreateOptions::default(), &Control::default()).map_err(|error| error.kind())
    };
    assert_eq!(make("a", "prdo").unwrap_err(), ErrorKind::NotFound);
    assert_eq!(make("", "prod").unwrap_err(), ErrorKind::Usage);
    make("a", "prod").unwrap();
    assert_eq!(make("a", "prod").unwrap_err(), ErrorKind::Conflict);
    assert_eq!(nest.branches.access("b").unwrap_err().kind(), ErrorKind::NotFound);
    let cancelled = Control::default();
    cancelled.cancel();
    let made = nest.branches.create("b", "prod", &CreateOptions::default(), &cancelled);
    assert_eq!(made.unwrap_err().kind(), ErrorKind::Interrupted);
    nest.branches.delete("a").unwrap();
}
