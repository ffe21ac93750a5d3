//! Captures one database and restores it into another, empty one; then shows what a second capture shares.
//!
//!     cargo run -p offshoot --example capture_restore -- STORE SOURCE_URL TARGET_URL
//!
//! The store is made if there is none. It takes rows as they are at the source, so guard it like the source. Without
//! arguments it shows itself on a throwaway server, which is how the project's tests run it.

use offshoot::{CaptureOptions, Connection, Control, Environment, Event, InitOptions, RestoreOptions, Store, amounts};
use offshoot_testkit::postgres::{Server, ServerOptions};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [store, source, target] => run(Path::new(store), source, target),
        [] => by_itself(),
        _ => {
            eprintln!("usage: capture_restore STORE SOURCE_URL TARGET_URL");
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

/// The same on a throwaway server and in a temporary folder.
#[allow(clippy::expect_used)]
fn by_itself() -> offshoot::Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(ServerOptions::new());
    server.createdb("shop", "");
    server.createdb("shop_copy", "");
    server.psql(
        "shop",
        "CREATE TABLE customer AS SELECT i AS id, 'customer ' || i AS name FROM generate_series(1, 10000) i",
    );
    run(&folder.path().join("store"), &server.url("shop"), &server.url("shop_copy"))
}

fn run(path: &Path, source: &str, target: &str) -> offshoot::Result<()> {
    // The library reads no environment by itself; this gives it what psql would look at.
    let home = std::env::var_os("HOME").map(Into::into);
    let environment = Environment::new(std::env::vars_os(), home, std::env::var("USER").ok());
    let source = Connection::parse(source, &environment)?;
    let target = Connection::parse(target, &environment)?;
    let store =
        if path.join("config").exists() { Store::open(path)? } else { Store::init(path, InitOptions { raw: true })? };
    // Events come from several threads; `control.cancel()` from any thread ends the operation.
    let control = Control::new(|event| {
        if let Event::Step { name } = event {
            eprintln!("  {name}");
        }
    });

    let options = CaptureOptions { name: Some("example".to_owned()), ..CaptureOptions::default() };
    let first = store.capture(&source, &options, &control)?;
    println!("captured {} rows as {}", amounts::count(first.manifest.stats.rows), first.snapshot);

    let plan = store.plan_restore("example", &target, &RestoreOptions::default())?;
    println!("{plan}");
    let restored = plan.apply(&control)?;
    println!("restored {} rows into {}", amounts::count(restored.rows), target.redacted());

    let second = store.capture(&source, &options, &control)?;
    let added = amounts::bytes(second.manifest.stats.added_bytes);
    println!("a second capture added {added} and shared {}", amounts::percent(second.reused_share()));
    Ok(())
}
