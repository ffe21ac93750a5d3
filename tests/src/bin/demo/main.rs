//! The demo: a throwaway server, a small shop, and the commands that a user would type, with what they answer.
//!
//! It asks nothing, needs nothing but what `cargo xtask setup` installs, and leaves nothing: the server, its data and
//! the store are in one temporary folder. It fails, with the step that went wrong, if the copy is not equal. `--engine
//! mariadb` or `mysql` shows the same on a server of that kind.

mod mysql;
mod postgres;

use std::error::Error;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A server with the shop in it, and what differs from engine to engine.
trait Shop {
    fn version(&self) -> String;
    /// The folder of the server's programs, and the variable that names it.
    fn programs(&self) -> (&'static str, PathBuf);
    fn url(&self, database: &str) -> String;
    /// A digest of every table, by SQL.
    fn fingerprint(&self, database: &str) -> Result<String>;
    /// Changes a few rows.
    fn change(&self, database: &str) -> Result<()>;
    /// One of its customers.
    fn one_person(&self, database: &str) -> Result<String>;
    /// Columns that a look at names and some rows takes for harmless, with the rule that each wants.
    fn overlooked(&self) -> &'static [(&'static str, &'static str, &'static str)];
    /// What the client in a branch is told, for all reviews to be deleted, and for them to be counted.
    fn deletion(&self) -> Vec<String>;
    fn count(&self) -> Vec<String>;
    fn shown_person(&self) -> Vec<String>;
}

fn demo() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Servers of branches run as another user where this is root; what is in the folder stays closed to them.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
    let engine = std::env::args().skip_while(|argument| argument != "--engine").nth(1);
    say("A throwaway server with a small shop in it");
    let began = Instant::now();
    let shop: Box<dyn Shop> = match engine.as_deref() {
        None | Some("postgres") => Box::new(postgres::Postgres::start()?),
        Some("mariadb") => Box::new(mysql::Mysql::of_mariadb()?),
        Some("mysql") => Box::new(mysql::Mysql::of_mysql()?),
        Some(other) => return Err(format!("there is no engine {other}: postgres, mariadb or mysql").into()),
    };
    println!("{}, ready in {:.1} s", shop.version(), began.elapsed().as_secs_f64());
    let program = program()?;
    let in_folder = |name: &str| folder.path().join(name);
    let key = in_folder("key");
    let offshoot = |store: &str| Offshoot {
        program: program.clone(),
        store: in_folder(store),
        key: key.clone(),
        home: in_folder("home"),
        programs: shop.programs(),
    };
    copy(&*shop, &offshoot("raw"))?;
    scrub(&*shop, &offshoot("store"), folder.path())?;
    let (url, took) = branch(&*shop, &offshoot("store"))?;
    wait_for_background(&in_folder("home"));
    say("Done. The scrubbed branch, while it was there, and what it took to make it:");
    println!("{url}  {:.2} s\nNothing is left behind", took.as_secs_f64());
    Ok(())
}

