//! Ways to sign in that servers have as plugins: each works, or says what to do.

use offshoot_engines::mysql::conninfo::{ConnInfo, Environment, Password};
use offshoot_engines::mysql::session::Session;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions};

/// Who a session is to the server, or why there is none.
fn sign_in(url: &str, password: Option<&str>) -> Result<String, String> {
    let mut info = ConnInfo::parse(url, &Environment::empty()).unwrap();
    info.password = password.map(Password::new);
    let mut session = Session::open(&info).map_err(|error| error.to_string())?;
    Ok(session.query_one("ask", "SELECT CURRENT_USER()").unwrap().text(0).unwrap().to_owned())
}

#[track_caller]
fn assert_fails(outcome: Result<String, String>, words: &[&str]) {
    let error = outcome.unwrap_err();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert!(!error.contains("canary"), "{error}");
}

fn with_plugin(binaries: Binaries, test: &str, library: &str) -> Option<Server> {
    let folder = binaries.plugins().filter(|folder| folder.join(library).is_file());
    let Some(folder) = folder else {
        eprintln!("SKIPPED {test} on {}: there is no {library}", binaries.family().name());
        return None;
    };
    let options = ServerOptions::new().setting("plugin_dir", folder.to_str().unwrap());
    Some(Server::start(options.binaries(binaries).setting("plugin_load_add", library)))
}

#[test]
fn by_ed25519() {
    let test = "by_ed25519";
    let Some(binaries) = Binaries::mariadb_with_plugins_or_skip(test) else { return };
    let Some(server) = with_plugin(binaries, test, "auth_ed25519.so") else { return };
    server.sql("", "CREATE USER ada IDENTIFIED VIA ed25519 USING PASSWORD('se''cret canary')");
    for mode in ["DISABLED", "PREFERRED"] {
        let url = |user: &str| format!("mysql://{user}@127.0.0.1:{}/?ssl-mode={mode}", server.port());
        assert_eq!(sign_in(&url("ada"), Some("se'cret canary")), Ok("ada@%".to_owned()));
        for wrong in [None, Some("canary")] {
            assert_fails(sign_in(&url("ada"), wrong), &["did not let the user \"ada\" in"]);
        }
    }
}

/// The name of whoever runs this.
fn os_user() -> String {
    let output = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn by_the_user_of_the_system() {
    let user = os_user();
    for binaries in Binaries::wanted() {
        let server = match binaries.family() {
            Family::MariaDb => Some(Server::start(ServerOptions::new().binaries(binaries))),
            Family::MySql => with_plugin(binaries, "by_the_user_of_the_system", "auth_socket.so"),
        };
        let Some(server) = server else { continue };
        let plugin = match server.binaries().family() {
            Family::MariaDb => "unix_socket",
            Family::MySql => "auth_socket",
        };
        server.sql(
            "",
            &format!(
                "CREATE USER IF NOT EXISTS '{user}'@localhost; CREATE USER stranger@localhost IDENTIFIED WITH {plugin}"
            ),
        );
        server.sql("", &format!("ALTER USER '{user}'@localhost IDENTIFIED WITH {plugin}"));
        let socket = |name: &str| server.socket_url("").replace("//root@", &format!("//{name}@"));
        assert_eq!(sign_in(&socket(&user), None), Ok(format!("{user}@localhost")));
        // A password is not asked for, and does no harm.
        assert_eq!(sign_in(&socket(&user), Some("canary")), Ok(format!("{user}@localhost")));
        assert_fails(sign_in(&socket("stranger"), None), &["did not let the user \"stranger\" in"]);
        let tcp = format!("mysql://{user}@127.0.0.1:{}/", server.port());
        assert_fails(sign_in(&tcp, Some("canary")), &["did not let the user"]);
    }
}

#[test]
fn passwords_that_are_too_long_for_a_key_are_told() {
    let Some(binaries) = Binaries::mysql_or_skip("passwords_that_are_too_long_for_a_key_are_told") else { return };
    let server = Server::start(ServerOptions::new().binaries(binaries));
    let fits = "x".repeat(213);
    let long = "canary".repeat(36);
    server.sql("", &format!("CREATE USER fits IDENTIFIED BY '{fits}'; CREATE USER lengthy IDENTIFIED BY '{long}'"));
    let url = |user: &str, mode: &str| format!("mysql://{user}@127.0.0.1:{}/?ssl-mode={mode}", server.port());
    assert_eq!(sign_in(&url("fits", "DISABLED"), Some(&fits)), Ok("fits@%".to_owned()));
    assert_fails(sign_in(&url("lengthy", "DISABLED"), Some(&long)), &["caching_sha2_password", "ssl-mode=REQUIRED"]);
    assert_eq!(sign_in(&url("lengthy", "REQUIRED"), Some(&long)), Ok("lengthy@%".to_owned()));
}
