//! Connecting to real servers: every sslmode against every kind of server, beside libpq's own answer to the same
//! connection string; every failure that a user can run into, by its type.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, thread};

use offshoot_engines::conninfo::{ConnInfo, Environment};
use offshoot_engines::postgres::connect::{ConnectError, ConnectOptions, Session, connect};
use offshoot_testkit::postgres::{Server, ServerOptions};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber,
};

const HBA: &str = "\
local all all trust
hostssl all certuser 127.0.0.1/32 cert
hostssl all tlsonly 127.0.0.1/32 trust
hostnossl all plainonly 127.0.0.1/32 trust
host all scram 127.0.0.1/32 scram-sha-256
host all old 127.0.0.1/32 md5
host all clear 127.0.0.1/32 password
host all rejected 127.0.0.1/32 reject
host all trusty,nobody_here,limited,readonly 127.0.0.1/32 trust
";

const ROLES: &str = "SET password_encryption = 'scram-sha-256';
    CREATE ROLE scram LOGIN PASSWORD 'it''s: a \\ secret'; CREATE ROLE clear LOGIN PASSWORD 'plain';
    SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'old';
    CREATE ROLE certuser LOGIN; CREATE ROLE tlsonly LOGIN; CREATE ROLE plainonly LOGIN; CREATE ROLE rejected LOGIN;
    CREATE ROLE trusty LOGIN; CREATE ROLE limited LOGIN CONNECTION LIMIT 0; CREATE ROLE readonly LOGIN;
    ALTER ROLE readonly SET default_transaction_read_only = on;
    CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC;";

