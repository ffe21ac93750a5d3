//! Former rows of system-versioned tables: whether the target takes them.
//!
//! A server that does not is refused before anything is made. To leave them out without a word more would make a copy that answers
//! questions about the past as if nothing had been there.

use super::FamilyOf as _;
use super::checks::{problem, shown};
use crate::mysql::catalog::period::TAKES_FORMER_ROWS;
use crate::mysql::types::ColumnType;
use offshoot_core::target::{Inspection, Problem};
use offshoot_format::manifest::Manifest;
use offshoot_format::table::TableSpec;

/// The setting by which a server lets nobody say when something was.
const SECURE: &str = "secure_timestamp";

/// Whether a snapshot of a table has its former rows.
fn is_among_rows(table: &TableSpec) -> bool {
    table.columns.iter().any(|column| ColumnType::parse(&column.type_name).is_ok_and(|of| of.edge.is_some()))
}

/// What keeps the target from taking them. Servers of another family are refused for the tables themselves.
pub(super) fn problems(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    let tables = manifest.content.tables.iter().filter(|entry| is_among_rows(&entry.spec));
    let tables = shown(tables.map(|entry| entry.spec.name.as_str()));
    if tables.is_empty() || !inspection.is_mariadb() {
        return;
    }
    let secure = inspection.settings.get(SECURE).map_or("NO", String::as_str);
    let is_set = matches!(secure, "NO" | "OFF" | "0") || secure == "SUPER" && inspection.superuser;
    let server = &inspection.version;
    if inspection.version_num < TAKES_FORMER_ROWS {
        let what = format!("the snapshot has former rows of {tables}, and {server} takes none with their times");
        problems.push(problem(what, "Restore into MariaDB 10.11 or newer"));
    } else if !is_set {
        let what = format!(
            "the snapshot has former rows of {tables}, and the target, whose {SECURE} is {secure}, takes none with their times"
        );
        problems.push(problem(what, "Start its server with secure_timestamp = NO for the time of the restore"));
    }
}
