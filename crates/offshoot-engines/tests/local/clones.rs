//! Databases that are cloned in a server (PostgreSQL 18): what comes with a clone, what takes another's place, what goes.

use crate::place::{Place, psql, try_psql};
use offshoot_restore::server::{Secret, Site};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::postgres::Binaries;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A server with a database `shop` that is closed for cloning, and a disk under it; none where that cannot be had.
fn place(test: &str, made: &[&str]) -> Option<(LoopDisk, Place)> {
    let binaries = Binaries::major_or_skip(18, test)?;
    let disk = LoopDisk::mount(Kind::Xfs, 600)?;
    set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    let place = Place::below(&binaries, disk.path());
    place.start();
    place.psql("postgres", "CREATE DATABASE shop");
    made.iter().for_each(|sql| drop(place.psql("shop", sql)));
    place.server.make_template(&place.site, "shop").unwrap();
    Some((disk, place))
}

fn password() -> Secret {
    Secret::new("correct horse".to_owned())
}

fn clone(place: &Place, database: &str, role: &str) -> String {
    place.server.clone_database(&place.site, "shop", database, role, &password()).unwrap();
    url(place, database, role)
}

fn url(place: &Place, database: &str, role: &str) -> String {
    place.server.access(&place.site, database, Some(role), &password()).url.expose().to_owned()
}

/// What a drop of these databases and their role leaves: databases and roles that are not the server's own.
fn dropped(place: &Place, databases: &[&str], role: Option<&str>) -> String {
    let names: Vec<String> = databases.iter().map(|name| (*name).to_owned()).collect();
    place.server.drop_databases(&place.site, &names, role).unwrap();
    let sql = "SELECT (SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE oid >= 16384),
                      (SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE oid >= 16384)";
    place.psql("postgres", sql)
}

#[test]
fn a_clone_has_the_settings_and_privileges_of_its_template() {
    let made = [
        "CREATE ROLE \"the app\"; CREATE ROLE guest",
        "ALTER DATABASE shop SET search_path = '$user', public, 'Odd, one', ''",
        "ALTER DATABASE shop SET statement_timeout = '7s'",
        "ALTER DATABASE shop SET my.words = 'it''s \\ \"; DROP ROLE guest'",
        "ALTER ROLE \"the app\" IN DATABASE shop SET search_path = ''",
        "ALTER ROLE \"the app\" IN DATABASE shop SET work_mem = '5MB'",
        "REVOKE ALL ON DATABASE shop FROM PUBLIC; GRANT CREATE ON DATABASE shop TO \"the app\" WITH GRANT OPTION",
        "GRANT TEMPORARY ON DATABASE shop TO guest",
    ];
    let Some((_disk, place)) = place("a_clone_has_the_settings_and_privileges_of_its_template", &made) else { return };
    let url = clone(&place, "branch_1", "branch_1");
    let told = |database: &str| {
        let sql = "SELECT r.rolname, s.setconfig FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
                   WHERE s.setdatabase = d.oid ORDER BY 1";
        let acl = "SELECT a.* FROM aclexplode(d.datacl) a ORDER BY 1, 2, 3";
        let all = format!(
            "SELECT ARRAY(SELECT s::text FROM ({sql}) s), ARRAY(SELECT a::text FROM ({acl}) a) FROM pg_database d
             WHERE datname = '{database}'"
        );
        place.psql("postgres", &all)
    };
    let (of_shop, of_clone) = (told("shop"), told("branch_1"));
    assert_eq!(of_shop.matches("search_path").count(), 2, "{of_shop}");
    assert_eq!(of_clone, of_shop);
    assert_eq!(psql(&url, "SHOW search_path; SHOW statement_timeout"), "\"$user\", public, \"Odd, one\", \"\"\n7s");
    // What nobody was given says no more than that nobody else comes in.
    psql(&url, "CREATE DATABASE plain");
    assert_eq!(dropped(&place, &["branch_1"], Some("branch_1")), "shop|guest,the app");
}

#[test]
fn what_belongs_to_a_user_goes_with_him() {
    let Some((_disk, place)) = place("what_belongs_to_a_user_goes_with_him", &["CREATE TABLE t (x int)"]) else {
        return;
    };
    let (one, other) = (clone(&place, "branch_1", "branch_1"), clone(&place, "branch_2", "branch_2"));
    psql(&one, "CREATE DATABASE test_1 IS_TEMPLATE true");
    // Rights in another one's database, which would keep a role from going.
    psql(&other, "GRANT SELECT ON t TO branch_1");
    assert_eq!(dropped(&place, &["branch_1"], Some("branch_1")), "branch_2,shop|branch_1,branch_2");
    assert!(try_psql(&url(&place, "branch_2", "branch_1"), "SELECT 1").is_err(), "it lets nobody in");
    assert_eq!(dropped(&place, &["branch_2"], Some("branch_2")), "shop|branch_1");
    assert_eq!(dropped(&place, &["branch_1", "none"], Some("branch_1")), "shop|");
}

/// Comes in and asks, again and again.
fn crowd(url: &str, goes_on: &AtomicBool) -> usize {
    let mut asked = 0;
    while goes_on.load(Ordering::Relaxed) {
        // It may be sent out at any moment.
        asked += usize::from(try_psql(url, "SELECT count(*) FROM t, pg_sleep(0.01)").is_ok());
    }
    asked
}

#[test]
fn one_takes_the_place_of_another_whoever_is_in_it() {
    let test = "one_takes_the_place_of_another_whoever_is_in_it";
    let Some((_disk, place)) = place(test, &["CREATE TABLE t (x int)"]) else { return };
    let url = clone(&place, "branch_1", "branch_1");
    let goes_on = AtomicBool::new(true);
    let swap = |site: &Site| place.server.swap_databases(site, "branch_1_2", "branch_1", "branch_1_1");
    thread::scope(|scope| {
        let crowds: Vec<_> = (0..4).map(|_| scope.spawn(|| crowd(&url, &goes_on))).collect();
        for round in 0..3 {
            psql(&url, &format!("CREATE TABLE mine{round} (x int)"));
            place.server.clone_database(&place.site, "shop", "branch_1_2", "branch_1", &password()).unwrap();
            swap(&place.site).unwrap();
            assert_eq!(psql(&url, "SELECT count(*) FROM pg_class WHERE relname LIKE 'mine%'"), "0");
            assert_eq!(dropped(&place, &["branch_1_1"], None), "branch_1,shop|branch_1");
            // Without a new one nothing happens.
            swap(&place.site).unwrap();
        }
        goes_on.store(false, Ordering::Relaxed);
        assert!(crowds.into_iter().map(|crowd| crowd.join().unwrap()).sum::<usize>() > 0);
    });
}
