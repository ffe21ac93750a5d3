//! Connection strings, option files and variables, without a disk or a server.

use super::*;
use crate::conninfo::{FileContent, FolderContent, ReadFile};
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

/// Files by their paths, with their modes; what a path begins with is a folder, whose mode is that of the file `mode` in it.
struct Files(Vec<(&'static str, &'static str, u32)>);

impl Files {
    fn parse(files: &[(&'static str, &'static str)]) -> Result<ConnInfo, ConnInfoError> {
        Self(files.iter().map(|(path, text)| (*path, *text, 0o600)).collect()).parse_with_modes()
    }

    fn parse_with_modes(self) -> Result<ConnInfo, ConnInfoError> {
        let none: [(&str, &str); 0] = [];
        let environment = Environment::new(none, Some("/home/ada".into()), Some("ada".into())).with_files(self);
        ConnInfo::parse("mysql:///d", &environment)
    }
}

impl ReadFile for Files {
    fn read(&self, path: &Path) -> io::Result<FileContent> {
        let found = self.0.iter().find(|(of, _, _)| Path::new(of) == path);
        let (_, text, mode) = found.ok_or(io::ErrorKind::NotFound)?;
        Ok(FileContent { bytes: text.as_bytes().to_vec(), mode: *mode, is_regular: true })
    }

    fn list(&self, folder: &Path) -> io::Result<FolderContent> {
        let within =
            self.0.iter().filter_map(|(path, _, mode)| Some((Path::new(path).strip_prefix(folder).ok()?, *mode)));
        let (names, modes): (Vec<_>, Vec<_>) = within.map(|(name, mode)| (name.as_os_str().to_owned(), mode)).unzip();
        if names.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mode = names.iter().position(|name| name == "mode").map_or(0o755, |at| modes[at]);
        Ok(FolderContent { names, mode })
    }
}

#[test]
fn included_files_and_folders_count_where_they_stand() {
    let info = Files::parse(&[
        (
            "/home/ada/.my.cnf",
            "[client]\nhost=first\nuser=first\n!  include\t/opt/one.cnf \nport=3307\n!includedir /opt/d/\n\
             !include /opt/missing.cnf\n!included /opt/no\n!other\n!include ~/own.cnf\nssl=0\n",
        ),
        ("/opt/one.cnf", "user=nobody\n[client]\nport=1\n[mysqld]\n"),
        ("/opt/d/b.cnf", "[client]\nhost=b\n!include /opt/d/a.cnf\nsocket=/b\n"),
        ("/opt/d/a.cnf", "[client]\nhost=a\nsocket=/a\n"),
        ("/opt/d/B.cnf", "[client]\nhost=upper\nport=2\n"),
        ("/opt/d/c.cnf.bak", "[client]\nhost=backup\n"),
        ("/opt/d/c.ini", "[client]\nhost=ini\n"),
        ("/opt/d/cnf", "[client]\nhost=no\n"),
        ("/home/ada/own.cnf", "[client]\npassword=own\n"),
    ]);
    let info = info.unwrap();
    // `B`, `a`, then `b`, which has `a` after its own host; the port that was before them stands no more.
    assert_eq!(info.places, [tcp("a", 2)]);
    assert_eq!((info.user.as_str(), info.password.unwrap().expose()), ("first", &b"own"[..]));
    assert_eq!(info.tls.mode, Some(SslMode::Disabled), "a file's groups are its own");
    assert!(info.warnings.is_empty(), "{:?}", info.warnings);
}

#[test]
fn what_cannot_be_included_is_an_error_with_its_name() {
    let error = |files: &[(&'static str, &'static str)]| Files::parse(files).unwrap_err().to_string();
    let missing = error(&[("/home/ada/.my.cnf", "!includedir /opt/none\n")]);
    assert!(missing.contains("/home/ada/.my.cnf includes the folder /opt/none, which cannot be read"), "{missing}");
    let within = error(&[("/home/ada/.my.cnf", "!include /a.cnf\n"), ("/a.cnf", "!includedir /opt/none\n")]);
    assert!(within.contains("/a.cnf includes the folder /opt/none"), "{within}");
    assert!(error(&[("/home/ada/.my.cnf", "[client]\n!include\n")]).contains("says !include and not what"));
}

