//! The demo: a throwaway server, a small shop, and the commands that a user would type, with what they answer.
//!
//! It asks nothing, needs nothing but what `cargo xtask setup` installs, and leaves nothing: the server, its data and
//! the store are in one temporary folder. It fails, with the step that went wrong, if the copy is not equal.

use offshoot_testkit::fingerprint::try_fingerprint;
use offshoot_testkit::postgres::{Server, ServerOptions};
use offshoot_testkit::shop;
use std::error::Error;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
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
    // Servers of branches run as another user where this is root; what is in the folder stays closed to them.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
    let program = program()?;
    let in_folder = |name: &str| folder.path().join(name);
    let key = in_folder("key");
    let home = in_folder("home");
    let offshoot = |store: &str, server: &Server| Offshoot {
        program: program.clone(),
        store: in_folder(store),
        key: key.clone(),
        home: home.clone(),
        programs: server.binaries().dir().to_path_buf(),
    };
    say("A throwaway PostgreSQL with a small shop in it");
    let began = Instant::now();
    let server = Server::try_start(ServerOptions::new())?;
    for database in ["shop", "shop_copy", "shop_scrubbed"] {
        server.createdb(database, "");
    }
    shop::load(&server, "shop")?;
    println!("{}, about 60,000 rows, ready in {:.1} s", server.binaries().version(), began.elapsed().as_secs_f64());
    let (source, target) = (server.url("shop"), server.url("shop_copy"));

    say("A raw store: rows enter this one as they are");
    let raw = offshoot("raw", &server);
    raw.run(&["init", "--raw"])?;
    say("Capture");
    raw.run(&["capture", &source, "--name", "prod"])?;
    say("Restore into an empty database");
    raw.run(&["restore", "prod", "--to", &target])?;
    say("Are both equal? Once by SQL on both sides, once by offshoot");
    let (before, copy) = (try_fingerprint(&server, "shop")?, try_fingerprint(&server, "shop_copy")?);
    if before != copy {
        return Err("the copy differs from the shop".into());
    }
    println!(
        "equal: {} tables, sequences and large objects have the same digest on both sides",
        before.lines().count()
    );
    raw.run(&["verify", "prod", "--against", &target])?;
    say("A few rows change; the second capture stores what is new, and shares the rest");
    shop::change(&server, "shop")?;
    raw.run(&["capture", &source, "--name", "prod"])?;
    raw.run(&["log"])?;

    say(
        "Now without personal data: a policy, proposed by what is in the columns; a key; a store that takes no raw rows",
    );
    let offshoot = offshoot("store", &server);
    let policy = in_folder("offshoot.toml");
    offshoot.run(&["init"])?;
    offshoot.run(&["key", "new", text(&key)?])?;
    offshoot.run(&["scan", &source, "--out", text(&policy)?])?;
    say("Capture: rows are scrubbed before anything is stored, and all that is stored is searched for what was there");
    let capture = ["capture", &source, "--name", "prod", "--policy", text(&policy)?];
    // What customers wrote into orders is, word by word, also in reviews, tickets and documents.
    if offshoot.code(&capture)? != Some(4) {
        return Err("what the proposal overlooked was not found".into());
    }
    say("The proposal had overlooked three columns; nothing was published. Corrected as each line says:");
    let mut rules = std::fs::read_to_string(&policy)?;
    for (table, column, rule) in OVERLOOKED {
        println!("  {table}.{column} = \"{rule}\"");
        rules = corrected(&rules, table, column, rule)?;
    }
    std::fs::write(&policy, rules)?;
    offshoot.run(&capture)?;
    offshoot.run(&["receipt", "prod", "--check", "--html", text(&in_folder("receipt.html"))?])?;
    say("Restore, and one row before and after");
    offshoot.run(&["restore", "prod", "--to", &server.url("shop_scrubbed")])?;
    for (database, when) in [("shop", "before"), ("shop_scrubbed", "after")] {
        println!("{when:<7} {}", server.try_psql(database, shop::ONE_PERSON)?.trim());
    }
    say("A branch: a server of its own on a copy of all that, for one developer, for an hour");
    offshoot.run(&["image", "build", "prod"])?;
    offshoot.run(&["branch", "create", "fix-4711", "--ttl", "1h"])?;
    let branch = |sql: &str| offshoot.run(&["branch", "psql", "fix-4711", "-XAtqc", sql]);
    say("An experiment, which nobody else sees; and back to the beginning");
    branch("DELETE FROM shop.review; SELECT count(*) || ' reviews are left' FROM shop.review")?;
    offshoot.run(&["branch", "reset", "fix-4711"])?;
    branch("SELECT count(*) || ' reviews are back' FROM shop.review")?;
    branch(shop::ONE_PERSON)?;
    offshoot.run(&["branch", "list"])?;
    offshoot.run(&["branch", "delete", "fix-4711"])?;
    say("Done. Nothing is left behind");
    Ok(())
}

/// Columns that a look at names and some rows takes for harmless.
const OVERLOOKED: [(&str, &str, &str); 3] =
    [("shop.review", "title", "words"), ("shop.ticket", "body", "words"), ("shop.document", "extra", "json")];

/// A policy with another rule for a column.
fn corrected(policy: &str, table: &str, column: &str, rule: &str) -> Result<String, Box<dyn Error>> {
    let part = format!("[scrub.tables.\"{table}\"]");
    let (before, rest) = policy.split_once(&part).ok_or("the policy lacks a table")?;
    let is_it = |line: &&str| line.starts_with(&format!("{column} = "));
    let line = rest.lines().find(is_it).ok_or("the policy lacks a column")?;
    Ok(format!("{before}{part}{}", rest.replacen(line, &format!("{column} = \"{rule}\""), 1)))
}

/// The command, as a user would call it.
struct Offshoot {
    program: PathBuf,
    store: PathBuf,
    key: PathBuf,
    home: PathBuf,
    programs: PathBuf,
}

impl Drop for Offshoot {
    fn drop(&mut self) {
        // Where a step failed, a branch may be left, whose server would go on.
        let _absent = self.command(&["--quiet", "branch", "delete", "fix-4711"]).stderr(Stdio::null()).output();
    }
}

impl Offshoot {
    fn run(&self, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
        // 3: done, and what could not be carried was named.
        match self.code(arguments)? {
            Some(0 | 3) => Ok(()),
            code => Err(format!("`offshoot {}` ended with {code:?}", arguments.first().unwrap_or(&"")).into()),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("OFFSHOOT_STORE", &self.store).env("OFFSHOOT_KEY_FILE", &self.key).args(arguments);
        command.env("OFFSHOOT_HOME", &self.home).env("OFFSHOOT_PG_BIN", &self.programs);
        command
    }

    fn code(&self, arguments: &[&str]) -> Result<Option<i32>, Box<dyn Error>> {
        println!("\n$ offshoot {}", arguments.join(" "));
        let began = Instant::now();
        let status = self.command(arguments).status()?;
        println!("({:.2} s)", began.elapsed().as_secs_f64());
        Ok(status.code())
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

fn text(path: &Path) -> Result<&str, Box<dyn Error>> {
    path.to_str().ok_or_else(|| "the temporary folder has a name that is not UTF-8".into())
}

fn say(text: &str) {
    println!("\n== {text}");
}
