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