#[test]
fn what_includes_itself_is_an_error() {
    let error = |files: &[(&'static str, &'static str)]| Files::parse(files).unwrap_err().to_string();
    let itself = error(&[("/home/ada/.my.cnf", "!include ~/.my.cnf\n")]);
    assert!(itself.contains("/home/ada/.my.cnf is included by itself"), "{itself}");
    let round = error(&[("/home/ada/.my.cnf", "!includedir /d\n"), ("/d/a.cnf", "!includedir /d\n")]);
    assert!(round.contains("/d/a.cnf is included by itself"), "{round}");
    // Twice beside each other is no circle.
    assert!(Files::parse(&[("/home/ada/.my.cnf", "!include /a.cnf\n!include /a.cnf\n"), ("/a.cnf", "")]).is_ok());
}

#[test]
fn includes_are_bounded_in_depth_and_number() {
    let chain = |length: usize| {
        let name = |at: usize| -> &'static str { format!("/{at}.cnf").leak() };
        let mut files = vec![("/home/ada/.my.cnf", "!include /1.cnf\n")];
        files.extend((1..length).map(|at| (name(at), &*format!("!include {}\n", name(at + 1)).leak())));
        files.push((name(length), ""));
        Files::parse(&files)
    };
    assert!(chain(10).is_ok());
    let deep = chain(11).unwrap_err().to_string();
    assert!(deep.contains("/11.cnf is included more than 10 deep"), "{deep}");
    // Ten files that each include the next one ten times.
    let mut files = vec![("/home/ada/.my.cnf", "!include /1.cnf\n")];
    for at in 1..10 {
        let text = format!("!include /{}.cnf\n", at + 1).repeat(10);
        files.push((&*format!("/{at}.cnf").leak(), &*text.leak()));
    }
    files.push(("/10.cnf", ""));
    let many = Files::parse(&files).unwrap_err().to_string();
    assert!(many.contains("more than 500 that include each other"), "{many}");
}

#[test]
fn a_folder_that_everybody_can_write_is_not_read() {
    let files = |mode| {
        Files(vec![
            ("/home/ada/.my.cnf", "[client]\n!includedir /d\nuser=eve\n", 0o600),
            ("/d/a.cnf", "[client]\nhost=elsewhere\n", 0o644),
            ("/d/mode", "", mode),
        ])
    };
    let info = files(0o1777).parse_with_modes().unwrap();
    assert!(!info.places.contains(&tcp("elsewhere", 3306)) && info.user == "eve");
    assert!(info.warnings[0].to_string().contains("chmod o-w /d"), "{:?}", info.warnings);
    assert_eq!(files(0o755).parse_with_modes().unwrap().places, [tcp("elsewhere", 3306)]);
}

#[test]
fn folders_of_the_disk_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(".my.cnf", "[client]\n!includedir ~/conf.d\n");
    std::fs::create_dir_all(dir.path().join("conf.d/folder.cnf")).unwrap();
    write("conf.d/b.cnf", "[client]\nhost=b.example\n");
    write("conf.d/a.cnf", "[client]\nhost=a.example\nuser=eve\n");
    let none: [(&str, &str); 0] = [];
    let environment = Environment::new(none, Some(dir.path().to_owned()), Some("ada".into()));
    let info = ConnInfo::parse("mysql:///d", &environment).unwrap();
    assert_eq!((info.places[0].clone(), info.user.as_str()), (tcp("b.example", 3306), "eve"));
    std::fs::remove_dir_all(dir.path().join("conf.d")).unwrap();
    assert!(matches!(ConnInfo::parse("mysql:///d", &environment), Err(ConnInfoError::OptionFile { .. })));
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
    // What an option file trusts is no reason to refuse a socket.
    assert_eq!(mode("mysql://localhost/d?socket=/s&ssl-ca=/ca.pem"), SslMode::Preferred);
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
