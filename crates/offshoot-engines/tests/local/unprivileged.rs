//! The same as a user without rights: the tests of this program run once more as nobody.

use offshoot_testkit::place::{is_root, unprivileged};
use std::path::PathBuf;

/// What depends on who runs it.
const AGAIN: [&str; 8] = [
    "lives::a_server_is_made_started_reached_and_stopped",
    "lives::a_killed_server_is_seen_and_starts_again",
    "lives::a_second_server_on_the_same_data_is_refused",
    "lives::what_a_server_left_running_is_ended_with_it",
    "lives::nothing_is_for_others_to_read",
    "refusals::data_directories_of_others_are_refused",
    "refusals::sockets_that_others_reach_or_nobody_can_are_refused",
    "sessions::a_server_without_a_network_is_reached_by_its_socket_alone",
];

#[test]
fn a_user_without_rights_can_do_it_too() {
    if !is_root() {
        return;
    }
    // A copy, where everybody may run it: the build's folder may be closed to others.
    let dir = tempfile::Builder::new().prefix("u-").tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program: PathBuf = dir.path().join("local");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = unprivileged(&program).arg("--exact").args(AGAIN).arg("--nocapture").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("{} passed", AGAIN.len())), "{said}");
}
