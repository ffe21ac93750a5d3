//! Time zones by their names that objects of a snapshot need, and that a server may not know.

use crate::mysql::Result;
use crate::mysql::catalog::environment::{is_zone_name, knows_zone};
use crate::mysql::schema::Context;
use crate::mysql::session::{Family, Session};
use offshoot_core::target::Problem;
use offshoot_format::manifest::Manifest;

/// What of a snapshot cannot be made here for want of its time zone.
pub(super) fn unknown(session: &mut Session, manifest: &Manifest) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for item in &manifest.content.schema {
        let zone = Context::split(&item.sql).0.and_then(|context| context.time_zone);
        let Some(zone) = zone.filter(|zone| is_zone_name(zone)) else { continue };
        if !knows_zone(session, &zone)? {
            let what = format!("{} is of the time zone {zone}, which the target's server does not know", item.label);
            let pipe = match session.flavor().family {
                Family::MariaDb => "mariadb-tzinfo-to-sql /usr/share/zoneinfo | mariadb mysql",
                Family::MySql => "mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql mysql",
            };
            let mend = format!(
                "Load its zones: {pipe}. A branch's server does so by itself where the machine has them (apt-get install tzdata)"
            );
            problems.push(Problem { what, mend });
        }
    }
    Ok(problems)
}
