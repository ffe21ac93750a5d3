//! Connection service files: `service=shop` takes what the section `[shop]` sets, behind what the text itself sets.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ConnInfoError;
use super::keywords;
use super::settings::Settings;

/// Where Debian's libpq looks for the file of the whole system, when PGSYSCONFDIR is not set.
const SYSTEM_DIRECTORY: &str = "/etc/postgresql-common";

/// Takes over the service that the settings or PGSERVICE name, if any.
pub(super) fn fill_from_service(settings: &mut Settings, environment: &Environment) -> Result<(), ConnInfoError> {
    let named = settings.value("service");
    let Some(service) = named.or_else(|| environment.variable("PGSERVICE")) else {
        return Ok(());
    };
    let service = service.to_owned();
    let explicit = settings.filled("servicefile").or_else(|| environment.variable("PGSERVICEFILE")).map(PathBuf::from);
    let own = explicit.clone().or_else(|| {
        let home = environment.home()?;
        Some(home.join(".pg_service.conf"))
    });
    let system = environment.variable("PGSYSCONFDIR").unwrap_or(SYSTEM_DIRECTORY);
    let system = Path::new(system).join("pg_service.conf");
    let mut searched = Vec::new();
    for path in own.into_iter().chain([system]) {
        let must_exist = explicit.as_deref() == Some(&path);
        if let Some(text) = read(&path, must_exist, environment)?
            && take_section(&text, &service, &path, settings)?
        {
            return Ok(());
        }
        searched.push(path.display().to_string());
    }
    let searched = searched.join(" or ");
    Err(ConnInfoError::ServiceNotFound { service, searched })
}

fn read(path: &Path, must_exist: bool, environment: &Environment) -> Result<Option<String>, ConnInfoError> {
    let unusable = |problem: String| {
        let path = path.to_owned();
        ConnInfoError::ServiceFile { path, line: 0, problem }
    };
    let content = match environment.read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return Ok(None),
        Err(error) => return Err(unusable(format!("cannot be read: {error}"))),
    };
    let text = String::from_utf8(content.bytes);
    text.map(Some).map_err(|_| unusable("is not UTF-8".to_owned()))
}

/// False if the file has no such section. Only lines of the section are read, and of it only its first occurrence.
fn take_section(text: &str, service: &str, path: &Path, settings: &mut Settings) -> Result<bool, ConnInfoError> {
    let mut found = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_matches(|c: char| super::keyvalue::is_blank(c));
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if found {
                return Ok(true);
            }
            found = header.strip_prefix(service).is_some_and(|rest| rest.starts_with(']'));
        } else if found {
            take_line(line, settings).map_err(|problem| ConnInfoError::ServiceFile {
                path: path.to_owned(),
                line: index + 1,
                problem,
            })?;
        }
    }
    Ok(found)
}

fn take_line(line: &str, settings: &mut Settings) -> Result<(), String> {
    if line.starts_with("ldap") {
        return Err("asks an LDAP server, which is not supported".to_owned());
    }
    let Some((name, value)) = line.split_once('=') else {
        return Err("has a line without \"=\"".to_owned());
    };
    if name == "service" || name == "servicefile" {
        return Err("names another service, which libpq refuses too".to_owned());
    }
    if settings.give_if_unset(name, value) {
        return Ok(());
    }
    // The name is shown only where it is a typo of a keyword: the file may hold passwords anywhere.
    Err(match keywords::nearest_keyword(name.trim()) {
        Some(nearest) => format!("has an unknown keyword; \"{nearest}\" is the nearest"),
        None => "has an unknown keyword".to_owned(),
    })
}
