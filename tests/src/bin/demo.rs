//! The demo: a throwaway server, a small shop, and the commands that a user would type, with what they answer.
//!
//! It asks nothing, needs nothing but what `cargo xtask setup` installs, and leaves nothing: the server, its data and
//! the store are in one temporary folder. It fails, with the step that went wrong, if the copy is not equal.

use offshoot_testkit::fingerprint::try_fingerprint;
use offshoot_testkit::postgres::{Server, ServerOptions};
use offshoot_testkit::shop;
use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

fn main() -> ExitCode {
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let offshoot = Offshoot { program: program()?, store: folder.path().join("store") };
    say("A throwaway PostgreSQL with a small shop in it");
    let began = Instant::now();
    let server = Server::try_start(ServerOptions::new())?;
    for database in ["shop", "shop_copy"] {
        server.createdb(database, "");
    }
    shop::load(&server, "shop")?;
    println!("{}, about 60,000 rows, ready in {:.1} s", server.binaries().version(), began.elapsed().as_secs_f64());
    let (source, target) = (server.url("shop"), server.url("shop_copy"));

    say("A store. Rows enter this one as they are; scrubbing them on the way in is next on the roadmap");
    offshoot.run(&["init", "--raw"])?;
    say("Capture");
    offshoot.run(&["capture", &source, "--name", "prod"])?;
    say("Restore into an empty database");
    offshoot.run(&["restore", "prod", "--to", &target])?;
    say("Are both equal? Once by SQL on both sides, once by offshoot");
    let (before, copy) = (try_fingerprint(&server, "shop")?, try_fingerprint(&server, "shop_copy")?);
    if before != copy {
        return Err("the copy differs from the shop".into());
    }
    println!(
        "equal: {} tables, sequences and large objects have the same digest on both sides",
        before.lines().count()
    );
    offshoot.run(&["verify", "prod", "--against", &target])?;
    say("A few rows change; the second capture stores what is new, and shares the rest");
    shop::change(&server, "shop")?;
    offshoot.run(&["capture", &source, "--name", "prod"])?;
    offshoot.run(&["log"])?;
    say("Done. Nothing is left behind");
    Ok(())
}

/// The command, as a user would call it.
struct Offshoot {
    program: PathBuf,
    store: PathBuf,
}

impl Offshoot {
    fn run(&self, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
        println!("\n$ offshoot {}", arguments.join(" "));
        let began = Instant::now();
        let status = Command::new(&self.program).env("OFFSHOOT_STORE", &self.store).args(arguments).status()?;
        println!("({:.2} s)", began.elapsed().as_secs_f64());
        // 3: done, and what could not be carried was named.
        if matches!(status.code(), Some(0 | 3)) {
            return Ok(());
        }
        Err(format!("`offshoot {}` ended with {status}", arguments.first().unwrap_or(&"")).into())
    }
}

/// The command beside this program.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let program = std::env::current_exe()?.with_file_name("offshoot");
    if program.is_file() {
        return Ok(program);
    }
    Err("the command is not built. Run the demo by `cargo xtask demo`".into())
}

fn say(text: &str) {
    println!("\n== {text}");
}
