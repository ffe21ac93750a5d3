//! Owners, privileges, memberships and settings on a server that does not have the roles: made, mapped or left out.

use crate::session::Session;
use offshoot_testkit::postgres::{Server, ServerOptions};

const SCRIPT: &str = "
CREATE ROLE owner_role LOGIN PASSWORD 'hunter2-s3cr3t' CREATEDB; CREATE ROLE readers NOLOGIN; CREATE ROLE chief NOINHERIT;
GRANT readers TO chief WITH ADMIN OPTION; GRANT readers TO owner_role;
CREATE TABLE t (a int); INSERT INTO t VALUES (1); ALTER TABLE t OWNER TO owner_role;
CREATE TABLE u (a int); INSERT INTO u VALUES (1), (2); GRANT SELECT ON u TO readers; GRANT INSERT ON u TO chief;
ALTER TABLE u ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON u TO readers USING (true);
DO $$ BEGIN
  EXECUTE format('ALTER DATABASE %I SET search_path = ''$user'', public, \"Odd one\"', current_database());
  EXECUTE format('ALTER DATABASE %I SET my.words = ''it''''s''', current_database());
  EXECUTE format('ALTER ROLE owner_role IN DATABASE %I SET work_mem = ''5MB''', current_database());
END $$;
ALTER ROLE chief SET statement_timeout = '7s';
";

const OWNERS: &str = "SELECT string_agg(tablename || ' ' || tableowner, ', ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'";
const ROLES: &str = "SELECT count(*) FROM pg_roles WHERE rolname IN ('owner_role', 'readers', 'chief')";

#[test]
fn roles_that_the_target_lacks_are_left_out_mapped_or_made() {
    let [source, target] = [(); 2].map(|()| Server::start(ServerOptions::new().own_identity()));
    source.createdb("roles", "");
    source.psql("roles", SCRIPT);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let captured = session.quietly(&["capture", &source.url("roles"), "--name", "prod"]);
    assert_eq!(captured.code, Some(0), "{}", captured.stderr);
    let restore = |db: &str, roles: &str| {
        target.createdb(db, "");
        session.quietly(&["restore", "prod", "--to", &target.url(db), "--roles", roles])
    };

    let skipped = restore("skipped", "skip");
    assert_eq!(
        skipped.code,
        Some(3),
        "the policy is for a role that is not there: {}{}",
        skipped.stdout,
        skipped.stderr
    );
    assert!(skipped.stdout.contains("POLICY public.u p"), "{}", skipped.stdout);
    assert_eq!(target.psql("skipped", OWNERS), "t postgres, u postgres");
    assert_eq!(target.psql("skipped", "SELECT relacl IS NULL FROM pg_class WHERE relname = 'u'"), "t");
    assert_eq!(target.psql("postgres", ROLES), "0");

    target.psql("postgres", "CREATE ROLE readers");
    let mapped = restore("mapped", "map");
    assert_eq!(mapped.code, Some(0), "{}{}", mapped.stdout, mapped.stderr);
    assert_eq!(target.psql("mapped", OWNERS), "t postgres, u postgres");
    assert_eq!(target.psql("mapped", "SELECT has_table_privilege('readers', 'u', 'SELECT')"), "t");
    assert_eq!(target.psql("mapped", "SELECT polroles::regrole[] FROM pg_policy"), "{readers}");
    assert_eq!(target.psql("postgres", ROLES), "1");
    target.psql("mapped", "DROP OWNED BY readers");
    target.psql("postgres", "DROP ROLE readers");

    let made = restore("made", "create");
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    assert_eq!(target.psql("made", OWNERS), "t owner_role, u postgres");
    let acl = "SELECT relacl FROM pg_class WHERE relname = 'u'";
    assert_eq!(target.psql("made", acl), source.psql("roles", acl));
    let attributes = "SELECT string_agg(concat_ws(' ', rolname, rolcanlogin, rolcreatedb, rolinherit, rolpassword), ', ' ORDER BY rolname)
                      FROM pg_authid WHERE rolname IN ('owner_role', 'readers', 'chief')";
    assert_eq!(
        target.psql("made", attributes),
        "chief f f f, owner_role f t t, readers f f t",
        "never a login, never a password"
    );
    for same in [
        "SELECT string_agg(concat_ws(' ', roleid::regrole, member::regrole, admin_option), ', ' ORDER BY member::regrole::text)
         FROM pg_auth_members WHERE roleid = 'readers'::regrole",
        "SELECT string_agg(one, ' ' ORDER BY one) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) one WHERE setrole = 0 AND datname = current_database()",
        "SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE setrole = 'owner_role'::regrole AND datname = current_database()",
    ] {
        assert_eq!(target.psql("made", same), source.psql("roles", same), "{same}");
        assert_ne!(target.psql("made", same), "");
    }
    // A setting of the role in all databases is kept in this one: others on the server are not touched.
    let of_chief = "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'chief'::regrole";
    assert_eq!(target.psql("made", of_chief), source.psql("roles", of_chief));
}
