//! Connection strings, option files and variables, without a disk or a server.

use super::*;
use crate::conninfo::{FileContent, ReadFile};
use proptest::prelude::*;
use std::io;
use std::path::Path;

struct File(&'static str, u32);

impl ReadFile for File {
    fn read(&self, path: &Path) -> io::Result<FileContent> {
        if path != Path::new("/home/ada/.my.cnf") {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(FileContent { bytes: self.0.as_bytes().to_vec(), mode: self.1, is_regular: true })
    }
}

fn environment(variables: &[(&str, &str)], file: &'static str, mode: u32) -> Environment {
    let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment::new(variables, Some("/home/ada".into()), Some("ada".into())).with_files(File(file, mode))
}

fn parse(text: &str) -> ConnInfo {
    ConnInfo::parse(text, &environment(&[], "", 0o600)).unwrap()
}

fn tcp(host: &str, port: u16) -> Place {
    Place::Tcp { host: host.to_owned(), port }
}

#[test]
fn a_url_is_read_in_parts() {
    let info = parse("mysql://eve:p%40ss@db.example:3307/shop?ssl-mode=VERIFY_CA&ssl-ca=/ca.pem&connect_timeout=5");
    assert_eq!(info.places, [tcp("db.example", 3307)]);
    assert_eq!((info.user.as_str(), info.database.as_str()), ("eve", "shop"));
    assert_eq!(info.password.as_ref().unwrap().expose(), b"p@ss");
    assert_eq!(info.tls.mode, Some(SslMode::VerifyCa));
    assert_eq!(info.connect_timeout, Some(Duration::from_secs(5)));
    assert_eq!(info.redacted(), "mysql://eve@db.example:3307/shop");
    assert!(!format!("{info:?}").contains("p@ss"));
}

#[test]
fn localhost_is_the_socket_unless_a_port_is_named() {
    assert_eq!(parse("mysql://localhost:3307/d").places, [tcp("localhost", 3307)]);
    assert!(matches!(parse("mysql://localhost/d").places[0], Place::Socket(_)));
    assert_eq!(parse("mysql:///d").places.last(), Some(&tcp("localhost", 3306)));
    assert_eq!(parse("mysql://%2Frun%2Fm.sock/d").places, [Place::Socket("/run/m.sock".into())]);
    assert_eq!(parse("mysql:///d?socket=/run/m.sock").places, [Place::Socket("/run/m.sock".into())]);
    assert_eq!(parse("mysql://[::1]:3307/d").places, [tcp("::1", 3307)]);
    assert_eq!(parse("mysql://localhost/d?protocol=tcp").places, [tcp("localhost", 3306)]);
    assert_eq!(parse("mariadb://127.0.0.1/d").places, [tcp("127.0.0.1", 3306)]);
}

#[test]
fn option_files_complete_the_url_and_variables_stand_back() {
    let file = "[mysqld]\nuser=nobody\n[client]\nuser = eve # who\npassword=\"a#b\\\"c\"\nhost=db.example\n\
                [clientx]\nport=3310\n[mysqldump]\nhost=no\n";
    let info = ConnInfo::parse(
        "mysql:///shop",
        &environment(&[("MYSQL_PWD", "no"), ("MYSQL_GROUP_SUFFIX", "x")], file, 0o600),
    );
    let info = info.unwrap();
    assert_eq!(info.places, [tcp("db.example", 3310)]);
    assert_eq!((info.user.as_str(), info.password.unwrap().expose()), ("eve", &b"a#b\"c"[..]));

    let info = ConnInfo::parse("mysql://other.example/shop", &environment(&[("MYSQL_TCP_PORT", "3311")], file, 0o600));
    assert_eq!(info.unwrap().places, [tcp("other.example", 3306)]);
    let info = ConnInfo::parse("mysql:///shop", &environment(&[("MYSQL_TCP_PORT", "3311")], "", 0o600));
    assert_eq!(info.unwrap().places, [tcp("localhost", 3311)]);
}

#[test]
fn loose_option_files_give_no_password() {
    let file = "[client]\nuser=eve\npassword=canary\n";
    let readable = ConnInfo::parse("mysql:///d", &environment(&[], file, 0o644)).unwrap();
    assert!(readable.password.is_none() && readable.user == "eve");
    assert!(readable.warnings[0].to_string().contains("chmod 600"));
    let writable = ConnInfo::parse("mysql:///d", &environment(&[], file, 0o666)).unwrap();
    assert_eq!(writable.user, "ada");
}

#[test]
fn elsewhere_the_certificate_is_checked_unless_a_mode_says_otherwise() {
    let mode = |text: &str| {
        let info = parse(text);
        info.ssl_mode(&info.places[0])
    };
    assert_eq!(mode("mysql://db.example/d"), SslMode::VerifyIdentity);
    assert_eq!(mode("mysql://127.0.0.1/d"), SslMode::Preferred);
    assert_eq!(mode("mysql://127.0.0.1/d?ssl-ca=/ca.pem"), SslMode::VerifyCa);
    assert_eq!(mode("mysql://db.example/d?ssl-mode=preferred"), SslMode::Preferred);
    assert_eq!(mode("mysql://db.example/d?ssl=0"), SslMode::Disabled);
    for word in ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        assert_eq!(mode(&format!("mysql://db.example/d?ssl-mode={word}")).word(), word);
    }
}

#[test]
fn mistakes_are_named_and_secrets_are_not() {
    let error = |text: &str| ConnInfo::parse(text, &environment(&[], "", 0o600)).unwrap_err().to_string();
    assert!(error("mysql://eve:ca@nary@db/d").contains("%40"));
    assert!(error("mysql://db/d?sslmode=require").contains("ssl-mode"));
    assert!(error("mysql://db/d?ssl-mode=strict").contains("VERIFY_IDENTITY"));
    assert!(error("mysql://db:x/d").contains("65535"));
    assert!(!error("mysql://eve:canary@db@x/d").contains("canary"));
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = ConnInfo::parse(&format!("mysql://{text}"), &environment(&[], "", 0o600));
    }
}
