//! Images of MariaDB and MySQL under load, as `image_load` has it for PostgreSQL.

use crate::image_load::sum;
use crate::nest::Nest;
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::mysql::{Binaries, shared_of};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

const TRANSACTIONS: u64 = 3000;

#[test]
fn transactions_in_branches_of_mysql_change_no_image() {
    let named = std::env::var("OFFSHOOT_PGBENCH_TRANSACTIONS").ok().and_then(|text| text.parse().ok());
    let transactions: u64 = named.unwrap_or(TRANSACTIONS);
    for (binaries, kind) in Binaries::wanted().into_iter().zip([Kind::Xfs, Kind::Btrfs]) {
        let Some(disk) = LoopDisk::mount(kind, 4000) else { continue };
        set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
        let server = shared_of(&binaries);
        let db = server.fresh_db("image_load");
        server.sql(&db, "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL, filler char(84) NOT NULL, KEY (balance)); \
                         CREATE TABLE history (id int AUTO_INCREMENT PRIMARY KEY, account int, delta int)");
        let rows: Vec<String> = (0..20_000).map(|n| format!("({n}, {}, 'f')", n % 97)).collect();
        server.sql(&db, &format!("INSERT INTO accounts VALUES {}", rows.join(",")));
        let procedure = server.load_text(&db, "DELIMITER //\nCREATE PROCEDURE work (IN turns int) BEGIN DECLARE i int DEFAULT 0; WHILE i < turns DO \
                         START TRANSACTION; UPDATE accounts SET balance = balance + i WHERE id = (i * 7919) % 20000; \
                         INSERT INTO history (account, delta) VALUES (i % 20000, i); COMMIT; SET i = i + 1; END WHILE; END//\nDELIMITER ;\n");
        assert!(procedure.errors.is_empty(), "{:?}", procedure.errors);
        let nest = Nest::of_mysql_in(disk.path(), server, &db);
        nest.done(&["image", "build", "--raw"]);
        let before = sum(disk.path());
        let work = format!("CALL work({})", transactions / 2);
        std::thread::scope(|scope| {
            for name in ["a", "b"] {
                let (nest, work) = (&nest, &work);
                scope.spawn(move || {
                    nest.create(name);
                    nest.done(&["branch", "psql", name, "-BNe", work]);
                });
            }
        });
        nest.done(&["branch", "reset", "a", "--raw"]);
        nest.done(&["branch", "psql", "a", "-BNe", "CALL work(50)"]);
        for name in ["a", "b"] {
            nest.done(&["branch", "delete", name]);
        }
        // What is on the disk, and not what is remembered of it.
        disk.remount().unwrap();
        assert_eq!(sum(disk.path()), before, "{kind:?}: the image is another one");
        println!(
            "transactions in branches of {} on {kind:?}: {transactions}, bytes of images changed: 0",
            binaries.version()
        );
    }
}
