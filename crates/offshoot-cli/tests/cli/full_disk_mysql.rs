//! Images and branches of MariaDB and MySQL where the disk is full, as `full_disk` has it for PostgreSQL.

use crate::full_disk::{fill, is_too_full};
use crate::nest::Nest;
use offshoot_testkit::mysql::{Binaries, shared_of};
use offshoot_testkit::small_disk::SmallDisk;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn images_and_branches_of_mysql_on_a_full_disk() {
    for binaries in Binaries::wanted() {
        // Where another user, as which the server runs, may look.
        let folder = tempfile::Builder::new().prefix("offshoot-full-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let Some(small) = SmallDisk::mount(folder.path(), 4) else {
            println!("SKIPPED images_and_branches_of_mysql_on_a_full_disk: mounting a tmpfs is not allowed here");
            return;
        };
        let server = shared_of(&binaries);
        let db = server.fresh_db("full_disk");
        server.sql(&db, "CREATE TABLE t (n int PRIMARY KEY, v text)");
        let rows: Vec<String> = (0..200).map(|n| format!("({n}, repeat('x{n}', 900))")).collect();
        server.sql(&db, &format!("INSERT INTO t VALUES {}", rows.join(",")));
        let nest = Nest::of_mysql_in(folder.path(), server, &db);
        let count = |name: &str| {
            nest.done(&["branch", "url", name]);
            nest.done(&["branch", "psql", name, "-BNe", "SELECT count(*) FROM t"]).stdout.trim().to_owned()
        };

        // Too small for an empty server, and for its start.
        for megabytes in [4, 30] {
            small.resize(megabytes);
            is_too_full(&nest, &["image", "build", "--raw"]);
            assert!(nest.done(&["--json", "image", "list"]).json()["images"].as_array().unwrap().is_empty());
            assert_eq!(nest.servers(), Vec::<u32>::new());
            assert!(small.used() < 2, "{} MB are left behind", small.used());
        }
        small.resize(1500);
        let image = nest.done(&["--json", "image", "build", "--raw"]).json();
        let bytes = u32::try_from(image["bytes"].as_u64().unwrap() >> 20).unwrap();
        for room in [0, bytes / 8] {
            small.resize(small.used() + room);
            is_too_full(&nest, &["branch", "create", "a", "--raw"]);
            assert!(nest.names().is_empty());
        }
        small.resize(1500);
        let url = nest.create("a");
        small.resize(small.used() + bytes / 8);
        is_too_full(&nest, &["branch", "reset", "a", "--raw"]);
        assert_eq!(nest.done(&["branch", "url", "a"]).stdout.trim(), url);
        assert_eq!(count("a"), "200", "it has what it had");

        // What makes room asks for none.
        small.resize(1500);
        nest.create("b");
        nest.done(&["branch", "reset", "b", "--raw"]);
        fill(folder.path());
        assert_eq!(nest.names(), ["a", "b"]);
        nest.done(&["branch", "delete", "a"]);
        nest.done(&["branch", "delete", "b"]);
        assert!(nest.folders().is_empty() && nest.servers().is_empty());
        fs::remove_file(folder.path().join("filler")).unwrap();
        nest.create("a");
        assert_eq!(count("a"), "200");
    }
}
