//! Where the project and its build are.

use std::path::{Path, PathBuf};

/// The project's folder: the one above this package's.
pub fn root() -> PathBuf {
    // Cargo says it to what it runs; the folder of the build is for a binary that is started by hand.
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().unwrap_or(&package).to_path_buf()
}

/// Cargo's target folder, found upwards from this program by the tag that cargo leaves in it.
pub fn target_dir() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let tagged = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file());
    tagged.map_or_else(|| root().join("target"), Path::to_path_buf)
}

/// The folder that a variable names, else [`dir_for_servers`].
pub fn dir_named_by(variable: &str, name: &str) -> PathBuf {
    match std::env::var_os(variable).filter(|dir| !dir.is_empty()) {
        Some(named) => PathBuf::from(named),
        None => dir_for_servers(name),
    }
}

/// A folder for what servers read: in the target folder, unless they run as nobody, who cannot enter that.
pub fn dir_for_servers(name: &str) -> PathBuf {
    let target = target_dir();
    if is_root() && !everyone_may_enter(&target) {
        return std::env::temp_dir().join(format!("offshoot-{name}"));
    }
    target.join(name)
}

/// True when the process runs as root.
pub fn is_root() -> bool {
    // The owner of a process's own entry is its effective user.
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

/// True when any user may enter the folder; servers run as nobody when the tests run as root.
pub fn everyone_may_enter(dir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    dir.ancestors().all(|dir| std::fs::metadata(dir).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
}
