//! TLS: every ssl-mode against every kind of server, accounts that demand it, and certificates of clients. What a mode forbids
//! is never done without it, and each failure says what to do.

use crate::certificates::Certificates;
use offshoot_engines::mysql::conninfo::{ConnInfo, Environment};
use offshoot_engines::mysql::session::Session;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const MODES: [&str; 5] = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];

/// Whether a session is encrypted, or why there is none.
fn outcome(url: &str) -> Result<bool, String> {
    outcome_in(url, &Environment::empty())
}

fn outcome_in(url: &str, environment: &Environment) -> Result<bool, String> {
    let info = ConnInfo::parse(url, environment).map_err(|error| error.to_string())?;
    let mut session = Session::open(&info).map_err(|error| error.to_string())?;
    // The server's own word for it.
    let said = session.query_one("ask", "SHOW SESSION STATUS LIKE 'Ssl_cipher'").unwrap();
    assert_eq!(said.opt(1).unwrap().is_some_and(|cipher| !cipher.is_empty()), session.is_encrypted());
    Ok(session.is_encrypted())
}

#[track_caller]
fn assert_fails(outcome: &Result<bool, String>, words: &[&str]) {
    let Err(error) = outcome else { panic!("it connects, and {words:?} was expected") };
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert!(!error.contains("canary"), "{error}");
}

/// A server that reads its certificate from `server.crt` of these.
fn server(binaries: Binaries, certificates: &Certificates, options: ServerOptions) -> Server {
    let options = options.binaries(binaries).setting("ssl_ca", &certificates.text("right.ca"));
    let options = options.setting("ssl_cert", &certificates.text("server.crt"));
    Server::start(options.setting("ssl_key", &certificates.text("server.key")))
}

fn reload(server: &Server) {
    let statement = match server.binaries().family() {
        Family::MariaDb => "FLUSH SSL",
        Family::MySql => "ALTER INSTANCE RELOAD TLS",
    };
    server.sql("", statement);
}

#[test]
fn each_mode_takes_what_it_says_and_nothing_less() {
    for binaries in Binaries::wanted() {
        let certificates = Certificates::new();
        certificates.sign("good", &["localhost", "127.0.0.1"], "server", &certificates.right, 2100);
        certificates.sign("misnamed", &["other.example"], "server", &certificates.right, 2100);
        certificates.sign("expired", &["localhost", "127.0.0.1"], "server", &certificates.right, 2025);
        certificates.install("good");
        let server = server(binaries, &certificates, ServerOptions::new());
        let (right, wrong) = (certificates.text("right.ca"), certificates.text("wrong.ca"));
        // MySQL loads no certificate that has expired.
        let is_loaded = |name: &&str| *name != "expired" || server.binaries().family() == Family::MariaDb;
        for name in ["good", "misnamed", "expired"].into_iter().filter(is_loaded) {
            certificates.install(name);
            reload(&server);
            for host in ["localhost", "127.0.0.1"] {
                for mode in MODES {
                    let with = |ca: &str| {
                        outcome(&format!("mysql://root@{host}:{}/?ssl-mode={mode}&ssl-ca={ca}", server.port()))
                    };
                    let shown = format!("{name} {host} {mode}");
                    if !mode.starts_with("VERIFY") {
                        assert_eq!(with(&right), Ok(mode != "DISABLED"), "{shown}");
                        assert_eq!(with(&wrong), Ok(mode != "DISABLED"), "{shown}");
                        continue;
                    }
                    // Which of two faults is told does not matter.
                    let fault = if name == "expired" { "it has expired" } else { "its issuer is unknown" };
                    assert_fails(&with(&wrong), &[mode, fault]);
                    assert_fails(&with("/nonexistent/ca"), &["/nonexistent/ca"]);
                    match (name, mode) {
                        ("expired", _) => assert_fails(&with(&right), &[mode, "it has expired", "Renew it"]),
                        ("misnamed", "VERIFY_IDENTITY") => {
                            assert_fails(&with(&right), &[mode, "it does not name the host", "VERIFY_CA"]);
                        }
                        _ => assert_eq!(with(&right), Ok(true), "{shown}"),
                    }
                }
            }
        }
        // The system's certificates know nothing of these.
        certificates.install("good");
        reload(&server);
        let system = outcome(&format!("mysql://root@localhost:{}/?ssl-mode=VERIFY_IDENTITY", server.port()));
        assert_fails(&system, &["VERIFY_IDENTITY"]);
        // Nothing set: this machine is trusted, and what a file of certificates is for is done.
        let plain = format!("mysql://root@localhost:{}/", server.port());
        assert_eq!(outcome(&plain), Ok(true));
        assert_eq!(outcome(&format!("{plain}?ssl-ca={right}")), Ok(true));
        assert_fails(&outcome(&format!("{plain}?ssl-ca={wrong}")), &["VERIFY_CA", "its issuer is unknown"]);
        // A socket is of this machine. It is not encrypted, and said to be so where that is demanded.
        let socket = server.socket_url("");
        assert_eq!(outcome(&format!("{socket}&ssl-ca={right}")), Ok(false));
        assert_fails(&outcome(&format!("{socket}&ssl-mode=REQUIRED")), &["is not encrypted", "127.0.0.1"]);
    }
}