/// Certificates in a folder: two issuers, servers with the right and a wrong name, a client.
struct Certificates {
    dir: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let made = Self { dir: tempfile::tempdir().unwrap() };
        fs::set_permissions(made.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let right = made.issuer("right");
        let wrong = made.issuer("wrong");
        made.signed("server", &["localhost", "127.0.0.1"], "server", &right);
        made.signed("misnamed", &["other.example"], "misnamed", &right);
        made.signed("common", &[], "localhost", &right);
        made.signed("client", &[], "certuser", &right);
        made.signed("stranger", &[], "certuser", &wrong);
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn issuer(&self, name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, format!("{name} issuer"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(self.path(&format!("{name}.ca")), issuer.pem()).unwrap();
        issuer
    }

    fn signed(&self, file: &str, names: &[&str], common_name: &str, issuer: &CertifiedIssuer<'static, KeyPair>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        fs::write(self.path(&format!("{file}.crt")), certificate.pem()).unwrap();
        self.write_key(&format!("{file}.key"), &key.serialize_pem());
    }

    fn write_key(&self, file: &str, pem: &str) {
        let path = self.path(file);
        fs::write(&path, pem).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Makes a server use one of the certificates.
    fn install(&self, server: &Server, name: &str) {
        for (from, to) in [(format!("{name}.crt"), "server.crt"), (format!("{name}.key"), "server.key")] {
            let to = server.data_dir().join(to);
            fs::copy(self.path(&from), &to).unwrap();
            own_as(&to, server.data_dir());
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let ca = server.data_dir().join("client.ca");
        fs::copy(self.path("right.ca"), &ca).unwrap();
        own_as(&ca, server.data_dir());
        server.add_settings("ssl = on\nssl_ca_file = 'client.ca'\n");
        server.restart();
    }
}

fn own_as(path: &Path, model: &Path) {
    use std::os::unix::fs::MetadataExt;
    let model = fs::metadata(model).unwrap();
    chown(path, Some(model.uid()), Some(model.gid())).unwrap();
}

fn server() -> Server {
    let server = Server::start(ServerOptions::new().hba(HBA));
    server.psql("postgres", ROLES);
    server
}

/// A user's surroundings with an empty home.
struct Surroundings {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Surroundings {
    fn new(server: &Server) -> Self {
        let variables = vec![("PGPORT", server.port().to_string()), ("PGDATABASE", "postgres".to_owned())];
        Self { home: tempfile::tempdir().unwrap(), variables }
    }

    fn conninfo(&self, text: &str) -> ConnInfo {
        let home = Some(self.home.path().to_owned());
        let environment = Environment::new(self.variables.clone(), home, Some("trusty".into()));
        ConnInfo::parse(text, &environment).unwrap()
    }

    fn write(&self, file: &str, mode: u32, text: &str) {
        let path = self.home.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Whether the session is encrypted by the server's own account.
    fn outcome(&self, text: &str) -> Result<bool, ConnectError> {
        run(&self.conninfo(text), async |session| {
            let row = session.client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]);
            let encrypted: bool = row.await.unwrap().get(0);
            assert_eq!(encrypted, session.is_encrypted);
            encrypted
        })
    }

    /// What libpq makes of the same. None if it does not connect.
    fn libpq_outcome(&self, server: &Server, text: &str) -> Option<bool> {
        let output = Command::new(server.binaries().dir().join("psql"))
            .args(["-X", "-A", "-t", "-w", "-d", text, "-c"])
            .arg("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .env_clear()
            .env("HOME", self.home.path())
            .env("PGUSER", "trusty")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        output.status.success().then(|| output.stdout == b"t\n")
    }
}

/// Connects, spawns the driver, and lets `work` use the session.
fn run<T>(conninfo: &ConnInfo, work: impl AsyncFnOnce(&UsableSession) -> T) -> Result<T, ConnectError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let session = connect(conninfo, &ConnectOptions::default()).await?;
        let environment = session.libpq_environment();
        let Session { client, driver, host, is_encrypted, canceller, .. } = session;
        let driver = tokio::spawn(driver);
        let usable = UsableSession { client, is_encrypted, canceller, environment, host: host.to_string() };
        let done = work(&usable).await;
        drop(usable);
        driver.await.unwrap().unwrap();
        Ok(done)
    })
}

struct UsableSession {
    client: tokio_postgres::Client,
    is_encrypted: bool,
    canceller: offshoot_engines::postgres::connect::Canceller,
    environment: Vec<(&'static str, std::ffi::OsString)>,
    host: String,
}

/// The variant's name: what an error is, without what it says.
fn kind(error: &ConnectError) -> String {
    let debug = format!("{error:?}");
    debug.split([' ', '(', '{']).next().unwrap().to_owned()
}

macro_rules! assert_fails {
    ($outcome:expr, $pattern:pat) => {
        match $outcome {
            Err($pattern) => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}

#[test]
fn every_sslmode_as_libpq_does_it() {
    let certificates = Certificates::make();
    let server = server();
    let around = Surroundings::new(&server);
    let mut compared = 0;
    for certificate in ["", "server", "misnamed", "common"] {
        if !certificate.is_empty() {
            certificates.install(&server, certificate);
        }
        for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
            for root in ["", "right.ca", "wrong.ca"] {
                for host in ["host=localhost", "host=127.0.0.1", "host=wrong.example hostaddr=127.0.0.1"] {
                    for user in ["trusty", "tlsonly", "plainonly"] {
                        let root = if root.is_empty() {
                            String::new()
                        } else {
                            format!("sslrootcert={}", certificates.path(root).display())
                        };
                        let text = format!("{host} user={user} sslmode={mode} {root}");
                        let ours = around.outcome(&text);
                        let theirs = around.libpq_outcome(&server, &text);
                        assert_eq!(
                            ours.as_ref().ok().copied(),
                            theirs,
                            "certificate {certificate:?}, {text}: {ours:?}"
                        );
                        if mode >= "require" {
                            assert_ne!(ours.as_ref().ok(), Some(&false), "{text}");
                        }
                        compared += 1;
                    }
                }
            }
        }
    }
    println!("connection strings compared with libpq: {compared}");
}

#[test]
fn tls_failures_have_their_names() {
    let certificates = Certificates::make();
    let server = server();
    let around = Surroundings::new(&server);
    let root = |name: &str| format!("sslrootcert={}", certificates.path(name).display());
    assert_fails!(around.outcome("host=localhost sslmode=require"), ConnectError::TlsNotOffered { .. });
    // Not this machine's own name, but one that leads here: without an sslmode, nothing but a checked certificate will do.
    match around.outcome("host=localhost.") {
        Err(ConnectError::NameNotResolved { .. }) => println!("skipped: localhost. does not resolve"),
        other => assert_fails!(other, ConnectError::TlsNotOffered { mode_is_default: true, .. }),
    }
    certificates.install(&server, "server");
    let trusted = |text: &str| around.outcome(&format!("host=localhost {text}"));
    assert_fails!(
        trusted(&format!("sslmode=verify-full {}", root("wrong.ca"))),
        ConnectError::CertificateNotTrusted { .. }
    );
    assert_fails!(
        trusted("sslmode=verify-full sslrootcert=system"),
        ConnectError::CertificateNotTrusted { .. } | ConnectError::TlsFile { .. }
    );
    assert_fails!(trusted("sslmode=verify-ca"), ConnectError::TlsFile { .. });
    assert_fails!(trusted("sslmode=require sslrootcert=/nonexistent"), ConnectError::TlsFile { .. });
    let misnamed = format!("host=wrong.example hostaddr=127.0.0.1 sslmode=verify-full {}", root("right.ca"));
    let error = around.outcome(&misnamed).unwrap_err();
    assert!(matches!(&error, ConnectError::HostNameMismatch { presented, .. } if !presented.is_empty()), "{error:?}");

    // The usual file in the home is found, and makes require check the issuer.
    around.write(".postgresql/root.crt", 0o644, &fs::read_to_string(certificates.path("wrong.ca")).unwrap());
    assert_fails!(trusted("sslmode=require"), ConnectError::CertificateNotTrusted { .. });
    around.write(".postgresql/root.crt", 0o644, &fs::read_to_string(certificates.path("right.ca")).unwrap());
    assert_eq!(trusted("sslmode=verify-full"), Ok(true));
    assert_eq!(trusted("sslmode=verify-full ssl_min_protocol_version=TLSv1.3"), Ok(true));
    assert_eq!(trusted("sslmode=verify-full ssl_max_protocol_version=TLSv1.2"), Ok(true));

    // A server before 17 does not know TLS without being asked.
    assert!(trusted("sslmode=require sslnegotiation=direct").is_err());
}

#[test]
fn client_certificates() {
    let certificates = Certificates::make();
    let server = server();
    certificates.install(&server, "server");
    let around = Surroundings::new(&server);
    let with = |name: &str| {
        let path = |ending: &str| certificates.path(&format!("{name}.{ending}")).display().to_string();
        format!("host=localhost user=certuser sslmode=require sslcert={} sslkey={}", path("crt"), path("key"))
    };
    assert_eq!(around.outcome(&with("client")), Ok(true));
    assert_eq!(around.outcome(&format!("{} sslcertmode=require", with("client"))), Ok(true));
    assert_fails!(around.outcome(&format!("{} sslcertmode=disable", with("client"))), ConnectError::NotAllowed { .. });
    assert_fails!(around.outcome("host=localhost user=certuser sslmode=require"), ConnectError::NotAllowed { .. });
    assert_fails!(around.outcome(&with("stranger")), ConnectError::TlsFailed { .. } | ConnectError::Closed { .. });
    let loose = certificates.path("client.key");
    fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).unwrap();
    assert_fails!(around.outcome(&with("client")), ConnectError::TlsFile { .. });
}

#[test]
fn revoked_certificates() {
    let certificates = Certificates::make();
    let server = server();
    let around = Surroundings::new(&server);
    let issuer = certificates.issuer("lister");
    certificates.signed("server", &["localhost"], "server", &issuer);
    let serial = {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let der = CertificateDer::from_pem_file(certificates.path("server.crt")).unwrap();
        serial_number(&der)
    };
    certificates.install(&server, "server");
    let with_list = |file: &str, serials: &[Vec<u8>], next_update: i32| {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: rcgen::date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2024, 1, 1),
            next_update: rcgen::date_time_ymd(next_update, 1, 1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        fs::write(certificates.path(file), list.signed_by(&issuer).unwrap().pem().unwrap()).unwrap();
        let (root, list) = (certificates.path("lister.ca"), certificates.path(file));
        let text =
            format!("host=localhost sslmode=verify-full sslrootcert={} sslcrl={}", root.display(), list.display());
        let ours = around.outcome(&text);
        assert_eq!(ours.as_ref().ok().copied(), around.libpq_outcome(&server, &text), "{file}: {ours:?}");
        ours
    };
    assert_eq!(with_list("empty.crl", &[], 2100), Ok(true));
    assert_fails!(with_list("revoked.crl", &[serial], 2100), ConnectError::CertificateNotTrusted { .. });
    assert_fails!(with_list("old.crl", &[], 2025), ConnectError::CertificateNotTrusted { .. });
}

/// The first INTEGER after the version: SEQUENCE { SEQUENCE { [0] version, INTEGER.
fn serial_number(der: &[u8]) -> Vec<u8> {
    let version = der.windows(5).position(|window| window == [0xa0, 3, 2, 1, 2]).unwrap();
    let length = usize::from(der[version + 6]);
    der[version + 7..version + 7 + length].to_vec()
}

#[test]
fn certificates_of_the_manual() {
    let certificates = Certificates::make();
    let server = server();
    let around = Surroundings::new(&server);
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        let done = command.args(arguments.split(' ')).current_dir(certificates.dir.path()).output();
        done.is_ok_and(|output| output.status.success())
    };
    // The manual's first recipe: a certificate that signs itself, and is its own root.
    if !openssl("req -new -x509 -days 365 -nodes -out own.crt -keyout own.key -subj /CN=localhost") {
        println!("skipped: openssl is not installed");
        return;
    }
    let modes = |root: &str| {
        let root = certificates.path(root).display().to_string();
        ["verify-ca", "verify-full"]
            .map(|mode| around.outcome(&format!("host=localhost sslmode={mode} sslrootcert={root}")))
    };
    certificates.install(&server, "own");
    assert_eq!(modes("own.crt"), [Ok(true), Ok(true)]);
    assert!(modes("right.ca").iter().all(|outcome| matches!(outcome, Err(ConnectError::CertificateNotTrusted { .. }))));
    // Its second one: an issuer of one's own, and a server certificate that comes out in version 1.
    assert!(openssl("req -new -nodes -out ca.csr -keyout ca.key -subj /CN=root"));
    assert!(openssl("x509 -req -in ca.csr -days 365 -signkey ca.key -out ca.crt"));
    assert!(openssl("req -new -nodes -out old.csr -keyout old.key -subj /CN=localhost"));
    assert!(openssl("x509 -req -in old.csr -days 365 -CA ca.crt -CAkey ca.key -CAcreateserial -out old.crt"));
    certificates.install(&server, "old");
    assert_eq!(modes("ca.crt"), [Ok(true), Ok(true)]);
    for version in [
        "ssl_max_protocol_version=TLSv1.2",
        "ssl_min_protocol_version=TLSv1.3",
        "channel_binding=require user=scram password='it\\'s: a \\\\ secret'",
    ] {
        let root = certificates.path("ca.crt").display().to_string();
        assert_eq!(
            around.outcome(&format!("host=localhost sslmode=verify-full sslrootcert={root} {version}")),
            Ok(true)
        );
    }
    assert!(modes("right.ca").iter().all(|outcome| matches!(outcome, Err(ConnectError::CertificateNotTrusted { .. }))));
}

#[test]
fn passwords_and_refusals() {
    let certificates = Certificates::make();
    let server = server();
    let around = Surroundings::new(&server);
    let port = server.port();
    let at = |text: &str| around.outcome(&format!("host=127.0.0.1 {text}"));
    let secret = r"password='it\'s: a \\ secret'";
    assert_eq!(at(&format!("user=scram {secret}")), Ok(false));
    assert_eq!(
        around.outcome(&format!("postgresql://scram:it's%3A%20a%20%5C%20secret@localhost:{port}/postgres")),
        Ok(false)
    );
    assert_eq!(at("user=old password=old"), Ok(false));
    assert_eq!(at("user=clear password=plain"), Ok(false));
    assert_eq!(around.outcome(&format!("host={}", server.socket_dir().display())), Ok(false));
    assert_eq!(around.outcome(&format!("host={} sslmode=verify-full", server.socket_dir().display())), Ok(false));

    for (text, expected) in [
        ("user=scram password=wrong", "WrongPassword"),
        ("user=scram", "PasswordMissing"),
        ("user=old password=wrong", "WrongPassword"),
        ("user=rejected", "NotAllowed"),
        ("user=nobody_here", "RoleMissing"),
        ("user=unlisted", "NotAllowed"),
        ("user=trusty dbname=gone", "NoSuchDatabase"),
        ("user=trusty dbname=closed", "NoConnectPrivilege"),
        ("user=limited", "TooManyConnections"),
        ("user=clear password=plain require_auth=scram-sha-256", "AuthNotPossible"),
        ("user=trusty require_auth=!none", "AuthNotPossible"),
        ("user=scram password=x channel_binding=require", "AuthNotPossible"),
        ("user=trusty port=1", "Refused"),
        ("host=/nonexistent", "NoSocket"),
        ("host=no-such-host.invalid hostaddr=''", "NameNotResolved"),
        ("options='-c nonsense=1'", "Rejected"),
    ] {
        let error = at(text).unwrap_err();
        assert_eq!(kind(&error), expected, "{text}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    // A password that must not go out in the clear did not.
    assert!(!server.log().contains("plain"));
    assert_eq!(at(&format!("user=scram require_auth=scram-sha-256 {secret}")), Ok(false));

    // Bound to the TLS connection.
    certificates.install(&server, "server");
    assert_eq!(at(&format!("user=scram sslmode=require channel_binding=require {secret}")), Ok(true));
    assert_eq!(at(&format!("user=scram sslmode=require channel_binding=disable {secret}")), Ok(true));
    server.stop();
    assert_fails!(at("user=trusty"), ConnectError::Refused { .. });
}

#[test]
fn strangers_and_silence() {
    let server = server();
    let around = Surroundings::new(&server);
    for (greets_first, answer, guess) in [
        (false, &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP"),
        (true, b"\x4a\x00\x00\x00\x0a8.0.36\x00", "MySQL"),
        (true, b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (false, b"-ERR unknown command\r\n", "Redis"),
        (false, b"\x15\x03\x01\x00\x02\x02\x46", "TLS only"),
    ] {
        for mode in ["disable", "prefer", "require"] {
            let port = stranger(greets_first, answer);
            let error = around.outcome(&format!("host=127.0.0.1 port={port} sslmode={mode}")).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, ConnectError::NotPostgres { .. }) && text.contains(guess), "{mode}: {text}");
        }
    }
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let error = around.outcome(&format!("host=127.0.0.1 port={port} connect_timeout=2")).unwrap_err();
    assert_eq!(kind(&error), "Timeout", "{error}");
    // Closes at once.
    let port = stranger(true, b"");
    let error = around.outcome(&format!("host=127.0.0.1 port={port}")).unwrap_err();
    assert_eq!(kind(&error), "Closed", "{error}");
    // Agrees to TLS, and then closes: as passing as without TLS.
    let port = stranger(false, b"S");
    let error = around.outcome(&format!("host=127.0.0.1 port={port} sslmode=require")).unwrap_err();
    assert!(kind(&error) == "TlsClosed" && error.is_transient(), "{error}");
}

/// Something that is no PostgreSQL server; its port.
fn stranger(greets_first: bool, answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            if !greets_first {
                let _ = stream.read(&mut [0; 64]);
            }
            let _ = stream.write_all(answer);
            // Until the other side has gone, as a reset would swallow the answer.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    port
}

#[test]
fn several_hosts() {
    let (first, second) = (server(), server());
    let around = Surroundings::new(&first);
    let (one, two) = (first.port(), second.port());
    let used = |text: &str| run(&around.conninfo(text), async |session| session.host.clone());
    let at = |port: u16| Ok(format!("localhost:{port}"));
    assert_eq!(used(&format!("host=localhost,localhost port=1,{two}")), at(two));
    assert_eq!(used(&format!("postgresql://localhost:1,localhost:{one},localhost:{two}/postgres")), at(one));
    assert_eq!(used(&format!("host=/nonexistent,no-such-host.invalid,localhost port={one}")), at(one));
    let error = used("host=localhost,/nonexistent port=1,2").unwrap_err();
    // localhost may have two addresses.
    assert!(error.attempts().len() >= 2 && error.to_string().contains("\n  2. "), "{error}");
    // A server that says no is final.
    assert_fails!(
        used(&format!("host=127.0.0.1,127.0.0.1 port={one},{two} dbname=gone")),
        ConnectError::NoSuchDatabase { .. }
    );

    second.psql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    second.reload();
    let both = format!("host=localhost,localhost port={two},{one} user=trusty");
    // The setting reaches a new session soon after the reload.
    while used(&format!("host=localhost port={two} target_session_attrs=read-only")).is_err() {
        thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(used(&format!("{both} target_session_attrs=read-write")), at(one));
    assert_eq!(used(&format!("{both} target_session_attrs=read-only")), at(two));
    assert_eq!(used(&format!("{both} target_session_attrs=primary")), at(two));
    assert_eq!(used(&format!("{both} target_session_attrs=any")), at(two));
    assert_eq!(used(&format!("{both} target_session_attrs=prefer-standby")), at(two));
    let error = used(&format!("{both} target_session_attrs=standby")).unwrap_err();
    assert!(
        error.attempts().iter().any(|attempt| matches!(attempt, ConnectError::TargetNotMet { wanted: "standby", .. })),
        "{error}"
    );
    let seen: std::collections::HashSet<_> =
        (0..40).map(|_| used(&format!("{both} load_balance_hosts=random")).unwrap()).collect();
    assert_eq!(seen.len(), 2);
}

#[test]
fn files_of_the_user() {
    let server = server();
    let around = Surroundings::new(&server);
    let port = server.port();
    around.write(
        ".pg_service.conf",
        0o644,
        &format!("[shop]\nhost=localhost\nport={port}\nuser=scram\ndbname=postgres\n"),
    );
    around.write(".pgpass", 0o600, "# mine\nlocalhost:*:postgres:scram:it's\\: a \\\\ secret\n");
    assert_eq!(around.outcome("service=shop"), Ok(false));
    around.write(".pgpass", 0o600, "*:*:*:*:wrong\n");
    let error = around.outcome("service=shop").unwrap_err();
    assert!(matches!(&error, ConnectError::WrongPassword { password_file: Some(_), .. }), "{error:?}");
    around.write(".pgpass", 0o644, "*:*:*:*:wrong\n");
    assert_fails!(around.outcome("postgresql:///?service=shop"), ConnectError::PasswordMissing { .. });
    assert_eq!(around.conninfo("service=shop").warnings.len(), 1);
}

#[test]
fn programs_of_postgres_connect_to_the_same_server() {
    let certificates = Certificates::make();
    let server = server();
    certificates.install(&server, "server");
    let around = Surroundings::new(&server);
    let root = certificates.path("right.ca").display().to_string();
    let texts = [
        format!("host={} dbname='postgres'", server.socket_dir().display()),
        "host=localhost sslmode=prefer".to_owned(),
        "host=localhost,localhost port=1,".to_owned() + &server.port().to_string(),
        format!(
            "host=localhost sslmode=verify-full sslrootcert={root} channel_binding=require user=scram password='it\\'s: a \\\\ secret'"
        ),
    ];
    for text in texts {
        let (environment, encrypted) =
            run(&around.conninfo(&text), async |session| (session.environment.clone(), session.is_encrypted)).unwrap();
        let output = Command::new(server.binaries().dir().join("psql"))
            .args(["-X", "-A", "-t", "-w", "-c", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"])
            .env_clear()
            .envs(environment)
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(shown.trim(), if encrypted { "t" } else { "f" }, "{text}");
    }
}

#[test]
fn long_rows_come_in_pieces_and_queries_can_be_ended() {
    let certificates = Certificates::make();
    let server = server();
    certificates.install(&server, "server");
    let around = Surroundings::new(&server);
    for mode in ["disable", "require"] {
        let conninfo = around.conninfo(&format!("host=127.0.0.1 sslmode={mode}"));
        run(&conninfo, async |session| {
            use futures_util::StreamExt;
            let copy = "COPY (SELECT repeat('x', 30000000) UNION ALL SELECT 'y' UNION ALL SELECT repeat('z', 65536)) TO STDOUT";
            let mut stream = std::pin::pin!(session.client.copy_out(copy).await.unwrap());
            let (mut bytes, mut largest) = (0, 0);
            while let Some(piece) = stream.next().await {
                let piece = piece.unwrap();
                bytes += piece.len();
                largest = largest.max(piece.len());
            }
            assert_eq!(bytes, 30_000_000 + 1 + 65_536 + 3);
            assert_eq!(largest, 64 << 10);

            let endless = session.client.simple_query("SELECT pg_sleep(1000)");
            let ended = async {
                // The request may come before the query has begun.
                loop {
                    session.canceller.cancel().await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            };
            tokio::select! {
                biased;
                result = endless => assert_eq!(result.unwrap_err().code().map(|code| code.code()), Some("57014")),
                () = ended => {}
            }
        })
        .unwrap();
    }
}
