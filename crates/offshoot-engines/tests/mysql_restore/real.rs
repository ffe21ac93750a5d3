//! Real databases come back.

use super::*;
use offshoot_testkit::real_data::{MYSQL_SETS, load_mysql, real_data};

#[test]
fn real_databases_come_back() {
    let Some(folder) = real_data() else { return };
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        // MariaDB does not have world's collation.
        for name in MYSQL_SETS.into_iter().filter(|name| *name != "world" || !is_mariadb(&binaries)) {
            let from = server.fresh_db(name);
            let loaded = load_mysql(&folder, server, &from, name);
            // Cacti's script names a sql_mode that MySQL no longer has.
            let errors: Vec<_> = loaded.errors.iter().filter(|error| !error.contains("NO_AUTO_CREATE_USER")).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
            back_and_forth(server, &from);
            eprintln!("{name}: the same on {}", binaries.version());
            server.dropdb(&from);
        }
    }
}
