//! Scrub keys: made once, found by environment, file or command, refused when others can read them, and never shown.

use crate::session::{Ran, Session};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn fingerprint(ran: &Ran) -> String {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout.trim().to_owned()
}

#[test]
fn a_key_is_made_once_and_only_for_its_owner() {
    let session = Session::new();
    let made = session.quietly(&["--json", "key", "new", "k1"]).json();
    let file = session.dir().join("k1");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let digits = text.trim().strip_prefix("offshoot-key-1:").unwrap();
    assert_eq!(digits.len(), 64);
    assert!(!made.to_string().contains(digits));

    let again = session.quietly(&["key", "new", "k1"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    let shown = fingerprint(&session.quietly(&["key", "fingerprint", "k1"]));
    assert_eq!(made["fingerprint"], shown);
    assert!(!digits.contains(&shown));
    session.quietly(&["key", "new", "k2", "--replaces", &shown]);
    let next = session.quietly(&["--json", "key", "fingerprint", "k2"]).json();
    assert_eq!(next["replaces"], shown);
    assert_ne!(next["fingerprint"], shown);
    assert_eq!(session.quietly(&["key", "new", "k3", "--replaces", "12"]).code, Some(2));
}

#[test]
fn a_key_is_found_by_file_command_and_configuration() {
    let session = Session::new();
    let mut keys = Vec::new();
    for name in ["file", "command", "configured"] {
        session.quietly(&["key", "new", name]);
        keys.push(fingerprint(&session.quietly(&["key", "fingerprint", name])));
    }
    let found = |variables: &[(&str, &str)]| {
        let output = session.command(&["key", "fingerprint"]).envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    fs::create_dir_all(session.dir().join(".config/offshoot")).unwrap();
    fs::write(session.dir().join(".config/offshoot/offshoot.toml"), "key = \"../../command\"\n").unwrap();
    assert_eq!(found(&[]), keys[1]);
    fs::write(session.dir().join("offshoot.toml"), "key = \"configured\"\n").unwrap();
    assert_eq!(found(&[]), keys[2]);
    assert_eq!(found(&[("OFFSHOOT_KEY_COMMAND", "cat command")]), keys[1]);
    assert_eq!(found(&[("OFFSHOOT_KEY_COMMAND", "cat command"), ("OFFSHOOT_KEY_FILE", "file")]), keys[0]);
}

#[test]
fn what_is_no_key_is_said_without_being_shown() {
    let session = Session::new();
    let secret = "offshoot-key-1:00112233445566778899aabbccddeeff00112233445566778899aabbccddee";
    let fails = |code: i32, says: &str, variables: &[(&str, &str)]| {
        let output = session.command(&["key", "fingerprint"]).envs(variables.iter().copied()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(says) && stderr.contains("hint: "), "{stderr}");
        assert!(!stderr.contains("00112233"), "{stderr}");
    };
    fails(2, "there is no scrub key", &[]);
    fs::write(session.dir().join("short"), secret).unwrap();
    fs::set_permissions(session.dir().join("short"), fs::Permissions::from_mode(0o640)).unwrap();
    fails(4, "can be read by others (mode 640)", &[("OFFSHOOT_KEY_FILE", "short")]);
    fs::set_permissions(session.dir().join("short"), fs::Permissions::from_mode(0o600)).unwrap();
    fails(2, "is none: ", &[("OFFSHOOT_KEY_FILE", "short")]);
    let printing = format!("echo {secret}");
    fails(2, "is none: ", &[("OFFSHOOT_KEY_COMMAND", &printing)]);
    fails(1, "exit status: 3", &[("OFFSHOOT_KEY_COMMAND", "exit 3")]);
    let zeros = format!("echo offshoot-key-1:{}", "0".repeat(64));
    fails(2, "not random", &[("OFFSHOOT_KEY_COMMAND", &zeros)]);
}
