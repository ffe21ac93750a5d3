//! What is refused, and leaves everything as it was.

use crate::place::{Folder, options, run};
use offshoot_restore::pool::{CreateOptions, Pool, PoolError, Rights, State};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn a_pool_that_a_program_works_in_stays_as_it_is() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.created();
    let busy = fs::File::open(pool.user_folder().unwrap()).unwrap();
    let error = pool.destroy(false, Rights::Root).unwrap_err();
    assert!(matches!(error, PoolError::Command { .. }), "{error}");
    assert_eq!(pool.status().unwrap().state, State::Mounted);
    assert!(pool.image().exists());
    drop(busy);
    pool.destroy(false, Rights::Root).unwrap();
}

#[test]
fn two_at_once_are_one_after_the_other() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.pool();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| match pool.create(&options(), Rights::Root) {
                Ok(status) => assert_eq!(status.state, State::Mounted),
                Err(PoolError::Busy { .. }) => {}
                Err(error) => panic!("{error}"),
            });
        }
    });
    assert!(crate::place::has_loops(folder.path(), 1));
}

#[test]
fn what_is_mounted_there_and_is_no_pool_is_left_alone() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.pool();
    fs::create_dir(pool.mount_point()).unwrap();
    run(&["mount", "-t", "tmpfs", "something", pool.mount_point().to_str().unwrap()]);
    fs::write(pool.mount_point().join("file"), "kept").unwrap();
    for error in [
        pool.create(&options(), Rights::Root).unwrap_err(),
        pool.destroy(true, Rights::Root).unwrap_err(),
        pool.status().unwrap_err(),
    ] {
        assert!(error.to_string().contains("something is mounted at"), "{error}");
    }
    assert_eq!(fs::read(pool.mount_point().join("file")).unwrap(), b"kept");
}

#[test]
fn root_follows_nobody_else_s_links() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.pool();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    assert!(matches!(pool.create(&options(), Rights::Root), Err(PoolError::Folder { .. })));
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(folder.path(), Some(65001), None).unwrap();
    assert!(matches!(pool.create(&options(), Rights::Root), Err(PoolError::Folder { .. })));
    std::os::unix::fs::chown(folder.path(), Some(0), None).unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "kept").unwrap();
    for name in ["pool.xfs", "pool.xfs.new", "pool.xfs.gone", "pool"] {
        symlink(&victim, folder.path().join(name)).unwrap();
        assert!(matches!(pool.create(&options(), Rights::Root), Err(PoolError::Folder { .. })), "{name}");
        assert!(matches!(pool.destroy(true, Rights::Root), Err(PoolError::Folder { .. })), "{name}");
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    assert_eq!(fs::read(&victim).unwrap(), b"kept");
}

#[test]
fn a_user_s_folder_that_somebody_else_made_is_not_used() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.pool();
    pool.create(&CreateOptions { shared: true, ..options() }, Rights::Root).unwrap();
    let own = pool.mount_point().join("user-0");
    symlink("/etc", &own).unwrap();
    assert!(matches!(pool.user_folder(), Err(PoolError::Folder { .. })));
    fs::remove_file(&own).unwrap();
    fs::create_dir(&own).unwrap();
    std::os::unix::fs::chown(&own, Some(65001), None).unwrap();
    assert!(matches!(pool.user_folder(), Err(PoolError::Folder { .. })));
}

#[test]
fn sizes_and_folders_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let pool = Pool::at(folder.path()).unwrap();
    let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let small = CreateOptions { bytes: 1 << 20, owner, shared: false };
    assert!(matches!(pool.plan_create(&small), Err(PoolError::TooSmall { .. })));
    assert!(Pool::at(&folder.path().join("absent")).is_err());
}
