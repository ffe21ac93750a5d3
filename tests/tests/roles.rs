//! Memberships of roles come back as they were: their options, who granted them, and in an order in which they can be
//! granted.

use offshoot_testkit::postgres::{Binaries, Server, ServerOptions};
use offshoot_tests::{Scratch, capture, restore};

const MEMBERSHIPS: &str = "
SELECT roleid::regrole::text, member::regrole::text, grantor::regrole::text, admin_option, inherit_option, set_option
FROM pg_auth_members WHERE roleid::regrole::text IN ('readers', 'others') ORDER BY 1, 2, 3";

#[test]
fn options_and_grantors_of_memberships_come_back() {
    let Some(binaries) = Binaries::wanted().into_iter().rfind(|binaries| binaries.major_version() >= 16) else {
        println!("SKIPPED options_and_grantors_of_memberships_come_back: no server of version 16 or newer is there");
        return;
    };
    let [source, target] =
        [(); 2].map(|()| Server::start(ServerOptions::new().binaries(binaries.clone()).own_identity()));
    for server in [&source, &target] {
        server.createdb("roles", "");
    }
    // By name, each grantor comes after those to whom it grants.
    source.psql(
        "roles",
        "CREATE ROLE readers; CREATE ROLE others; CREATE ROLE d_first; CREATE ROLE c_second; CREATE ROLE b_third; CREATE ROLE a_last NOINHERIT;
         GRANT readers TO d_first WITH ADMIN TRUE, INHERIT FALSE, SET TRUE;
         GRANT readers TO c_second WITH ADMIN TRUE, INHERIT TRUE, SET FALSE GRANTED BY d_first;
         GRANT readers TO b_third WITH ADMIN FALSE, INHERIT FALSE, SET FALSE GRANTED BY c_second;
         GRANT readers TO a_last GRANTED BY c_second; GRANT readers TO a_last WITH INHERIT TRUE, SET FALSE GRANTED BY d_first;
         GRANT readers TO a_last WITH INHERIT FALSE; GRANT others TO b_third; GRANT pg_read_all_data TO a_last;
         CREATE TABLE t (a int); ALTER TABLE t OWNER TO a_last; GRANT SELECT ON t TO b_third",
    );
    let scratch = Scratch::default();
    capture(&scratch.store, &source, "roles");
    restore(&scratch.store, &target, "roles");
    let wanted = source.psql("roles", MEMBERSHIPS);
    assert_eq!(target.psql("roles", MEMBERSHIPS), wanted);
    assert_eq!(wanted.lines().count(), 7);
    let reads =
        "SELECT pg_has_role('a_last', 'pg_read_all_data', 'MEMBER'), has_table_privilege('b_third', 't', 'SELECT')";
    assert_eq!(target.psql("roles", reads), "t|t");
    eprintln!("{}: 7 memberships, the same options and grantors", binaries.version());
}