/// Waits for what commands left to the background, which would make folders anew while they are removed.
fn wait_for_background(home: &Path) {
    let home = [b"OFFSHOOT_HOME=", home.as_os_str().as_encoded_bytes()].concat();
    let is_ours = |entry: std::fs::DirEntry| {
        let variables = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        variables.split(|&byte| byte == 0).any(|variable| variable == home)
    };
    let began = Instant::now();
    while std::fs::read_dir("/proc").into_iter().flatten().flatten().any(is_ours) && began.elapsed().as_secs() < 20 {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Everything there and back, as it is.
fn copy(shop: &dyn Shop, raw: &Offshoot) -> Result<()> {
    let (source, target) = (shop.url("shop"), shop.url("shop_copy"));
    say("A raw store: rows enter this one as they are");
    raw.run(&["init", "--raw"])?;
    say("Capture");
    raw.run(&["capture", &source, "--name", "prod"])?;
    say("Restore into an empty database");
    raw.run(&["restore", "prod", "--to", &target])?;
    say("Are both equal? Once by SQL on both sides, once by offshoot");
    let (before, copy) = (shop.fingerprint("shop")?, shop.fingerprint("shop_copy")?);
    if before != copy {
        return Err("the copy differs from the shop".into());
    }
    println!("equal: {} digests of tables and what else holds data agree", before.lines().count());
    raw.run(&["verify", "prod", "--against", &target])?;
    say("A few rows change; the second capture stores what is new, and shares the rest");
    shop.change("shop")?;
    raw.run(&["capture", &source, "--name", "prod"])?;
    raw.run(&["log"])
}

/// The same without personal data.
fn scrub(shop: &dyn Shop, offshoot: &Offshoot, folder: &Path) -> Result<()> {
    say(
        "Now without personal data: a policy, proposed by what is in the columns; a key; a store that takes no raw rows",
    );
    let source = shop.url("shop");
    let (policy, receipt) = (folder.join("offshoot.toml"), folder.join("receipt.html"));
    offshoot.run(&["init"])?;
    offshoot.run(&["key", "new", text(&offshoot.key)?])?;
    offshoot.run(&["scan", &source, "--out", text(&policy)?])?;
    say("Capture: rows are scrubbed before anything is stored, and all that is stored is searched for what was there");
    let capture = ["capture", &source, "--name", "prod", "--policy", text(&policy)?];
    // What customers wrote in one place is, word by word, also in others.
    if offshoot.code(&capture)? != Some(4) {
        return Err("what the proposal overlooked was not found".into());
    }
    say("The proposal had overlooked something; nothing was published. Corrected as each line says:");
    let mut rules = std::fs::read_to_string(&policy)?;
    for (table, column, rule) in shop.overlooked() {
        println!("  {table}.{column} = \"{rule}\"");
        rules = corrected(&rules, table, column, rule)?;
    }
    std::fs::write(&policy, rules)?;
    offshoot.run(&capture)?;
    offshoot.run(&["receipt", "prod", "--check", "--html", text(&receipt)?])?;
    say("Restore, and one row before and after");
    offshoot.run(&["restore", "prod", "--to", &shop.url("shop_scrubbed")])?;
    for (database, when) in [("shop", "before"), ("shop_scrubbed", "after")] {
        println!("{when:<7} {}", shop.one_person(database)?.trim());
    }
    Ok(())
}

/// A branch of it, an experiment, and back. Gives the URL and what making it took.
fn branch(shop: &dyn Shop, offshoot: &Offshoot) -> Result<(String, Duration)> {
    say("A branch: a server of its own on a copy of all that, for one developer, for an hour");
    offshoot.run(&["image", "build", "prod"])?;
    let began = Instant::now();
    offshoot.run(&["branch", "create", "fix-4711", "--ttl", "1h"])?;
    let took = began.elapsed();
    let client = |arguments: Vec<String>| {
        let words = ["branch", "client", "fix-4711"].into_iter().chain(arguments.iter().map(String::as_str));
        offshoot.run(&words.collect::<Vec<_>>())
    };
    say("An experiment, which nobody else sees; and back to the beginning");
    client(shop.deletion())?;
    offshoot.run(&["branch", "reset", "fix-4711"])?;
    client(shop.count())?;
    client(shop.shown_person())?;
    offshoot.run(&["branch", "list"])?;
    let url = offshoot.command(&["branch", "url", "fix-4711"]).output()?.stdout;
    offshoot.run(&["branch", "delete", "fix-4711"])?;
    Ok((String::from_utf8(url)?.trim().to_owned(), took))
}

/// A policy with another rule for a column.
fn corrected(policy: &str, table: &str, column: &str, rule: &str) -> Result<String> {
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
    programs: (&'static str, PathBuf),
}

impl Drop for Offshoot {
    fn drop(&mut self) {
        // Where a step failed, a branch may be left, whose server would go on.
        let _absent = self.command(&["--quiet", "branch", "delete", "fix-4711"]).stderr(Stdio::null()).output();
    }
}

/// Longest path of a folder of sockets: systems allow some hundred bytes with what is in it.
const SOCKETS_BYTES_MAX: usize = 60;

impl Offshoot {
    fn run(&self, arguments: &[&str]) -> Result<()> {
        // 3: done, and what could not be carried was named.
        match self.code(arguments)? {
            Some(0 | 3) => Ok(()),
            code => Err(format!("`offshoot {}` ended with {code:?}", arguments.first().unwrap_or(&"")).into()),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("OFFSHOOT_STORE", &self.store).env("OFFSHOOT_KEY_FILE", &self.key).args(arguments);
        command.env("OFFSHOOT_HOME", &self.home).env(self.programs.0, &self.programs.1);
        // Sockets want a short path; where the folder's is none, they are where they are of everybody.
        let sockets = self.home.with_file_name("run");
        if sockets.as_os_str().len() <= SOCKETS_BYTES_MAX {
            command.env("OFFSHOOT_RUNTIME", sockets);
        }
        command
    }

    fn code(&self, arguments: &[&str]) -> Result<Option<i32>> {
        println!("\n$ offshoot {}", arguments.join(" "));
        let began = Instant::now();
        let status = self.command(arguments).status()?;
        println!("({:.2} s)", began.elapsed().as_secs_f64());
        Ok(status.code())
    }
}

/// The command beside this program.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("offshoot");
    if program.is_file() {
        return Ok(program);
    }
    Err("the command is not built. Run the demo by `cargo xtask demo`".into())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| "the temporary folder has a name that is not UTF-8".into())
}

fn say(text: &str) {
    println!("\n== {text}");
}
