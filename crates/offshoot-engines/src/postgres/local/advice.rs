//! How to get what is missing on this system: the words of its package manager.

use std::path::Path;

/// How a server of a major version is installed.
pub(super) fn how_to_install(major: u32, is_named: bool) -> String {
    let words = words_of(major, |path| Path::new(path).exists());
    if is_named {
        format!(
            "The folder that is configured (OFFSHOOT_PG_BIN, or offshoot.toml) is the only one that is looked at. {words}"
        )
    } else {
        format!("{words}; or name the folder of its programs with OFFSHOOT_PG_BIN")
    }
}

/// How a locale of the system's library is installed.
pub(super) fn how_to_get_locale() -> &'static str {
    if Path::new("/etc/debian_version").exists() {
        "Install it (apt-get install locales-all), then try again"
    } else if Path::new("/etc/redhat-release").exists() {
        "Install it (dnf install glibc-all-langpacks), then try again"
    } else {
        "Install it with the system's locales, then try again"
    }
}

fn words_of(major: u32, exists: impl Fn(&str) -> bool) -> String {
    if exists("/etc/debian_version") {
        format!(
            "Install it: apt-get install postgresql-{major}. If the system has no such package: apt-get install postgresql-common && \
             /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh, then again"
        )
    } else if exists("/etc/redhat-release") {
        format!("Install it from PostgreSQL's own packages (PGDG): dnf install postgresql{major}-server")
    } else if exists("/etc/alpine-release") {
        format!("Install it: apk add postgresql{major}")
    } else if exists("/etc/SuSE-release") || exists("/usr/bin/zypper") {
        format!("Install it: zypper install postgresql{major}-server")
    } else if exists("/System/Library") || exists("/home/linuxbrew/.linuxbrew") {
        format!("Install it: brew install postgresql@{major}")
    } else {
        format!("Install PostgreSQL {major}'s server programs")
    }
}

#[cfg(test)]
mod tests {
    use super::words_of;

    #[test]
    fn each_system_has_its_words() {
        assert!(words_of(15, |path| path == "/etc/debian_version").contains("apt-get install postgresql-15"));
        assert!(words_of(15, |path| path == "/System/Library").contains("brew install postgresql@15"));
        assert!(words_of(15, |path| path == "/etc/redhat-release").contains("postgresql15-server"));
        assert!(words_of(15, |_| false).contains("15"));
    }
}
