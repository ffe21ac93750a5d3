//! Installing beside hooks that are there, and putting everything back.

use crate::repository::Case;
use offshoot_project::ProjectError;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Every file below a folder, with its mode and content or what it links to; Git's own moving parts left out.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            if metadata.is_dir() {
                if !["objects", "logs"].iter().any(|name| entry.file_name() == *name) {
                    folders.push(path);
                }
            } else if metadata.is_symlink() {
                found.insert(
                    path.clone(),
                    (metadata.mode(), fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()),
                );
            } else {
                found.insert(path.clone(), (metadata.mode(), fs::read(&path).unwrap()));
            }
        }
    }
    found
}

fn write_hook(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn twice_is_once_and_uninstalling_leaves_no_trace() {
    let case = Case::bare_of_hooks();
    write_hook(&case.top.join(".git/hooks/post-checkout"), "#!/bin/sh\nexit 3\n", 0o751);
    fs::write(case.top.join(".git/info/exclude"), "no newline").unwrap();
    let before = tree(&case.top);
    let installed = case.install().unwrap();
    assert_eq!((installed.chained.as_slice(), installed.is_changed), (["post-checkout"].as_slice(), true));
    let after = tree(&case.top);
    assert!(!case.install().unwrap().is_changed);
    assert_eq!(tree(&case.top), after);
    // The program has moved: the hooks follow.
    let mut options = case.options();
    options.program = PathBuf::from("/elsewhere/offshoot");
    let repository = offshoot_project::git::Repository::around(&case.top).unwrap();
    assert!(offshoot_project::git::install(&repository, &options).unwrap().is_changed);
    let undone = case.uninstall();
    assert_eq!((undone.removed.len(), undone.left_alone.len()), (3, 0));
    assert_eq!(tree(&case.top), before);
    assert_eq!(case.uninstall(), offshoot_project::git::Uninstalled::default());
}

#[test]
fn a_hook_that_was_there_is_run_with_all_it_had() {
    let case = Case::bare_of_hooks();
    let log = case.top.parent().unwrap().join("log");
    let hooks = case.top.join(".git/hooks");
    let tell = format!("printf '%s|' \"${{0##*/}}\" \"$@\" >> '{}'", log.display());
    // One by its neighbour, as husky does; one in another language, which does not exist everywhere, so by env -S.
    write_hook(&hooks.join("neighbour"), &tell, 0o644);
    write_hook(&hooks.join("post-checkout"), "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/neighbour\"\nexit 7\n", 0o755);
    let refuses =
        format!("#!/bin/sh -e\ncat >> '{}'\n[ \"$1\" != prepared ] || ! grep -q forbidden '{0}'\n", log.display());
    write_hook(&hooks.join("reference-transaction"), &refuses, 0o755);
    case.install().unwrap();
    let output = case.try_git_in(&case.top, ["checkout", "-q", "-b", "topic"]);
    assert_eq!(output.status.code(), Some(1), "Git hears what the hook before said");
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("topic", "topic"));
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("post-checkout|") && text.contains("|1|"), "{text}");
    assert!(text.contains(" refs/heads/topic\n") && text.contains("0000 ") && !text.contains("\n\n"), "{text}");
    let output = case.try_git_in(&case.top, ["branch", "forbidden"]);
    assert!(!output.status.success(), "the hook before can still refuse");
    assert_eq!(case.try_git_in(&case.top, ["branch", "--list", "forbidden"]).stdout, b"");
}

#[test]
fn hooks_that_are_off_and_hooks_that_are_links() {
    let case = Case::bare_of_hooks();
    let hooks = case.top.join(".git/hooks");
    write_hook(&hooks.join("post-checkout"), "#!/bin/sh\nexit 9\n", 0o644);
    std::os::unix::fs::symlink("../../nothing-there", hooks.join("reference-transaction")).unwrap();
    let before = tree(&case.top);
    case.install().unwrap();
    case.git(["checkout", "-q", "-b", "topic"]);
    assert_eq!(case.names(), "topic");
    case.git(["checkout", "-q", "main"]);
    case.git(["branch", "-D", "topic"]);
    case.has("main");
    case.uninstall();
    let hooks_only = |tree: BTreeMap<PathBuf, (u32, Vec<u8>)>| {
        tree.into_iter().filter(|(path, _)| path.starts_with(&hooks)).collect::<Vec<_>>()
    };
    assert_eq!(hooks_only(tree(&case.top)), hooks_only(before));
    assert!(!case.top.join(".env.offshoot").exists() && !case.top.join(".git/offshoot").exists());
}

#[test]
fn a_hooks_folder_inside_the_checkout() {
    let case = Case::bare_of_hooks();
    case.git(["config", "core.hooksPath", ".husky/_"]);
    let hooks = case.top.join(".husky/_");
    write_hook(&hooks.join("post-checkout"), "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"\n", 0o755);
    write_hook(&hooks.join("h"), "echo ran >> ran\n", 0o644);
    case.git(["add", ".husky/_/h"]);
    case.git(["commit", "-q", "-m", "husky"]);
    fs::write(case.top.join(".git/info/exclude"), ".husky/_/post-checkout\nran\n").unwrap();
    let before = tree(&case.top.join(".husky"));
    assert_eq!(case.install().unwrap().folder, hooks);
    case.git(["checkout", "-q", "-b", "topic"]);
    assert_eq!((case.names().as_str(), case.top.join("ran").exists()), ("topic", true));
    assert_eq!(case.try_git_in(&case.top, ["status", "--porcelain"]).stdout, b"");
    case.uninstall();
    assert_eq!(tree(&case.top.join(".husky")), before);
}

#[test]
fn what_is_somebody_elses_is_refused_and_nothing_is_changed() {
    let refusal = |case: &Case| {
        let before = tree(&case.top);
        let error = case.install().unwrap_err();
        assert!(matches!(error, ProjectError::NotOurs { .. }), "{error}");
        assert_eq!(tree(&case.top), before);
        error.to_string()
    };
    let case = Case::bare_of_hooks();
    // A hook that the repository keeps.
    case.git(["config", "core.hooksPath", "scripts"]);
    write_hook(&case.top.join("scripts/post-checkout"), "#!/bin/sh\n", 0o755);
    case.git(["add", "scripts"]);
    assert!(refusal(&case).contains("Add this line to it: offshoot git hook post-checkout \"$@\" || true"));
    case.git(["config", "--unset", "core.hooksPath"]);
    // The file with the variables is somebody's.
    fs::write(case.top.join(".env.offshoot"), "MINE=1\n").unwrap();
    assert!(refusal(&case).contains("move it away"));
    fs::remove_file(case.top.join(".env.offshoot")).unwrap();
    // Another program has replaced a hook of ours that had replaced another one.
    let hook = case.top.join(".git/hooks/post-checkout");
    write_hook(&hook, "#!/bin/sh\n# first\n", 0o755);
    case.install().unwrap();
    fs::remove_file(&hook).unwrap();
    write_hook(&hook, "#!/bin/sh\n# second\n", 0o755);
    assert!(refusal(&case).contains("has taken the place of ours"));
    assert_eq!(case.uninstall().left_alone, std::slice::from_ref(&hook));
    assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\n# second\n");
}
