//! A pool from its making to its end.

use crate::place::{BYTES, Folder, has_loops, loops, options, run};
use offshoot_restore::clone::{CloneOptions, Method, clone_tree, probe, remove_tree};
use offshoot_restore::pool::{CreateOptions, Rights, State};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[test]
fn a_pool_is_made_used_and_removed() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.pool();
    assert_eq!(pool.status().unwrap().state, State::Absent);
    let status = pool.create(&options(), Rights::Root).unwrap();
    assert_eq!((status.state, status.image_bytes), (State::Mounted, BYTES));
    assert!(status.image_allocated_bytes < BYTES / 4, "{status:?}");
    assert!(status.free_bytes.unwrap() > BYTES / 2 && status.total_bytes.unwrap() <= BYTES, "{status:?}");
    assert_eq!(pool.image().metadata().unwrap().mode() & 0o777, 0o600);
    // Again: nothing is to be done, so nobody needs rights.
    assert!(pool.plan_create(&options()).unwrap().is_empty());
    pool.create(&options(), Rights::None).unwrap();

    let own = pool.user_folder().unwrap();
    assert_eq!(pool.user_folder().unwrap(), own);
    assert_eq!(probe(&own).unwrap().method, Method::Reflink);
    fs::create_dir(own.join("image")).unwrap();
    fs::write(own.join("image/file"), vec![1; 20 << 20]).unwrap();
    let control = offshoot_core::Control::default();
    clone_tree(&own.join("image"), &own.join("clone"), &CloneOptions::new(Method::Reflink), &control).unwrap();

    let error = pool.destroy(false, Rights::Root).unwrap_err();
    assert!(error.to_string().contains("user-0/clone"), "{error}");
    assert_eq!(pool.status().unwrap().state, State::Mounted);
    remove_tree(&own.join("image")).unwrap();
    remove_tree(&own.join("clone")).unwrap();
    pool.destroy(false, Rights::Root).unwrap();
    assert_eq!(pool.status().unwrap().state, State::Absent);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(has_loops(folder.path(), 0));
    // Again.
    pool.destroy(false, Rights::None).unwrap();
}

#[test]
fn what_is_deleted_is_given_back_to_the_disk_when_that_is_asked_for() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.created();
    let file = pool.user_folder().unwrap().join("file");
    fs::write(&file, vec![1; 100 << 20]).unwrap();
    offshoot_restore::clone::sync_tree(&pool.mount_point()).unwrap();
    let full = pool.status().unwrap();
    assert!(full.image_allocated_bytes > 100 << 20 && full.reclaimable_bytes() < 50 << 20, "{full:?}");
    fs::remove_file(&file).unwrap();
    offshoot_restore::clone::sync_tree(&pool.mount_point()).unwrap();
    let command = full.trim_command.strip_prefix("sudo ").unwrap().to_owned();
    // XFS takes back the blocks of what was deleted in the background.
    for _ in 0..600 {
        run(&["sh", "-c", &command]);
        let status = pool.status().unwrap();
        if status.image_allocated_bytes < full.image_allocated_bytes - (90 << 20) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("nothing was given back: {:?}", pool.status().unwrap());
}

#[test]
fn after_a_reboot_it_is_said_how_to_mount_it() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.created();
    let file = pool.user_folder().unwrap().join("file");
    fs::write(&file, "kept").unwrap();
    run(&["umount", pool.mount_point().to_str().unwrap()]);
    let status = pool.status().unwrap();
    assert_eq!((status.state, status.total_bytes), (State::Unmounted, None));
    let error = pool.user_folder().unwrap_err().to_string();
    assert!(error.contains(&status.mount_command), "{error}");
    assert!(pool.destroy(false, Rights::Root).unwrap_err().to_string().contains("is not mounted"));
    // The command can be pasted.
    run(&["sh", "-c", status.mount_command.strip_prefix("sudo ").unwrap()]);
    assert_eq!(fs::read(&file).unwrap(), b"kept");
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let device = &loops(folder.path())[0];
    let mounted = table.lines().find(|line| line.contains(device.to_str().unwrap())).unwrap();
    assert!(mounted.contains("nosuid") && mounted.contains("nodev"), "{mounted}");
    // The line for fstab is one that mount takes.
    run(&["umount", pool.mount_point().to_str().unwrap()]);
    let fstab = folder.path().join("fstab");
    fs::write(&fstab, &status.fstab_line).unwrap();
    run(&["mount", "-T", fstab.to_str().unwrap(), pool.mount_point().to_str().unwrap()]);
    assert_eq!(fs::read(&file).unwrap(), b"kept");
    // So does creating it again.
    run(&["umount", pool.mount_point().to_str().unwrap()]);
    assert_eq!(pool.create(&options(), Rights::Root).unwrap().state, State::Mounted);
    assert_eq!(fs::read(&file).unwrap(), b"kept");
}

