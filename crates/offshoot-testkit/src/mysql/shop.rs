//! The demo's shop on MySQL and MariaDB: small but lifelike, about 40,000 rows.

use super::{MysqlError, Server};

/// The shop as a script for the servers' own clients.
pub const SHOP_SQL: &str = include_str!("shop.sql");

/// Statements that change a few of its rows.
pub const CHANGE_SQL: &str = "UPDATE customer SET city = 'Łódź' WHERE id IN (7, 4000);
    DELETE FROM visit WHERE day = 77;
    INSERT INTO purchase (customer_id, total, flags) VALUES (9, 99.99, 'gift')";

/// One of its customers, for showing what scrubbing does.
pub const ONE_PERSON: &str = "SELECT given_name, family_name, email, phone, born FROM customer
    WHERE family_name IS NOT NULL AND phone IS NOT NULL ORDER BY id LIMIT 1 OFFSET 3";

/// Fills the empty database `db` with the shop.
///
/// # Errors
/// What the server says to the first statement that it does not take.
pub fn load(server: &Server, db: &str) -> Result<(), MysqlError> {
    server.try_sql(db, SHOP_SQL).map(drop)
}
