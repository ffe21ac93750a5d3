//! Killed at a system call: whatever a command was about to ask of the system when it died, the store opens, is sound and
//! holds every snapshot that was acknowledged, no half one, and the same command run again succeeds.
//!
//! Strategy: a run under strace counts the calls of every kind in every thread; each is a point, "before the Nth call of
//! this kind in some thread". strace kills there. A few points are drawn, all of them are taken with OFFSHOOT_LONG.

use crate::session::{Ran, Session};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Server, shared};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Numbers from a seed that is printed; OFFSHOOT_SEED repeats them.
pub struct Random(u64);

impl Random {
    pub fn seeded(what: &str) -> Self {
        let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let given = std::env::var("OFFSHOOT_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(clock);
        println!("{what}: OFFSHOOT_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A command that is killed, in a store that is put back before each time.
pub struct Victim<'v> {
    pub session: &'v Session,
    pub args: Vec<String>,
    /// Whether programs that it starts are left alone: servers go on when it has ended, and strace would wait for them.
    pub starts_servers: bool,
}

impl Victim<'_> {
    fn strace(&self, out: &Path, options: &[String]) -> Command {
        let mut command = Command::new("strace");
        command.args(if self.starts_servers { ["-f", "-b", "execve"].as_slice() } else { &["-f"] });
        command.args(["-qq", "-o"]).arg(out).args(options).arg(env!("CARGO_BIN_EXE_offshoot")).args(&self.args);
        command.current_dir(self.session.dir()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("HOME", self.session.dir());
        for (name, value) in self.session.variables() {
            command.env(name, value);
        }
        command
    }

    /// Every call by its name and number, from a run to the end.
    pub fn points(&self) -> Vec<(String, u32)> {
        let log = self.session.dir().join("calls");
        assert!(self.strace(&log, &[]).status().unwrap().success(), "it runs when nobody kills it");
        let (mut calls, mut own, mut others) = (HashMap::<(String, String), u32>::new(), None, HashSet::new());
        for line in std::fs::read_to_string(&log).unwrap().lines() {
            let mut words = line.splitn(2, ' ');
            let (Some(thread), Some(call)) = (words.next(), words.next()) else { continue };
            let name = call.trim_start().split('(').next().unwrap_or_default();
            // The rest are signals, ends of threads, and second halves of calls.
            if call.contains('(')
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                let own = own.get_or_insert_with(|| thread.to_owned());
                if name == "execve" && own != thread {
                    others.insert(thread.to_owned());
                }
                *calls.entry((thread.to_owned(), name.to_owned())).or_default() += 1;
            }
        }
        let mut most: BTreeMap<String, u32> = BTreeMap::new();
        for ((thread, name), count) in calls {
            // Before the first execve there is no command yet, after another one it is pg_dump.
            if name != "execve" && !others.contains(&thread) {
                let known = most.entry(name).or_default();
                *known = count.max(*known);
            }
        }
        most.into_iter().flat_map(|(name, count)| (1..=count).map(move |nth| (name.clone(), nth))).collect()
    }

    /// True if it was killed; false if it came to its end before.
    pub fn kill_at(&self, (call, nth): &(String, u32)) -> bool {
        let options = [format!("--trace={call}"), format!("--inject={call}:signal=KILL:when={nth}")];
        let status = self.strace(Path::new("/dev/null"), &options).status().unwrap();
        // 1 is that of a capture whose pg_dump was killed in its place.
        assert!(status.signal() == Some(9) || [Some(0), Some(1)].contains(&status.code()), "{call} {nth}: {status}");
        status.signal() == Some(9)
    }
}

/// Kills `args` at a few points, or at all, each time in a store like this one, and looks at what is left.
fn kill(session: &Session, args: &[&str], few: usize, look: impl Fn(&(String, u32))) {
    let name = args[0];
    let (store, kept) = (session.dir().join(".offshoot"), session.dir().join("kept"));
    copy(&store, &kept);
    let victim = Victim { session, args: args.iter().map(|arg| (*arg).to_owned()).collect(), starts_servers: false };
    let points = victim.points();
    look(&("none".to_owned(), 0));
    let is_long = std::env::var_os("OFFSHOOT_LONG").is_some();
    let mut random = Random::seeded(&format!("kills of {name}"));
    let (mut tried, mut kills) = (0, 0);
    while if is_long { tried < points.len() } else { kills < few && tried < 10 * few } {
        let point = &points[if is_long { tried } else { random.below(points.len() as u64) as usize }];
        copy(&kept, &store);
        kills += usize::from(victim.kill_at(point));
        tried += 1;
        look(point);
    }
    copy(&kept, &store);
    // How often threads wait and read differs from run to run: some points are not come to.
    println!("kills: {name}: {} points, {tried} tried, {kills} kills, lost 0", points.len());
    assert!(kills >= few, "points are come to");
}

fn copy(from: &Path, to: &Path) {
    let _absent = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

pub fn has_strace(test: &str) -> bool {
    let mut traced = Command::new("strace");
    traced.args(["-f", "-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    let works = traced.status().is_ok_and(|status| status.success());
    if !works {
        println!("SKIPPED {test}: strace is not here, or may not trace");
    }
    works
}

/// A store with the acknowledged snapshot `base`, and the database that changed since.
fn prepared(server: &Server, name: &str) -> (Session, String) {
    let db = server.fresh_db(name);
    server.psql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 3000) n;
         CREATE TABLE u (k uuid PRIMARY KEY, big text); INSERT INTO u SELECT md5(n::text)::uuid, repeat(md5(n::text), 9000)
             FROM generate_series(1, 3) n; CREATE INDEX ON t (v)",
    );
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    done(&session, &["capture", &server.url(&db), "--name", "base"]);
    server.psql(
        &db,
        "UPDATE t SET v = 'x' || v WHERE id > 2000; INSERT INTO u SELECT md5('n')::uuid, repeat(md5('n'), 9000)",
    );
    (session, db)
}

#[track_caller]
fn done(session: &Session, args: &[&str]) -> Ran {
    let ran = session.quietly(args);
    assert_eq!(ran.code, Some(0), "{args:?}: {}{}", ran.stdout, ran.stderr);
    ran
}

/// The store is sound. Says how many snapshots it holds.
fn sound(session: &Session, at: &(String, u32)) -> u64 {
    let verified = session.quietly(&["--json", "verify"]);
    assert_eq!(verified.code, Some(0), "after {at:?}: {}{}", verified.stdout, verified.stderr);
    verified.json()["snapshots"].as_u64().unwrap()
}

fn id(session: &Session, name: &str) -> String {
    done(session, &["--json", "show", name]).json()["snapshot"].as_str().unwrap().to_owned()
}

#[test]
fn of_a_capture() {
    if !has_strace("of_a_capture") {
        return;
    }
    let server = shared();
    let (session, db) = prepared(server, "kill_capture");
    let (url, base) = (server.url(&db), id(&session, "base"));
    kill(&session, &["capture", &url, "--name", "next"], 6, |at| {
        let snapshots = sound(&session, at);
        assert_eq!(id(&session, "base"), base, "after {at:?}");
        // Killed after it was published and before it said so, it is there, and whole.
        let is_there = session.quietly(&["show", "next"]).code == Some(0);
        assert!(snapshots == 1 + u64::from(is_there) || snapshots == 2, "after {at:?}");
        done(&session, &["capture", &url, "--name", "next"]);
        sound(&session, at);
    });
}

#[test]
fn of_a_restore() {
    if !has_strace("of_a_restore") {
        return;
    }
    let server = shared();
    let (session, db) = prepared(server, "kill_restore");
    done(&session, &["capture", &server.url(&db), "--name", "base"]);
    let wanted = fingerprint(server, &db);
    let target = "kill_restore_target";
    server.createdb(target, "TEMPLATE template0");
    kill(&session, &["restore", "base", "--to", &server.url(target)], 4, |at| {
        sound(&session, at);
        let again = session.quietly(&["restore", "base", "--to", &server.url(target)]);
        // It was through, and only had not said so.
        let is_complete = again.code == Some(4) && again.stderr.contains("is not empty");
        assert!(again.code == Some(0) || is_complete, "after {at:?}: {}", again.stderr);
        assert_eq!(fingerprint(server, target), wanted, "after {at:?}");
        server.psql("postgres", &format!("DROP DATABASE {target} (FORCE)"));
        server.createdb(target, "TEMPLATE template0");
    });
}

#[test]
fn of_a_gc_and_a_forget() {
    if !has_strace("of_a_gc_and_a_forget") {
        return;
    }
    let server = shared();
    let (session, db) = prepared(server, "kill_gc");
    let (url, base) = (server.url(&db), id(&session, "base"));
    done(&session, &["capture", &url, "--name", "first"]);
    server.psql(&db, "UPDATE t SET v = 'y' || v WHERE id < 1000");
    done(&session, &["capture", &url, "--name", "second"]);
    // The packs of the one are condemned, those of the other will be: gc has all its steps to do.
    done(&session, &["forget", "first"]);
    done(&session, &["gc", "--grace", "0s"]);
    kill(&session, &["forget", "second"], 2, |at| {
        sound(&session, at);
        assert_eq!(id(&session, "base"), base, "after {at:?}");
        let again = session.quietly(&["forget", "second"]);
        assert!(
            again.code == Some(0) || again.stderr.contains("there is no snapshot second"),
            "after {at:?}: {}",
            again.stderr
        );
        sound(&session, at);
    });
    done(&session, &["forget", "second"]);
    kill(&session, &["gc", "--grace", "0s"], 4, |at| {
        assert_eq!(sound(&session, at), 1, "after {at:?}");
        // The first of them is told by the lease of the one that died that it did.
        for _ in 0..3 {
            done(&session, &["gc", "--grace", "0s"]);
        }
        assert_eq!(sound(&session, at), 1, "after {at:?}");
        assert_eq!(id(&session, "base"), base, "after {at:?}");
        done(&session, &["--json", "verify", "base"]);
    });
}
