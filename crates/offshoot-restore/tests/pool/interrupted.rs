//! Killed at every step: what it left, the same call mends.

use crate::place::{BYTES, Folder, has_loops, options, run};
use offshoot_restore::pool::{CreateOptions, Plan, Pool, Rights, State};
use std::fs;

/// Runs the first so many commands of a plan, as if it had been killed then. False once that is all of them.
fn begin(plan: &Plan, steps: usize) -> bool {
    for step in plan.steps().iter().take(steps) {
        run(&step.words.iter().map(String::as_str).collect::<Vec<_>>());
    }
    steps < plan.steps().len()
}

fn gone(folder: &Folder, pool: &Pool) {
    assert_eq!(pool.status().unwrap().state, State::Absent);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(has_loops(folder.path(), 0));
}

#[test]
fn creating_goes_on_wherever_it_was_killed() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.pool();
    let asked = CreateOptions { owner: (0, 65001), ..options() };
    for steps in 0.. {
        let is_begun = begin(&pool.plan_create(&asked).unwrap(), steps);
        let status = pool.create(&asked, Rights::Root).unwrap();
        assert_eq!((status.state, status.image_bytes), (State::Mounted, BYTES), "after {steps}");
        let root = fs::metadata(pool.mount_point()).unwrap();
        use std::os::unix::fs::MetadataExt;
        assert_eq!((root.gid(), root.mode() & 0o7777), (65001, 0o711), "after {steps}");
        assert!(pool.plan_create(&asked).unwrap().is_empty());
        assert!(has_loops(folder.path(), 1), "after {steps}");
        pool.destroy(false, Rights::Root).unwrap();
        gone(&folder, &pool);
        if !is_begun {
            return;
        }
    }
}

#[test]
fn what_was_half_created_can_be_destroyed() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.pool();
    for steps in 0.. {
        let is_begun = begin(&pool.plan_create(&options()).unwrap(), steps);
        let has_image = pool.image().exists();
        let is_mounted = pool.status().unwrap().state == State::Mounted;
        // A complete file that is not mounted may hold something, for all that can be seen.
        assert_eq!(pool.destroy(false, Rights::Root).is_err(), has_image && !is_mounted, "after {steps}");
        pool.destroy(true, Rights::Root).unwrap();
        gone(&folder, &pool);
        if !is_begun {
            return;
        }
    }
}

#[test]
fn destroying_goes_on_wherever_it_was_killed_and_can_be_thought_better_of() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.pool();
    for thought_better in [false, true] {
        for steps in 0.. {
            pool.create(&options(), Rights::Root).unwrap();
            let is_begun = begin(&pool.plan_destroy(false).unwrap(), steps);
            if thought_better {
                let status = pool.create(&options(), Rights::Root).unwrap();
                assert_eq!(status.state, State::Mounted, "after {steps}");
            }
            pool.destroy(false, Rights::Root).unwrap();
            gone(&folder, &pool);
            if !is_begun {
                break;
            }
        }
    }
}

#[test]
fn growing_goes_on_wherever_it_was_killed() {
    for is_mounted in [true, false] {
        for steps in 0.. {
            let Some(folder) = Folder::new() else { return };
            let pool = folder.created();
            let file = pool.user_folder().unwrap().join("file");
            fs::write(&file, "kept").unwrap();
            if !is_mounted {
                run(&["umount", pool.mount_point().to_str().unwrap()]);
            }
            let larger = CreateOptions { bytes: 2 * BYTES, ..options() };
            let is_begun = begin(&pool.plan_create(&larger).unwrap(), steps);
            let status = pool.create(&larger, Rights::Root).unwrap();
            assert!(status.total_bytes.unwrap() > 2 * BYTES - (100 << 20), "after {steps}: {status:?}");
            assert!(pool.plan_create(&larger).unwrap().is_empty(), "after {steps}");
            assert_eq!(fs::read(&file).unwrap(), b"kept");
            if !is_begun {
                break;
            }
        }
    }
}

#[test]
fn a_loop_device_without_a_mount_is_let_go() {
    let Some(folder) = Folder::new() else { return };
    let pool = folder.created();
    run(&["umount", pool.mount_point().to_str().unwrap()]);
    run(&["losetup", "-f", pool.image().to_str().unwrap()]);
    assert!(has_loops(folder.path(), 1));
    assert_eq!(pool.create(&options(), Rights::Root).unwrap().state, State::Mounted);
    assert!(has_loops(folder.path(), 1));
    run(&["umount", pool.mount_point().to_str().unwrap()]);
    run(&["losetup", "-f", pool.image().to_str().unwrap()]);
    pool.destroy(true, Rights::Root).unwrap();
    gone(&folder, &pool);
}
