//! Where MariaDB and MySQL are installed on this machine.

use crate::local::places::Kind;

/// Their programs and places, the preferred first. Where both names are in a folder, MySQL's is a link to MariaDB's.
pub(super) const KIND: Kind = Kind {
    servers: &["mariadbd", "mysqld"],
    beside: &[],
    packaged: &[
        // Debian, Ubuntu, Red Hat, SUSE, Arch
        ("/usr", "sbin", ""),
        ("/usr", "libexec", ""),
        ("/usr", "bin", ""),
        // Homebrew on Apple's processors, on Intel's, and on Linux
        ("/opt/homebrew/opt", "mariadb", "bin"),
        ("/opt/homebrew/opt", "mysql", "bin"),
        ("/usr/local/opt", "mariadb", "bin"),
        ("/usr/local/opt", "mysql", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "mariadb", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "mysql", "bin"),
        // Oracle's and MariaDB's own archives
        ("/usr/local", "mysql", "bin"),
        ("/usr/local", "mariadb", "bin"),
        ("/opt", "mysql", "bin"),
        ("/opt", "mariadb", "bin"),
        // FreeBSD
        ("/usr/local", "libexec", ""),
    ],
    managed: &[
        ".asdf/installs/mysql",
        ".asdf/installs/mariadb",
        ".local/share/mise/installs/mysql",
        ".local/share/mise/installs/mariadb",
    ],
};

#[cfg(test)]
mod tests {
    use super::KIND;
    use std::path::Path;

    #[test]
    fn packages_of_all_kinds_are_found() {
        for folder in [
            "/usr/sbin",
            "/usr/libexec",
            "/opt/homebrew/opt/mariadb@10.11/bin",
            "/usr/local/opt/mysql@8.4/bin",
            "/home/linuxbrew/.linuxbrew/opt/mysql/bin",
            "/usr/local/mysql-9.7.0-linux-x86_64/bin",
        ] {
            assert!(KIND.looks_into(Path::new(folder)), "{folder}");
        }
        assert!(!KIND.looks_into(Path::new("/opt/homebrew/opt/redis/bin")));
    }
}
