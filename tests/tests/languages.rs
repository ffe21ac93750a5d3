//! Functions in languages that come as extensions: a restore brings them, and calls them for what is made of them.

use offshoot_testkit::postgres::{Binaries, shared_of};
use offshoot_tests::exact;

/// A language, and the same functions in each.
const LANGUAGES: [(&str, &str); 3] = [
    (
        "plperl",
        r#"CREATE FUNCTION shout(t text) RETURNS text LANGUAGE plperl IMMUTABLE STRICT AS $$ return uc($_[0]) . "!\\\n'"; $$;
           CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plperl AS $$ $_TD->{new}{by} .= 'x'; return "MODIFY"; $$;
           CREATE FUNCTION pairs(n int) RETURNS TABLE (a int, b text) LANGUAGE plperl AS
             $$ return_next({ a => $_, b => "p$_" }) for 1 .. $_[0]; return undef; $$;
           CREATE EXTENSION jsonb_plperl; CREATE FUNCTION keys(j jsonb) RETURNS int TRANSFORM FOR TYPE jsonb LANGUAGE plperl AS
             $$ return scalar keys %{$_[0]}; $$; CREATE MATERIALIZED VIEW of_keys AS SELECT keys('{"a": 1, "b": [2]}')"#,
    ),
    (
        "plpython3u",
        r#"CREATE FUNCTION shout(t text) RETURNS text LANGUAGE plpython3u IMMUTABLE STRICT AS $$
return t.upper() + "!\\\n'"
$$;
           CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpython3u AS $$
TD["new"]["by"] = (TD["new"]["by"] or "") + "x"
return "MODIFY"
$$;
           CREATE FUNCTION pairs(n int) RETURNS TABLE (a int, b text) LANGUAGE plpython3u AS
             $$ return [(i, "p%d" % i) for i in range(1, n + 1)] $$;
           CREATE EXTENSION jsonb_plpython3u; CREATE FUNCTION keys(j jsonb) RETURNS int TRANSFORM FOR TYPE jsonb LANGUAGE plpython3u AS
             $$ return len(j) $$; CREATE MATERIALIZED VIEW of_keys AS SELECT keys('{"a": 1, "b": [2]}')"#,
    ),
    (
        "pltcl",
        r#"CREATE FUNCTION shout(t text) RETURNS text LANGUAGE pltcl IMMUTABLE STRICT AS $$ return "[string toupper $1]!\\\n'" $$;
           CREATE FUNCTION stamp() RETURNS trigger LANGUAGE pltcl AS $$ append NEW(by) x; return [array get NEW] $$;
           CREATE FUNCTION pairs(n int) RETURNS TABLE (a int, b text) LANGUAGE pltcl AS
             $$ for {set i 1} {$i <= $1} {incr i} { return_next [list a $i b p$i] } $$"#,
    ),
];

/// What calls them while rows are loaded and indexes are made. The trigger must not be called again.
const CALLS: &str = "
CREATE TABLE said (id int PRIMARY KEY, t text, by text, loud text GENERATED ALWAYS AS (shout(t)) STORED, CHECK (shout(t) <> ''));
CREATE INDEX by_loudness ON said (shout(t));
CREATE TRIGGER stamps BEFORE INSERT ON said FOR EACH ROW EXECUTE FUNCTION stamp();
INSERT INTO said (id, t) SELECT i, 'word ' || i FROM generate_series(1, 500) i;
CREATE MATERIALIZED VIEW of_pairs AS SELECT * FROM pairs(9)";

#[test]
fn functions_in_other_languages_come_back() {
    // The installed server has its languages from packages; another of its version mostly lacks their libraries.
    let installed = Binaries::installed().unwrap();
    let others = Binaries::wanted().into_iter().filter(|binaries| *binaries != installed);
    for binaries in std::iter::once(installed.clone()).chain(others) {
        let server = shared_of(&binaries);
        for (language, functions) in LANGUAGES {
            let db = server.fresh_db(language);
            if let Err(why) = server.try_psql(&db, &format!("CREATE EXTENSION IF NOT EXISTS {language}")) {
                eprintln!(
                    "SKIPPED {language} on {}: {}",
                    binaries.version(),
                    why.to_string().lines().next().unwrap_or_default()
                );
                continue;
            }
            server.psql(&db, &format!("{functions}; {CALLS}"));
            let called = "SELECT (SELECT loud FROM said WHERE id = 7), (SELECT DISTINCT by FROM said), (SELECT count(*) FROM of_pairs)";
            assert_eq!(server.psql(&db, called), "WORD 7!\\\n'|x|9", "{language}");
            let report = exact::compare(server, &db, server).unwrap();
            assert!(report.is_exact(), "{language}: {report}");
            let count = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = '";
            let count = server.psql(&db, &format!("{count}{language}')"));
            eprintln!("{language} on {}: {count} functions come back, and what calls them", binaries.version());
        }
    }
}
