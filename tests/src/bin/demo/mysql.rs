//! The shop on MariaDB and MySQL.

use super::{Result, Shop};
use offshoot_testkit::mysql::{Binaries, Server, ServerOptions, fingerprint, shop};
use std::path::{Path, PathBuf};

pub struct Mysql(Server);

impl Mysql {
    pub fn of_mariadb() -> Result<Self> {
        Self::start(Binaries::mariadb()?)
    }

    pub fn of_mysql() -> Result<Self> {
        Self::start(Binaries::mysql()?)
    }

    fn start(binaries: Binaries) -> Result<Self> {
        let server = Server::try_start(ServerOptions::new().binaries(binaries).setting("local_infile", "ON"))?;
        for database in ["shop", "shop_copy", "shop_scrubbed"] {
            server.try_sql("", &format!("CREATE DATABASE {database} CHARACTER SET utf8mb4"))?;
        }
        shop::load(&server, "shop")?;
        Ok(Self(server))
    }
}

fn client(sql: &str) -> Vec<String> {
    vec!["--batch".to_owned(), "--skip-column-names".to_owned(), format!("--execute={sql}")]
}

impl Shop for Mysql {
    fn version(&self) -> String {
        self.0.binaries().version().to_owned()
    }

    fn programs(&self) -> (&'static str, PathBuf) {
        ("OFFSHOOT_MYSQL_BIN", self.0.binaries().server().parent().unwrap_or(Path::new("/")).to_path_buf())
    }

    fn url(&self, database: &str) -> String {
        self.0.url(database)
    }

    fn fingerprint(&self, database: &str) -> Result<String> {
        Ok(fingerprint(&self.0, database))
    }

    fn change(&self, database: &str) -> Result<()> {
        self.0.try_sql(database, shop::CHANGE_SQL)?;
        Ok(())
    }

    fn one_person(&self, database: &str) -> Result<String> {
        Ok(self.0.try_sql(database, shop::ONE_PERSON)?)
    }

    fn overlooked(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        // Titles of reviews name addresses.
        &[("review", "title", "words")]
    }

    fn deletion(&self) -> Vec<String> {
        client("DELETE FROM review; SELECT CONCAT(COUNT(*), ' reviews are left') FROM review")
    }

    fn count(&self) -> Vec<String> {
        client("SELECT CONCAT(COUNT(*), ' reviews are back') FROM review")
    }

    fn shown_person(&self) -> Vec<String> {
        client(shop::ONE_PERSON)
    }
}
