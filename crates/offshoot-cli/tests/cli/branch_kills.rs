//! Killed at a system call while a branch is made, reset or deleted, or while what is left to the background is done: the next
//! command leaves no half branch, no server without a branch and no folder, and the same command succeeds.

use crate::checkouts::git;
use crate::hosted;
use crate::kills::{Random, Victim, has_strace};
use crate::nest::{Nest, psql};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::mysql;
use offshoot_testkit::postgres::{Binaries, Server, shared, shared_of};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

fn nest(server: &Server, name: &str) -> Nest {
    let db = server.fresh_db(name);
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let nest = Nest::of(server, &db);
    nest.done(&["image", "build", "--raw"]);
    nest
}

/// Kills a command at points that are drawn, or at all. `before` brings about what it works on; `look` looks.
fn kill(nest: &Nest, args: &[&str], few: usize, before: impl Fn(), look: impl Fn(&(String, u32))) {
    let args_owned = args.iter().map(|arg| (*arg).to_owned()).collect();
    let victim = Victim { session: &nest.session, args: args_owned, starts_servers: true };
    before();
    let points = victim.points();
    look(&("none".to_owned(), 0));
    let is_long = std::env::var_os("OFFSHOOT_LONG").is_some();
    let mut random = Random::seeded(&format!("kills of {args:?}"));
    let (mut tried, mut kills) = (0, 0);
    while if is_long { tried < points.len() } else { kills < few && tried < 10 * few } {
        let point = &points[if is_long { tried } else { random.below(points.len() as u64) as usize }];
        before();
        kills += usize::from(victim.kill_at(point));
        tried += 1;
        look(point);
    }
    println!("kills: {args:?}: {} points, {tried} tried, {kills} kills, half branches 0", points.len());
    assert!(kills >= few, "points are come to");
}

/// The servers of the branches that are listed, and no others.
#[track_caller]
fn in_order(nest: &Nest, server: &Server, at: &(String, u32)) {
    in_order_as(nest, at, |url| psql(server, url, "SELECT count(*) FROM t"));
}

