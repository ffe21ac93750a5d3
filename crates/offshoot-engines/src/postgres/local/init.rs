//! Making a data directory with the encoding and the locale of a snapshot.
//!
//! A locale that this machine lacks is an error that says how to get it: under another one, texts would be ordered and
//! compared in another way, without a word. Settings of the snapshot that the server here refuses, such as a time zone that
//! is not installed, are left out: comparing environments shows them.

use super::advice;
use super::error::LocalError;
use super::owner::Owner;
use super::programs::Programs;
use super::{files, settings};
use crate::postgres::neutralize;
use offshoot_format::manifest::Environment;
use offshoot_restore::{NeutralizeChoices, Neutralized};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The superuser of servers here.
pub(super) const SUPERUSER: &str = "postgres";

/// Over TCP with a password, from this machine alone; over the socket without: its folder is the owner's.
const HBA: &str = "\
# Written by offshoot. Who may enter the folder of the socket is let in.
local all all trust
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
";

/// Fills an empty data directory, made where it is missing; what was begun is removed when it fails. Returns what of the
/// source its server does not do.
pub(super) fn init(
    programs: &Programs,
    owner: Owner,
    data: &Path,
    environment: &Environment,
    choices: &NeutralizeChoices,
) -> Result<Vec<Neutralized>, LocalError> {
    files::reachable(data, owner)?;
    files::take_private(data, owner)?;
    let made = fill(programs, owner, data, environment, choices);
    if made.is_err() {
        // The first error is what counts.
        let _ = fs::remove_dir_all(data);
    }
    made
}

fn fill(
    programs: &Programs,
    owner: Owner,
    data: &Path,
    environment: &Environment,
    choices: &NeutralizeChoices,
) -> Result<Vec<Neutralized>, LocalError> {
    let mut command = owner.command(&programs.program("initdb"))?;
    command.arg("--pgdata").arg(data).arg(format!("--username={SUPERUSER}")).args(locale(programs, environment));
    // Small files of WAL: every clone copies the ones that are there.
    command.args(["--auth=trust", "--no-sync", "--wal-segsize=1"]);
    let said = run(command, "initdb")?;
    if let Some(said) = said {
        return Err(refusal(&said, data, environment));
    }
    let conf = data.join("postgresql.conf");
    let text = fs::read_to_string(&conf).map_err(LocalError::io("reading", &conf))?;
    let carried = accepted(programs, owner, settings::carried(environment))?;
    // Last, so that none of the snapshot's own undoes it.
    let quiet = neutralize::settings(environment, choices, &|library| programs.has_library(library));
    let settings = [carried, accepted(programs, owner, quiet.settings)?].concat();
    files::put(&conf, &settings::cluster(&settings, shared_memory(&text)), owner)?;
    files::put(&data.join("pg_hba.conf"), HBA, owner)?;
    Ok(quiet.report)
}

/// The words for the locale, as far as the version knows them.
fn locale(programs: &Programs, environment: &Environment) -> Vec<String> {
    let mut words = vec![
        format!("--encoding={}", environment.encoding),
        format!("--lc-collate={}", environment.collate),
        format!("--lc-ctype={}", environment.ctype),
    ];
    let version = programs.version;
    let locale = environment.locale.as_deref().unwrap_or_default();
    match environment.locale_provider.as_str() {
        "icu" if version.at_least(15) => {
            words.extend(["--locale-provider=icu".into(), format!("--icu-locale={locale}")])
        }
        "builtin" if version.at_least(17) => {
            words.extend(["--locale-provider=builtin".into(), format!("--builtin-locale={locale}")]);
        }
        _ => {}
    }
    words
}

/// What initdb's refusal means. It speaks English here, and quotes nothing but what it was given.
fn refusal(said: &str, data: &Path, environment: &Environment) -> LocalError {
    let no_locale = |provider: &str, locale: &str, mend| LocalError::NoLocale {
        provider: provider.to_owned(),
        locale: locale.to_owned(),
        encoding: environment.encoding.clone(),
        mend,
    };
    let line = said.lines().find(|line| line.contains("error:") || line.contains("FATAL:")).unwrap_or(said);
    let icu = environment.locale.as_deref().unwrap_or_default();
    // It says the one where nothing could be written, and the other where a part could.
    if said.contains("No space left on device") || said.contains("Check free disk space") {
        return LocalError::DiskFull { path: data.to_path_buf() };
    }
    if line.contains("invalid locale name") || line.contains("invalid locale settings") {
        let is_collate =
            environment.collate == environment.ctype || said.contains(&format!("\"{}\"", environment.collate));
        let locale = if is_collate { &environment.collate } else { &environment.ctype };
        return no_locale("libc", locale, advice::how_to_get_locale());
    }
    if line.contains("ICU is not supported") {
        return no_locale("icu", icu, "This build of PostgreSQL comes without ICU: install one that has it");
    }
    if line.contains("could not open collator") || line.contains("ICU locale") || line.contains("unknown language") {
        return no_locale("icu", icu, "Install a PostgreSQL that is linked to a newer ICU");
    }
    let message = line.split_once("error: ").map_or(line, |(_, message)| message);
    LocalError::Program { program: "initdb", message: message.escape_debug().to_string().replace("\\\"", "\"") }
}

/// Those of the settings that this server takes.
fn accepted(
    programs: &Programs,
    owner: Owner,
    settings: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, LocalError> {
    let takes = |settings: &[(String, String)]| -> Result<bool, LocalError> {
        let mut command = owner.command(&programs.program("postgres"))?;
        command.args(["-C", "port", "-c", "config_file=/dev/null", "-c", "data_directory=/nonexistent"]);
        command.args(["-c", "hba_file=/dev/null", "-c", "ident_file=/dev/null"]);
        for (name, value) in settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        Ok(run(command, "postgres")?.is_none())
    };
    if takes(&settings)? {
        return Ok(settings);
    }
    let mut kept = Vec::new();
    for setting in settings {
        if takes(std::slice::from_ref(&setting))? {
            kept.push(setting);
        } else {
            tracing::warn!(setting = setting.0, "the server here does not take this setting of the snapshot's");
        }
    }
    Ok(kept)
}

/// The kind of dynamic shared memory that initdb found to work here.
fn shared_memory(conf: &str) -> Option<&str> {
    let line = conf.lines().find_map(|line| line.strip_prefix("dynamic_shared_memory_type = "))?;
    let word = line.split(|c: char| c.is_whitespace() || c == '#').next()?.trim_matches('\'');
    Some(word).filter(|word| word.chars().all(|c| c.is_ascii_lowercase()))
}

/// Runs a program to its end: what it wrote if it failed.
fn run(mut command: Command, name: &'static str) -> Result<Option<String>, LocalError> {
    let output = command.stderr(Stdio::piped()).output();
    let output = output.map_err(|error| LocalError::Program { program: name, message: error.to_string() })?;
    Ok((!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
