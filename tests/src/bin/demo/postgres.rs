//! The shop on PostgreSQL.

use super::{Result, Shop};
use offshoot_testkit::fingerprint::try_fingerprint;
use offshoot_testkit::postgres::{Server, ServerOptions};
use offshoot_testkit::shop;
use std::path::PathBuf;

pub struct Postgres(Server);

impl Postgres {
    pub fn start() -> Result<Self> {
        let server = Server::try_start(ServerOptions::new())?;
        for database in ["shop", "shop_copy", "shop_scrubbed"] {
            server.createdb(database, "");
        }
        shop::load(&server, "shop")?;
        Ok(Self(server))
    }
}

fn client(sql: &str) -> Vec<String> {
    vec!["-XAtqc".to_owned(), sql.to_owned()]
}

impl Shop for Postgres {
    fn version(&self) -> String {
        self.0.binaries().version().to_owned()
    }

    fn programs(&self) -> (&'static str, PathBuf) {
        ("OFFSHOOT_PG_BIN", self.0.binaries().dir().to_path_buf())
    }

    fn url(&self, database: &str) -> String {
        self.0.url(database)
    }

    fn fingerprint(&self, database: &str) -> Result<String> {
        Ok(try_fingerprint(&self.0, database)?)
    }

    fn change(&self, database: &str) -> Result<()> {
        Ok(shop::change(&self.0, database)?)
    }

    fn one_person(&self, database: &str) -> Result<String> {
        Ok(self.0.try_psql(database, shop::ONE_PERSON)?)
    }

    fn overlooked(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        // What customers wrote into orders is, word by word, also in reviews, tickets and documents.
        &[("shop.review", "title", "words"), ("shop.ticket", "body", "words"), ("shop.document", "extra", "json")]
    }

    fn deletion(&self) -> Vec<String> {
        client("DELETE FROM shop.review; SELECT count(*) || ' reviews are left' FROM shop.review")
    }

    fn count(&self) -> Vec<String> {
        client("SELECT count(*) || ' reviews are back' FROM shop.review")
    }

    fn shown_person(&self) -> Vec<String> {
        client(shop::ONE_PERSON)
    }
}
