//! Without rights there are commands, and nothing is done.

use offshoot_restore::pool::{CreateOptions, Pool, PoolError, Rights, State};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn who_is_not_root_gets_commands_that_work() {
    let Some(folder) = crate::place::Folder::new() else { return };
    let pool = folder.pool();
    let error = pool.create(&crate::place::options(), Rights::None).unwrap_err();
    let PoolError::NeedsRoot { commands } = &error else { panic!("{error}") };
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let told = error.to_string();
    assert!(commands.iter().all(|command| command.starts_with("sudo ") && told.contains(command)), "{told}");
    // Pasted by somebody who has the rights.
    let script = commands.iter().map(|command| command.strip_prefix("sudo ").unwrap()).collect::<Vec<_>>().join("\n");
    let output = Command::new("sh").args(["-e", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(pool.status().unwrap().state, State::Mounted);
    assert!(pool.plan_create(&crate::place::options()).unwrap().is_empty());
    let Err(PoolError::NeedsRoot { commands }) = pool.destroy(false, Rights::None) else { panic!() };
    let script = commands.iter().map(|command| command.strip_prefix("sudo ").unwrap()).collect::<Vec<_>>().join("\n");
    assert!(Command::new("sh").args(["-e", "-c", &script]).status().unwrap().success());
    assert_eq!(pool.status().unwrap().state, State::Absent);
}

#[test]
fn a_plan_says_what_each_command_is_for() {
    if !["/usr/sbin/mkfs.xfs", "/sbin/mkfs.xfs"].iter().any(|file| fs::exists(file).unwrap()) {
        eprintln!("skipped: xfsprogs is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let owner = (rustix::process::geteuid().as_raw(), 4321);
    let pool = Pool::at(folder.path()).unwrap();
    let plan = pool.plan_create(&CreateOptions { bytes: 1 << 30, owner, shared: false }).unwrap();
    let programs: Vec<&str> = plan.steps().iter().map(|step| step.words[0].as_str()).collect();
    assert_eq!(programs, ["truncate", "chmod", "mkfs.xfs", "mv", "mkdir", "mount", "chown", "chmod"]);
    assert!(plan.steps().iter().all(|step| !step.why.is_empty()));
}