#[test]
fn one_that_is_not_mounted_goes_unseen_if_that_is_said() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.created();
    fs::write(pool.user_folder().unwrap().join("file"), "lost").unwrap();
    run(&["umount", pool.mount_point().to_str().unwrap()]);
    pool.destroy(true, Rights::Root).unwrap();
    assert_eq!(pool.status().unwrap().state, State::Absent);
}

#[test]
fn a_pool_grows_and_never_shrinks() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.created();
    let before = pool.status().unwrap().total_bytes.unwrap();
    let larger = CreateOptions { bytes: 2 * BYTES, ..options() };
    let status = pool.create(&larger, Rights::Root).unwrap();
    assert_eq!(status.image_bytes, 2 * BYTES);
    assert!(status.total_bytes.unwrap() >= before + BYTES - (20 << 20), "{status:?}");
    assert!(pool.plan_create(&larger).unwrap().is_empty());
    let error = pool.create(&options(), Rights::Root).unwrap_err();
    assert!(error.to_string().contains("cannot be made smaller"), "{error}");
    // While it is not mounted as well.
    run(&["umount", pool.mount_point().to_str().unwrap()]);
    let status = pool.create(&CreateOptions { bytes: 3 * BYTES, ..options() }, Rights::Root).unwrap();
    assert!(status.total_bytes.unwrap() >= before + 2 * BYTES - (20 << 20), "{status:?}");
}

#[test]
fn a_full_pool_says_so_and_growing_it_helps() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.created();
    let own = pool.user_folder().unwrap();
    assert!(pool.status().unwrap().why_full().is_none());
    let error = fs::write(own.join("all"), vec![1; BYTES as usize]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let why = pool.status().unwrap().why_full().unwrap().to_string();
    assert!(why.contains("is full") && why.contains("offshoot pool create --size"), "{why}");
    pool.create(&CreateOptions { bytes: 2 * BYTES, ..options() }, Rights::Root).unwrap();
    assert!(pool.status().unwrap().why_full().is_none());
    fs::write(own.join("more"), vec![1; 100 << 20]).unwrap();
}

#[test]
fn a_full_disk_under_a_pool_is_told_from_a_full_pool() {
    let Some((folder, disk)) = Folder::small(200) else { return };
    let pool = folder.created();
    assert!(pool.status().unwrap().overcommitted_bytes() > 100 << 20);
    let file = fs::File::create(pool.user_folder().unwrap().join("all")).unwrap();
    let written = std::io::Write::write_all(&mut &file, &vec![1; 220 << 20]).and_then(|()| file.sync_all());
    assert!(written.is_err());
    let why = pool.status().unwrap().why_full().unwrap().to_string();
    assert!(why.contains("the disk that the pool's file"), "{why}");
    drop(file);
    drop(disk);
}

#[test]
fn users_have_folders_that_others_do_not_see() {
    let Some(folder) = Folder::new() else { return };
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let pool = folder.pool();
    pool.create(&CreateOptions { shared: true, ..options() }, Rights::Root).unwrap();
    let root = pool.mount_point().metadata().unwrap();
    assert_eq!((root.uid(), root.mode() & 0o7777), (0, 0o1777));
    let folder_of = |user: u32| pool.mount_point().join(format!("user-{user}"));
    let as_user = |user: u32, script: &str| {
        let ids = [format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()];
        let script =
            std::process::Command::new("setpriv").args(ids).args(["sh", "-c", script]).current_dir("/").output();
        script.unwrap().status.success()
    };
    for user in [65001, 65002] {
        let path = folder_of(user).display().to_string().replace('\'', r"'\''");
        assert!(as_user(user, &format!("mkdir -m 0700 '{path}' && echo x > '{path}/file'")));
    }
    let first = folder_of(65001).display().to_string().replace('\'', r"'\''");
    assert!(!as_user(65002, &format!("ls '{first}'")));
    assert!(!as_user(65002, &format!("rm -rf '{first}'")));
    assert!(!as_user(65002, &format!("mv '{first}' '{first}-x'")));
    assert!(as_user(65001, &format!("rm -r '{first}'")));
    assert!(pool.destroy(false, Rights::Root).unwrap_err().to_string().contains("user-65002"));
}

#[test]
fn a_pool_is_theirs_who_asked_for_it() {
    let Some(folder) = Folder::new() else { return };
    std::os::unix::fs::chown(folder.path(), Some(65001), Some(65001)).unwrap();
    let pool = folder.pool();
    let asked = CreateOptions { owner: (65001, 65001), ..options() };
    pool.create(&asked, Rights::Root).unwrap();
    let root = pool.mount_point().metadata().unwrap();
    assert_eq!((root.uid(), root.gid(), root.mode() & 0o7777), (65001, 65001, 0o711));
    // Nobody takes it from them.
    assert!(pool.plan_create(&CreateOptions { shared: true, ..asked }).unwrap().is_empty());
}
