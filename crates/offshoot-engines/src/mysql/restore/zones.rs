//! Time zones by their names that objects of a snapshot need, and that a server may not know.

use crate::mysql::Result;
use crate::mysql::catalog::environment::knows_zone;
use crate::mysql::schema::Context;
use crate::mysql::session::Session;
use offshoot_core::target::Problem;
use offshoot_format::manifest::Manifest;

/// What of a snapshot cannot be made here for want of its time zone.
pub(super) fn unknown(session: &mut Session, manifest: &Manifest) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for item in &manifest.content.schema {
        let zone = Context::split(&item.sql).0.and_then(|context| context.time_zone);
        let Some(zone) = zone.filter(|zone| zone.starts_with(|c: char| c.is_ascii_alphabetic()) && zone != "SYSTEM")
        else {
            continue;
        };
        if !knows_zone(session, &zone)? {
            let what = format!("{} is of the time zone {zone}, which the target's server does not know", item.label);
            let mend = "Load its zones: mariadb-tzinfo-to-sql (MySQL: mysql_tzinfo_to_sql) /usr/share/zoneinfo | mariadb mysql. \
                        A branch's server does so by itself where the machine has them (apt-get install tzdata)";
            problems.push(Problem { what, mend: mend.to_owned() });
        }
    }
    Ok(problems)
}
