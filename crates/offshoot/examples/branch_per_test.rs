//! Tests beside each other, each on a branch of its own, which no other one sees and which is gone at the end.
//!
//!     cargo run -p offshoot --example branch_per_test -- STORE HOME SNAPSHOT
//!
//! In a project, `branches()` below stands in a module that all tests use, and each `fn` of `TESTS` is a `#[test]`. Images and
//! branches are kept in HOME, best on a file system that shares blocks. Without arguments it shows itself on a throwaway server.

use offshoot::testing::Branch;
use offshoot::{BranchPlace, Branches, CaptureOptions, Connection, Control, Environment, InitOptions, Store};
use offshoot_testkit::place;
use offshoot_testkit::postgres::{Server, ServerOptions};
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [store, home, snapshot] => run_all(Path::new(store), Path::new(home), snapshot),
        [] => by_itself(),
        _ => {
            eprintln!("usage: branch_per_test STORE HOME SNAPSHOT");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            if let Some(hint) = error.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

/// What a test gets is its branch, and what it does with it nobody else sees.
type Test = fn(&Branch);

const TESTS: [(&str, Test); 2] =
    [("everything can be deleted", everything_can_be_deleted), ("all rows are there", all_rows_are_there)];

fn everything_can_be_deleted(branch: &Branch) {
    assert_eq!(ask(branch, "DELETE FROM customer; SELECT count(*) FROM customer"), "0");
}

fn all_rows_are_there(branch: &Branch) {
    assert_ne!(ask(branch, "SELECT count(*) FROM customer"), "0");
}

/// The branches of a store, opened once for all tests of a program.
fn branches(store: &Path, home: &Path) -> offshoot::Result<Branches> {
    let search = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let runtime = std::env::temp_dir().join(format!("offshoot-tests-{}", std::process::id()));
    let place = BranchPlace { home: home.to_owned(), runtime, search, raw: true, ..BranchPlace::default() };
    Store::open(store)?.branches(place)
}

fn run_all(store: &Path, home: &Path, snapshot: &str) -> offshoot::Result<()> {
    let branches = &branches(store, home)?;
    std::thread::scope(|scope| {
        let begun = TESTS.map(|(name, test)| {
            scope.spawn(move || -> offshoot::Result<()> {
                let branch = Branch::of(branches, snapshot)?;
                test(&branch);
                println!("{name}: ok, on {}", branch.name());
                Ok(())
            })
        });
        begun.into_iter().try_for_each(|test| test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// What psql says, as a program of the tests would be told where to connect.
#[allow(clippy::expect_used)]
fn ask(branch: &Branch, sql: &str) -> String {
    let mut psql = Command::new("psql");
    psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]).envs(branch.variables());
    let output = psql.output().expect("psql");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The same on a throwaway server and in a temporary folder.
#[allow(clippy::expect_used)]
fn by_itself() -> offshoot::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = place::scratch_dir().expect("a folder for it");
    let folder = tempfile::tempdir_in(scratch).expect("a temporary folder");
    // Where this is root, the servers of branches run as another user.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).expect("its permissions");
    let server = Server::start(ServerOptions::new());
    server.createdb("shop", "");
    server.psql("shop", "CREATE TABLE customer AS SELECT i AS id FROM generate_series(1, 1000) i");
    let path = folder.path().join("store");
    let store = Store::init(&path, InitOptions { raw: true })?;
    let source = Connection::parse(&server.url("shop"), &Environment::empty())?;
    let options = CaptureOptions { name: Some("prod".to_owned()), ..CaptureOptions::default() };
    store.capture(&source, &options, &Control::default())?;
    run_all(&path, &folder.path().join("home"), "prod")
}