/// The same on any server. `count` counts the 100 rows of a table at a URL.
#[track_caller]
fn in_order_as(nest: &Nest, at: &(String, u32), count: impl Fn(&str) -> String) {
    let list = nest.list();
    // A process that was begun in the background may have them in hand.
    for tried in 0.. {
        let (left, folders) = (nest.data_directories(), nest.folders().len());
        if (left, folders) == (list.len(), list.len()) {
            break;
        }
        assert!(tried < 600, "after {at:?}: {left} data directories in {folders} folders of {} branches", list.len());
        thread::sleep(Duration::from_millis(50));
        nest.list();
    }
    for branch in &list {
        let name = branch["name"].as_str().unwrap();
        assert!(["running", "down", "stopped"].contains(&branch["state"].as_str().unwrap()), "after {at:?}: {branch}");
        let url = nest.done(&["branch", "url", name]).stdout;
        assert_eq!(count(url.trim()), "100", "after {at:?}");
    }
    // A server that was told to end may take a moment.
    for tried in 0.. {
        let servers = nest.server_folders();
        if servers.len() == list.len() {
            break;
        }
        assert!(tried < 600, "after {at:?}: servers in {servers:?} for {} branches", list.len());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Where there are to be no spares any more. One that another process has in hand, or makes by what the configuration was before, is
/// left for the next time.
fn remove_spares(nest: &Nest) {
    for _ in 0..100 {
        nest.done(&["branch", "tend"]);
        if nest.data_directories() == nest.names().len() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn of_making_one() {
    if !has_strace("of_making_one") {
        return;
    }
    let server = shared();
    let nest = nest(server, "kill_create");
    let remove = || nest.delete_all();
    kill(&nest, &["branch", "create", "a", "--raw", "--quiet"], 6, remove, |at| {
        in_order(&nest, server, at);
        nest.have("a");
    });
}

#[test]
fn of_a_reset_and_a_delete() {
    if !has_strace("of_a_reset_and_a_delete") {
        return;
    }
    let server = shared();
    let nest = nest(server, "kill_reset");
    let make = || nest.have("a");
    kill(&nest, &["branch", "reset", "a", "--raw", "--quiet"], 4, make, |at| {
        in_order(&nest, server, at);
        assert_eq!(nest.names(), ["a"], "after {at:?}");
        nest.done(&["branch", "reset", "a", "--raw"]);
    });
    kill(&nest, &["branch", "delete", "a"], 4, make, |at| in_order(&nest, server, at));
}

#[test]
fn of_a_reset_from_a_spare_and_of_what_is_done_in_the_background() {
    if !has_strace("of_a_reset_from_a_spare_and_of_what_is_done_in_the_background") {
        return;
    }
    let server = shared();
    let nest = nest(server, "kill_tend");
    let spares = |count: usize| {
        let text = format!("[branch]\nfrom = 'prod'\nspares = {count}\nspares_started = false\n");
        std::fs::write(nest.session.dir().join("offshoot.toml"), text).unwrap();
        nest.done(&["branch", "tend"]);
    };
    let make = || {
        nest.have("a");
        spares(1);
        // The background of a command goes by the file, too.
        let text = "[branch]\nfrom = 'prod'\nspares = 0\nspares_started = false\n";
        std::fs::write(nest.session.dir().join("offshoot.toml"), text).unwrap();
    };
    let look = |at: &(String, u32)| {
        spares(0);
        remove_spares(&nest);
        in_order(&nest, server, at);
        assert_eq!(nest.names(), ["a"], "after {at:?}");
    };
    kill(&nest, &["branch", "reset", "a", "--raw", "--quiet"], 3, make, look);
    let reset = || {
        spares(0);
        nest.done(&["branch", "reset", "a", "--raw"]);
    };
    kill(&nest, &["branch", "tend"], 3, reset, look);
}

#[test]
fn of_a_stop_a_start_and_a_claim() {
    if !has_strace("of_a_stop_a_start_and_a_claim") {
        return;
    }
    let server = shared();
    let nest = nest(server, "kill_start");
    let config = nest.session.dir().join("offshoot.toml");
    let running = || {
        nest.have("a");
        nest.done(&["branch", "start", "a"]);
    };
    let stopped = || {
        running();
        nest.done(&["branch", "stop", "a"]);
    };
    let look = |at: &(String, u32)| in_order(&nest, server, at);
    kill(&nest, &["branch", "stop", "a"], 2, running, look);
    kill(&nest, &["branch", "start", "a"], 2, stopped, look);
    nest.done(&["branch", "delete", "a"]);
    // A spare that is claimed: whoever is killed leaves the spare, or the branch.
    let spare = || {
        nest.delete_all();
        std::fs::write(&config, "[branch]\nfrom = 'prod'\nspares = 1\nspares_started = true\n").unwrap();
        nest.done(&["branch", "tend"]);
        std::fs::write(&config, "[branch]\nfrom = 'prod'\nspares = 0\n").unwrap();
    };
    kill(&nest, &["branch", "create", "b", "--raw", "--quiet"], 2, spare, |at| {
        remove_spares(&nest);
        in_order(&nest, server, at);
    });
}

#[test]
fn of_a_branch_of_mysql() {
    if !has_strace("of_a_branch_of_mysql") {
        return;
    }
    let server = mysql::shared();
    let db = server.fresh_db("kill_branch");
    server.sql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT seq FROM seq_1_to_100");
    let nest = Nest::of_mysql(server, &db);
    nest.done(&["image", "build", "--raw"]);
    let count =
        |_: &str| nest.done(&["branch", "psql", "a", "-BNe", "SELECT count(*) FROM t"]).stdout.trim().to_owned();
    let look = |at: &(String, u32)| in_order_as(&nest, at, count);
    let remove = || nest.delete_all();
    let make = || nest.have("a");
    kill(&nest, &["branch", "create", "a", "--raw", "--quiet"], 3, remove, look);
    kill(&nest, &["branch", "reset", "a", "--raw", "--quiet"], 2, make, |at| {
        look(at);
        nest.done(&["branch", "reset", "a", "--raw"]);
    });
    kill(&nest, &["branch", "delete", "a"], 2, make, look);
    let stopped = || {
        make();
        nest.done(&["branch", "start", "a"]);
        nest.done(&["branch", "stop", "a"]);
    };
    let running = || {
        make();
        nest.done(&["branch", "start", "a"]);
    };
    kill(&nest, &["branch", "start", "a"], 2, stopped, look);
    kill(&nest, &["branch", "stop", "a"], 2, running, look);
    let config = nest.session.dir().join("offshoot.toml");
    let spare = || {
        remove();
        std::fs::write(&config, "[branch]\nfrom = 'prod'\nspares = 1\n").unwrap();
        nest.done(&["branch", "tend"]);
        std::fs::write(&config, "[branch]\nfrom = 'prod'\nspares = 0\n").unwrap();
    };
    kill(&nest, &["branch", "create", "a", "--raw", "--quiet"], 2, spare, |at| {
        remove_spares(&nest);
        look(at);
    });
}

#[test]
fn of_what_is_done_after_making_one() {
    if !has_strace("of_what_is_done_after_making_one") {
        return;
    }
    let server = shared();
    let nest = nest(server, "kill_hooks");
    std::fs::write(
        nest.session.dir().join("after.sql"),
        "SET synchronous_commit = on; CREATE TABLE hooked (n int); INSERT INTO hooked VALUES (1)",
    )
    .unwrap();
    let hooks = "[[branch.after]]\nsql = 'after.sql'\n[[branch.after]]\ncommand = 'true'\n";
    std::fs::write(nest.session.dir().join("offshoot.toml"), hooks).unwrap();
    let remove = || nest.delete_all();
    let make = || nest.have("a");
    // One that is there was hooked.
    let look = |at: &(String, u32)| in_order_as(&nest, at, |url| psql(server, url, "SELECT 99 + count(*) FROM hooked"));
    kill(&nest, &["branch", "create", "a", "--raw", "--quiet"], 3, remove, look);
    kill(&nest, &["branch", "reset", "a", "--raw", "--quiet"], 3, make, |at| {
        if nest.list()[0]["state"] == "half reset" {
            nest.done(&["branch", "reset", "a", "--raw"]);
        }
        look(at);
    });
}

#[test]
fn of_making_one_for_git() {
    if !has_strace("of_making_one_for_git") {
        return;
    }
    let server = shared();
    let nest = nest(server, "kill_git");
    git(&nest, &["init", "-q", "-b", "fix"]);
    git(&nest, &["commit", "-q", "--allow-empty", "-m", "one"]);
    nest.done(&["git", "install", "--raw"]);
    let remove = || nest.delete_all();
    // Whoever is killed leaves none that nobody knows of, and none that is in the way of its name.
    kill(&nest, &["git", "sync"], 5, remove, |at| {
        nest.done(&["git", "sync"]);
        assert_eq!(nest.names(), ["fix"], "after {at:?}");
        in_order(&nest, server, at);
    });
}

#[test]
fn of_removing_images() {
    if !has_strace("of_removing_images") {
        return;
    }
    let server = shared();
    let db = server.fresh_db("kill_image_gc");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let nest = Nest::of(server, &db);
    let images = || nest.done(&["--json", "image", "list"]).json()["images"].as_array().unwrap().len();
    let make = || {
        nest.done(&["image", "build", "--raw"]);
        server.psql(&db, "UPDATE t SET id = -id");
        nest.done(&["capture", &server.url(&db), "--name", "prod"]);
        nest.done(&["image", "build", "--raw"]);
    };
    kill(&nest, &["image", "gc"], 3, make, |at| {
        nest.done(&["image", "gc"]);
        assert_eq!(images(), 1, "after {at:?}");
        nest.create("a");
        in_order(&nest, server, at);
        nest.done(&["branch", "delete", "a"]);
    });
}

#[test]
fn of_a_database_of_a_shared_server() {
    let test = "of_a_database_of_a_shared_server";
    let Some(binaries) = Binaries::major_or_skip(18, test).filter(|_| has_strace(test)) else { return };
    let Some(disk) = LoopDisk::mount(Kind::Xfs, 600) else {
        println!("SKIPPED {test}: no XFS can be mounted here");
        return;
    };
    set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    let server = shared_of(&binaries);
    let db = server.fresh_db("kill_hosted");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let nest = hosted::nest(server, disk.path(), &db);
    // The image and the server that all are on are there: only the branch is made.
    nest.create("a");
    let make = || nest.have("a");
    let remove = || nest.delete_all();
    // A database for every branch and no other, each with a role of its name.
    let look = |at: &(String, u32)| {
        let halves = nest.list().into_iter().filter(|branch| branch["state"] == "half reset").count();
        assert_eq!(halves, 0, "after {at:?}");
        make();
        let url = nest.done(&["branch", "url", "a"]).stdout;
        // Those that every server has, the one that others are cloned from, and the branch's; folders as many.
        let asked = "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM pg_database WHERE datname LIKE 'branch\\_%'),
                            (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'branch\\_%'),
                            (SELECT count(*) FROM pg_database), (SELECT count(*) FROM pg_ls_dir('base') f WHERE f ~ '^[0-9]+$')";
        assert_eq!(psql(server, url.trim(), asked), "100|1|1|5|5", "after {at:?}");
        assert_eq!((nest.names().len(), nest.folders().len(), nest.server_folders().len()), (1, 2, 1), "after {at:?}");
    };
    kill(&nest, &["branch", "create", "a", "--raw", "--quiet"], 3, remove, look);
    kill(&nest, &["branch", "reset", "a", "--raw", "--quiet"], 3, make, look);
    kill(&nest, &["branch", "delete", "a"], 2, make, look);
}

#[test]
fn of_making_an_image() {
    if !has_strace("of_making_an_image") {
        return;
    }
    let server = shared();
    let nest = nest(server, "kill_image");
    let remove = || {
        nest.done(&["image", "gc"]);
        for image in nest.done(&["--json", "image", "list"]).json()["images"].as_array().unwrap() {
            let home = std::path::Path::new(nest.session.variables()[0].1.as_str());
            let stores = std::fs::read_dir(home).unwrap().flatten();
            for store in stores {
                let _absent = std::fs::remove_dir_all(store.path().join("images").join(image["key"].as_str().unwrap()));
            }
        }
    };
    kill(&nest, &["image", "build", "prod", "--raw", "--quiet"], 4, remove, |at| {
        nest.done(&["branch", "list"]);
        assert_eq!(nest.servers(), Vec::<u32>::new(), "after {at:?}: a server without an image");
        let url = nest.create("a");
        assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "100", "after {at:?}");
        nest.done(&["branch", "delete", "a"]);
    });
}
