//! Time zones by their names, which a server knows from tables of its own: filled from the machine's zones, where the source's
//! server knew any.
//!
//! Without them events of such a zone cannot be made, and CONVERT_TZ gives NULL.

use super::programs::Programs;
use super::{settings, statements};
use crate::error::Result;
use crate::local::LocalError;
use crate::local::files;
use crate::local::owner::Owner;
use crate::mysql::catalog::environment::{ZONE_NAMES, knows_zone};
use crate::mysql::session::{Family, Session};
use offshoot_format::manifest::Environment;
use offshoot_restore::server::Site;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Where a machine has its zones.
const ZONES: &str = "/usr/share/zoneinfo";

/// Fills the tables of a running server, where the machine has what that takes.
pub(super) fn load(programs: &Programs, owner: Owner, site: &Site, environment: &Environment) -> Result<()> {
    let is_known = environment.settings.get(ZONE_NAMES).is_some_and(|known| known == "YES");
    let Some(program) = program(programs).filter(|_| is_known && Path::new(ZONES).is_dir()) else { return Ok(()) };
    let mut command = owner.command(&program)?;
    let output = command.arg(ZONES).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).output();
    let output = output.map_err(LocalError::io("running", &program))?;
    if !output.status.success() || output.stdout.is_empty() {
        let message = format!("it made nothing of {ZONES}. Install the machine's time zones anew (package tzdata)");
        return Err(LocalError::Program { program: "mysql_tzinfo_to_sql", message }.into());
    }
    let script = String::from_utf8_lossy(&output.stdout);
    let mut session = statements::session(site, "mysql")?;
    // No text in it holds a semicolon.
    for sql in script.split(";\n").map(str::trim).filter(|sql| !sql.is_empty()) {
        session.execute("fill its tables of time zones", sql)?;
    }
    keep_default(&mut session, owner, site, environment)
}

/// A default that is a zone's name, which no server starts with that does not know it.
fn keep_default(session: &mut Session, owner: Owner, site: &Site, environment: &Environment) -> Result<()> {
    let Some(zone) = settings::named_zone(environment) else { return Ok(()) };
    if knows_zone(session, zone)? {
        let path = site.data.join(settings::SNAPSHOT_FILE);
        let text = files::read(&path).map_err(LocalError::io("reading", &path))?;
        files::put(&path, &settings::with_zone(text, zone), owner)?;
    }
    Ok(())
}

fn program(programs: &Programs) -> Option<PathBuf> {
    let names: &[&str] = match programs.flavor.family {
        Family::MariaDb => &["mariadb-tzinfo-to-sql", "mysql_tzinfo_to_sql"],
        Family::MySql => &["mysql_tzinfo_to_sql"],
    };
    names.iter().find_map(|name| programs.program(name))
}
