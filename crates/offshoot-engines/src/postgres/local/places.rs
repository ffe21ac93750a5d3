//! Where PostgreSQL is installed on this machine.

use crate::local::places::Kind;

/// Its programs and their places, the preferred first.
pub(super) const KIND: Kind = Kind {
    servers: &["postgres"],
    beside: &["initdb"],
    packaged: &[
        // Debian and Ubuntu
        ("/usr/lib/postgresql", "", "bin"),
        // Red Hat, by PostgreSQL's own packages
        ("/usr", "pgsql-", "bin"),
        // SUSE
        ("/usr/lib", "postgresql", "bin"),
        // Alpine
        ("/usr/libexec", "postgresql", ""),
        // built from source
        ("/usr/local", "pgsql", "bin"),
        // Homebrew on Apple's processors, on Intel's, and on Linux
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
        // Postgres.app
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
        // FreeBSD and others
        ("/usr/local/lib", "postgresql", "bin"),
        ("/opt", "postgresql", "bin"),
    ],
    managed: &[".asdf/installs/postgres", ".local/share/mise/installs/postgres", ".local/share/rtx/installs/postgres"],
};

#[cfg(test)]
mod tests {
    use super::KIND;
    use std::path::Path;

    #[test]
    fn packages_of_all_kinds_are_found() {
        for folder in [
            "/usr/lib/postgresql/15/bin",
            "/usr/pgsql-16/bin",
            "/usr/lib/postgresql17/bin",
            "/usr/libexec/postgresql18",
            "/opt/homebrew/opt/postgresql@15/bin",
            "/usr/local/opt/postgresql@16/bin",
            "/home/linuxbrew/.linuxbrew/opt/postgresql@17/bin",
            "/Applications/Postgres.app/Contents/Versions/17/bin",
        ] {
            assert!(KIND.looks_into(Path::new(folder)), "{folder}");
        }
        assert!(!KIND.looks_into(Path::new("/opt/homebrew/opt/redis/bin")));
    }
}