#[test]
fn a_server_without_tls_is_spoken_to_where_the_mode_allows_it() {
    for binaries in Binaries::wanted() {
        let options = ServerOptions::new().binaries(binaries.clone());
        let server = Server::start(match binaries.family() {
            Family::MariaDb => options,
            Family::MySql => options.setting("tls_version", ""),
        });
        for mode in MODES {
            let outcome = outcome(&format!("mysql://root:canary@127.0.0.1:{}/?ssl-mode={mode}", server.port()));
            if matches!(mode, "DISABLED" | "PREFERRED") {
                // The password is wrong, and was asked for.
                assert_fails(&outcome, &["did not let the user"]);
            } else {
                assert_fails(&outcome, &["does not offer TLS", mode, "Turn it on at the server"]);
            }
        }
        assert_eq!(self::outcome(&format!("mysql://root@127.0.0.1:{}/?ssl-mode=PREFERRED", server.port())), Ok(false));
    }
}

/// Accounts that demand something beside the password.
const ACCOUNTS: &str = "CREATE USER encrypted REQUIRE SSL; CREATE USER certified REQUIRE X509;
    CREATE USER named REQUIRE SUBJECT '/CN=app' AND ISSUER '/CN=right issuer'; CREATE USER other REQUIRE SUBJECT '/CN=other'";

#[test]
fn accounts_and_servers_that_demand_tls_and_certificates() {
    for binaries in Binaries::wanted() {
        let certificates = Certificates::new();
        certificates.sign("good", &["localhost"], "server", &certificates.right, 2100);
        certificates.sign("app", &[], "app", &certificates.right, 2100);
        certificates.sign("stranger", &[], "app", &certificates.wrong, 2100);
        certificates.sign("expired", &[], "app", &certificates.right, 2025);
        certificates.install("good");
        let server = server(binaries, &certificates, ServerOptions::new());
        server.sql("", ACCOUNTS);
        let (port, ca) = (server.port(), certificates.text("right.ca"));
        let url = |user: &str, mode: &str| format!("mysql://{user}@localhost:{port}/?ssl-mode={mode}&ssl-ca={ca}");
        let with = |user: &str, mode: &str, own: &str| {
            let path = |ending: &str| certificates.text(&format!("{own}.{ending}"));
            outcome(&format!("{}&ssl-cert={}&ssl-key={}", url(user, mode), path("crt"), path("key")))
        };
        assert_eq!(outcome(&url("encrypted", "VERIFY_IDENTITY")), Ok(true));
        assert_fails(&outcome(&url("encrypted", "DISABLED")), &["did not let the user", "ssl-mode=REQUIRED"]);
        assert_fails(
            &outcome(&format!(
                "{}&socket={}",
                url("encrypted", "PREFERRED").replace(&format!(":{port}"), ""),
                server.socket().display()
            )),
            &["did not let the user", "over TCP"],
        );
        for user in ["certified", "named"] {
            assert_fails(&outcome(&url(user, "REQUIRED")), &["did not let the user", "ssl-cert", "ssl-key"]);
            for mode in ["PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
                assert_eq!(with(user, mode, "app"), Ok(true), "{user} {mode}");
            }
        }
        assert_fails(&with("other", "REQUIRED", "app"), &["did not let the user", "REQUIRE SUBJECT"]);
        // A certificate that the server does not take. When it says so depends on the version of TLS.
        for own in ["stranger", "expired"] {
            assert_fails(&with("certified", "REQUIRED", own), &["ssl-cert"]);
        }
        // Files that cannot be used.
        let only = format!("{}&ssl-cert={}", url("certified", "REQUIRED"), certificates.text("app.crt"));
        assert_fails(&outcome(&only), &["app.crt", "ssl-key"]);
        let mixed = format!("{only}&ssl-key={}", certificates.text("stranger.key"));
        assert_fails(&outcome(&mixed), &["stranger.key", "does not go with"]);
        let none = format!("{only}&ssl-key={}", certificates.text("missing.key"));
        assert_fails(&outcome(&none), &["missing.key", "cannot be read"]);
        let no_key = format!("{only}&ssl-key={}", certificates.text("right.ca"));
        assert_fails(&outcome(&no_key), &["right.ca"]);

        // The same by an option file.
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| certificates.text(name);
        let (cert, key) = (path("app.crt"), path("app.key"));
        let text =
            format!("[client]\nuser=named\nssl-mode=VERIFY_IDENTITY\nssl_ca={ca}\nssl-cert={cert}\nssl-key={key}\n");
        fs::write(home.path().join(".my.cnf"), text).unwrap();
        let none: [(&str, &str); 0] = [];
        let around = Environment::new(none, Some(home.path().to_owned()), Some("canary".into()));
        assert_eq!(outcome_in(&format!("mysql://localhost:{port}/"), &around), Ok(true));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert_fails(&outcome_in(&format!("mysql://localhost:{port}/"), &around), &["app.key", "chmod 600"]);

        // A server that takes nothing else.
        server.sql("", "SET GLOBAL require_secure_transport = ON; CREATE USER plain");
        assert_fails(&outcome(&url("plain", "DISABLED")), &["ssl-mode=REQUIRED"]);
        assert_eq!(outcome(&url("plain", "PREFERRED")), Ok(true));
        assert_eq!(outcome(&server.socket_url("")), Ok(false));
    }
}

#[test]
fn versions_of_tls_that_are_too_old_are_told() {
    for binaries in Binaries::wanted() {
        let certificates = Certificates::new();
        certificates.sign("good", &["localhost"], "server", &certificates.right, 2100);
        certificates.install("good");
        for version in ["TLSv1.2", "TLSv1.3"] {
            let options = ServerOptions::new().setting("tls_version", version);
            let server = server(binaries.clone(), &certificates, options);
            let url = format!("mysql://root@localhost:{}/?ssl-mode=VERIFY_IDENTITY&ssl-ca=", server.port());
            assert_eq!(outcome(&format!("{url}{}", certificates.text("right.ca"))), Ok(true), "{version}");
            assert_fails(&outcome(&format!("{url}{}", certificates.text("wrong.ca"))), &["its issuer is unknown"]);
        }
    }
}
