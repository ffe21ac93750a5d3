//! The whole way of a connection string, from tables: no disk, no environment, no network.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Files(HashMap<PathBuf, FileContent>);

impl ReadFile for Files {
    fn read(&self, path: &Path) -> io::Result<FileContent> {
        let content = self.0.get(path).cloned();
        content.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn with(variables: &[(&str, &str)], files: &[(&str, u32, &str)]) -> Environment {
    let files = files.iter().map(|(path, mode, text)| {
        let content = FileContent { bytes: text.as_bytes().to_vec(), mode: *mode, is_regular: *mode != 0 };
        (PathBuf::from(path), content)
    });
    Environment::new(variables.iter().copied(), Some("/home/ada".into()), Some("ada".into()))
        .with_files(Files(files.collect()))
}

fn plain() -> Environment {
    with(&[], &[])
}

fn parse(text: &str) -> ConnInfo {
    ConnInfo::parse(text, &plain()).unwrap()
}

fn problem(text: &str, environment: &Environment) -> String {
    ConnInfo::parse(text, environment).unwrap_err().to_string()
}

fn password(conninfo: &ConnInfo) -> Option<String> {
    let password = conninfo.hosts[0].password.as_ref()?;
    Some(String::from_utf8(password.expose().to_vec()).unwrap())
}

fn tcp(name: &str) -> Address {
    Address::Tcp { name: Some(name.into()), ip: None }
}

#[test]
fn nothing_means_the_local_server() {
    for text in ["", "  ", "postgresql://", "host='' port=''"] {
        let conninfo = parse(text);
        let addresses: Vec<_> = conninfo.hosts.iter().map(|host| host.address.clone()).collect();
        assert_eq!(
            addresses,
            [Address::Socket("/var/run/postgresql".into()), Address::Socket("/tmp".into()), tcp("localhost")]
        );
        assert!(conninfo.hosts.iter().all(|host| host.port == 5432));
        assert_eq!((&*conninfo.user, &*conninfo.dbname), ("ada", "ada"));
        assert_eq!(conninfo.connect_timeout, ConnectTimeout::Unset);
    }
    assert_eq!(parse("shop").dbname, "shop");
    let nobody = Environment::empty();
    assert_eq!(ConnInfo::parse("", &nobody).unwrap_err(), ConnInfoError::NoUser);
    assert_eq!(ConnInfo::parse("user=u", &nobody).unwrap().dbname, "u");
}

#[test]
fn redacted_forms() {
    for (text, expected) in [
        ("postgresql://u:canary@h:1/db", "postgresql://u@h:1/db"),
        ("postgresql://u:canary@h1,h2:2/db?application_name=x", "postgresql://u@h1:5432,h2:2/db"),
        ("host=/tmp user='a b' password=canary dbname=x/y", "postgresql://a%20b@%2Ftmp:5432/x%2Fy"),
        ("host=::1 dbname=d", "postgresql://ada@[::1]:5432/d"),
        ("hostaddr=2001:db8::1", "postgresql://ada@[2001:db8::1]:5432/ada"),
        ("hostaddr=192.0.2.1 host=h", "postgresql://ada@h:5432/ada"),
    ] {
        let conninfo = parse(text);
        assert_eq!(conninfo.redacted(), expected, "{text}");
        assert!(!format!("{conninfo:?}").contains("canary"), "{text}");
    }
}

#[test]
fn precedence_is_text_service_variable() {
    let environment = with(
        &[("PGPORT", "1"), ("PGUSER", "var"), ("PGDATABASE", "var"), ("PGSERVICE", "s")],
        &[("/home/ada/.pg_service.conf", 0o644, "[other]\nport=9\n[s]\n# c\nport=2\n user=svc \n[s]\nport=3\n")],
    );
    let conninfo = ConnInfo::parse("user=text", &environment).unwrap();
    assert_eq!((conninfo.hosts[0].port, &*conninfo.user, &*conninfo.dbname), (2, "text", "var"));
    let conninfo = ConnInfo::parse("postgresql:///?service=other", &environment).unwrap();
    assert_eq!((conninfo.hosts[0].port, &*conninfo.user), (9, "var"));
    // An empty value in the text hides the variable.
    let conninfo = ConnInfo::parse("user='' dbname=d service=other", &environment).unwrap();
    assert_eq!(conninfo.user, "ada");
}

#[test]
fn service_files() {
    let own = ("/home/ada/.pg_service.conf", 0o644, "[a]\nhost=own\n");
    let system = ("/etc/postgresql-common/pg_service.conf", 0o644, "[a]\nhost=system\n[b]\nhost=system\n");
    let host = |text: &str, environment: &Environment| ConnInfo::parse(text, environment).unwrap().hosts[0].to_string();
    let both = with(&[], &[own, system]);
    assert_eq!(host("service=a", &both), "own:5432");
    assert_eq!(host("service=b", &both), "system:5432");
    let moved = with(&[("PGSYSCONFDIR", "/x")], &[("/x/pg_service.conf", 0o644, "[c]\nhost=x")]);
    assert_eq!(host("service=c", &moved), "x:5432");
    let named = with(&[("PGSERVICEFILE", "/f")], &[("/f", 0o644, "[a]\nhost=f"), own]);
    assert_eq!(host("service=a", &named), "f:5432");
    assert_eq!(host("service=a servicefile=/home/ada/.pg_service.conf", &named), "own:5432");

    let missing = problem("service=nope", &both);
    assert!(missing.contains("nope") && missing.contains(".pg_service.conf"), "{missing}");
    let gone = problem("service=a", &with(&[("PGSERVICEFILE", "/gone")], &[]));
    assert!(gone.contains("/gone"), "{gone}");
    for (content, part) in [
        ("[a]\nhots=x", "\"host\" is the nearest (line 2)"),
        ("[a]\n\nservice=b", "(line 3)"),
        ("[a]\nldap://x/y", "LDAP"),
        ("[a]\nhost", "without \"=\""),
        ("[a]\nsecretcanary=1", "unknown keyword (line 2)"),
    ] {
        let text = problem("service=a", &with(&[], &[("/home/ada/.pg_service.conf", 0o644, content)]));
        assert!(text.contains(part) && !text.contains("canary"), "{text}");
    }
}

#[test]
fn password_files() {
    let lines = "localhost:5432:*:ada:local\nh1:*:*:*:one\nh2:7:*:*:two\n/elsewhere:*:*:*:socket\n192.0.2.1:*:*:*:ip";
    let file = ("/home/ada/.pgpass", 0o600, lines);
    let found = |text: &str| password(&ConnInfo::parse(text, &with(&[], &[file])).unwrap());
    assert_eq!(found("").as_deref(), Some("local"));
    assert_eq!(found("host=/tmp").as_deref(), Some("local"));
    assert_eq!(found("host=/elsewhere").as_deref(), Some("socket"));
    assert_eq!(found("host=h1").as_deref(), Some("one"));
    assert_eq!(found("host=h1 hostaddr=192.0.2.1").as_deref(), Some("one"));
    assert_eq!(found("hostaddr=192.0.2.1").as_deref(), Some("ip"));
    assert_eq!(found("host=h2"), None);
    assert_eq!(found("host=h1 password=given").as_deref(), Some("given"));
    assert_eq!(found("host=h1 passfile=/none"), None);
    let several = ConnInfo::parse("host=h1,h2 port=5432,7", &with(&[], &[file])).unwrap();
    assert!(several.hosts[0].password != several.hosts[1].password && several.hosts[1].password.is_some());

    let elsewhere = with(&[("PGPASSFILE", "/p")], &[("/p", 0o400, "*:*:*:*:p")]);
    assert_eq!(password(&ConnInfo::parse("", &elsewhere).unwrap()).as_deref(), Some("p"));
    for mode in [0o644, 0o640, 0o601] {
        let loose = ConnInfo::parse("", &with(&[], &[("/home/ada/.pgpass", mode, "*:*:*:*:canary")])).unwrap();
        assert_eq!(password(&loose), None);
        assert!(loose.warnings[0].to_string().contains("chmod 600 /home/ada/.pgpass"));
    }
    let odd = ConnInfo::parse("", &with(&[], &[("/home/ada/.pgpass", 0, "")])).unwrap();
    assert!(odd.warnings[0].to_string().contains("not a plain file"));
}

#[test]
fn lists_match_as_in_libpq() {
    let hosts = |text: &str| parse(text).hosts.iter().map(Host::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(hosts("host=a,b port=1"), "a:1 b:1");
    assert_eq!(hosts("host=a,b port=1,"), "a:1 b:5432");
    assert_eq!(hosts("postgres://a:1,[::2]:2,c"), "a:1 [::2]:2 c:5432");
    assert_eq!(hosts("host=,b port=3,4"), "%2Fvar%2Frun%2Fpostgresql:3 %2Ftmp:3 localhost:3 b:4");
    assert_eq!(hosts("hostaddr=192.0.2.1,192.0.2.2"), "192.0.2.1:5432 192.0.2.2:5432");
    assert_eq!(hosts("postgres:///d?host=/tmp,h&port=1,2"), "%2Ftmp:1 h:2");
    assert_eq!(hosts("host=@abstract"), "%40abstract:5432");
    for text in ["host=a,b port=1,2,3", "host=a,b hostaddr=192.0.2.1", "port=1,2"] {
        assert!(problem(text, &plain()).contains("do not match"), "{text}");
    }
    for text in ["port=0", "port=65536", "port=x", "port=-1", "hostaddr=name", "hostaddr=1.2.3"] {
        assert!(matches!(ConnInfo::parse(text, &plain()), Err(ConnInfoError::InvalidValue { .. })), "{text}");
    }
}

#[test]
fn ssl_mode_defaults() {
    use SslMode::*;
    for (text, expected) in [
        ("", Prefer),
        ("host=/tmp", Prefer),
        ("host=localhost", Prefer),
        ("host=127.9.9.9", Prefer),
        ("host=::1", Prefer),
        ("host=db.example", VerifyFull),
        ("host=192.0.2.1", VerifyFull),
        ("host=localhost hostaddr=192.0.2.1", VerifyFull),
        ("host=db.example hostaddr=127.0.0.1", Prefer),
        ("host=localhost.example", VerifyFull),
        ("host=db.example sslmode=prefer", Prefer),
        ("host=localhost sslrootcert=system", VerifyFull),
        ("host=db.example sslmode=disable", Disable),
        ("host=localhost sslmode=verify-ca", VerifyCa),
        ("postgres://db.example?ssl=true", Require),
    ] {
        let conninfo = parse(text);
        assert_eq!(conninfo.ssl_mode(&conninfo.hosts[0]), expected, "{text}");
    }
    let old = with(&[("PGREQUIRESSL", "1")], &[]);
    assert_eq!(ConnInfo::parse("host=h", &old).unwrap().tls.mode, Some(Require));
    let both = with(&[("PGREQUIRESSL", "1"), ("PGSSLMODE", "prefer")], &[]);
    assert_eq!(ConnInfo::parse("host=h", &both).unwrap().tls.mode, Some(Prefer));
}

#[test]
fn values_are_checked() {
    for (text, part) in [
        ("sslmode=full", "sslmode cannot be \"full\". It takes disable, allow"),
        ("sslmode=''", "sslmode cannot be \"\""),
        ("connect_timeout=soon", "whole number"),
        ("target_session_attrs=master", "read-write"),
        ("channel_binding=yes", "prefer or require"),
        ("sslmode=require sslrootcert=system", "verify-full"),
        ("sslnegotiation=direct", "sslmode=require or stronger"),
        ("sslnegotiation=direct sslmode=prefer host=h", "sslmode=require or stronger"),
        ("ssl_min_protocol_version=1.2", "TLSv1.2"),
        ("ssl_max_protocol_version=TLSv1.1", "not supported"),
        ("ssl_min_protocol_version=tlsv1.3 ssl_max_protocol_version=TLSv1.2", "no version lies between"),
        ("gssencmode=require", "sslmode=verify-full"),
        ("requirepeer=postgres", "not supported"),
        ("sslcrldir=/x", "sslcrl"),
        ("replication=database", "not supported"),
        ("require_auth=scram", "require_auth"),
        ("require_auth=md5,!none", "require_auth"),
        ("require_auth=md5,md5", "require_auth"),
        ("mysql://h/d", "postgresql://"),
        ("ada:canary@h/d", "postgresql://"),
        ("localhost:5432/shop", "postgresql://"),
        ("user='a\0b'", "NUL"),
    ] {
        let message = problem(text, &plain());
        assert!(message.contains(part) && !message.contains("canary"), "{text}: {message}");
    }
    let variable = problem("", &with(&[("PGSSLMODE", "on")], &[]));
    assert!(variable.contains("PGSSLMODE cannot be \"on\""), "{variable}");
    for harmless in [
        "gssencmode=prefer krbsrvname=x gssdelegation=1 client_encoding=LATIN1 sslcompression=1 replication=off",
        "sslnegotiation=direct host=db.example",
        "min_protocol_version=3.0 max_protocol_version=latest oauth_scope=x sslpassword=x",
        "ssl_min_protocol_version=TLSv1",
    ] {
        parse(harmless);
    }
}

#[test]
fn numbers_and_times() {
    let conninfo = parse("connect_timeout=1 keepalives=0 keepalives_idle=9 keepalives_count=3 tcp_user_timeout=1500");
    assert_eq!(conninfo.connect_timeout, ConnectTimeout::After(Duration::from_secs(2)));
    assert!(!conninfo.keepalives.enabled);
    assert_eq!(conninfo.keepalives.idle, Some(Duration::from_secs(9)));
    assert_eq!(conninfo.keepalives.interval, None);
    assert_eq!(conninfo.keepalives.count, Some(3));
    assert_eq!(conninfo.keepalives.user_timeout, Some(Duration::from_millis(1500)));
    assert_eq!(parse("connect_timeout=0").connect_timeout, ConnectTimeout::Never);
    assert_eq!(parse("connect_timeout=-5").connect_timeout, ConnectTimeout::Never);
    assert_eq!(parse("connect_timeout=' 7 '").connect_timeout, ConnectTimeout::After(Duration::from_secs(7)));
}

#[test]
fn require_auth_lists() {
    let scram = parse("require_auth=scram-sha-256").require_auth;
    assert!(scram.allows(AuthMethod::ScramSha256) && !scram.allows(AuthMethod::Password) && !scram.allows_none());
    let not_plain = parse("require_auth=!password,!none").require_auth;
    assert!(not_plain.allows(AuthMethod::Md5) && !not_plain.allows(AuthMethod::Password) && !not_plain.allows_none());
    let any = parse("").require_auth;
    assert!(any.allows(AuthMethod::Password) && any.allows_none());
}

#[test]
fn a_uri_in_place_of_the_database() {
    let conninfo = parse("user=u port=1 dbname='postgresql://h:2/d'");
    assert_eq!(conninfo.redacted(), "postgresql://u@h:2/d");
    let conninfo = parse("dbname=postgresql://h");
    assert_eq!(conninfo.redacted(), "postgresql://ada@h:5432/ada");
    // Other text there is the name itself, as in libpq.
    assert_eq!(parse("dbname='a=b'").dbname, "a=b");
}

#[test]
fn variables_that_are_not_text() {
    use std::os::unix::ffi::OsStringExt;
    let value = std::ffi::OsString::from_vec(vec![0xff]);
    let environment = Environment::new([("PGPASSWORD", value)], None, Some("u".into()));
    let error = ConnInfo::parse("", &environment).unwrap_err();
    assert_eq!(error, ConnInfoError::NotUtf8 { name: "PGPASSWORD".into() });
    assert!(ConnInfo::parse("password=x", &environment).is_ok());
    let shown = format!("{:?}", with(&[("PGPASSWORD", "canary")], &[]));
    assert!(!shown.contains("canary"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = ConnInfo::parse(&text, &plain());
        let _ = ConnInfo::parse(&format!("postgresql://{text}"), &plain());
        let _ = ConnInfo::parse(&format!("host={text}"), &plain());
    }

    #[test]
    fn no_password_shows(
        password in "[a-z@:/?#%=& ',\\\\]{0,12}",
        prefix in "postgres(ql)?://u:|u:|password=|password='",
    ) {
        let secret = format!("canary{password}canary");
        let is_keyvalue = prefix.starts_with("password");
        let text = if is_keyvalue { format!("{prefix}{secret}' host=h") } else { format!("{prefix}{secret}@h/d") };
        let shown = match ConnInfo::parse(&text, &plain()) {
            Ok(conninfo) => format!("{} {:?}", conninfo.redacted(), conninfo.warnings),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains("canary"), "{text} -> {shown}");
    }
}
