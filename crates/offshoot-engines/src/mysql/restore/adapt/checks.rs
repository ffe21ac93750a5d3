//! What keeps a snapshot from being restored into this target, each with what mends it; and what is only worth knowing.

use super::words::{self, collations, words};
use super::{FamilyOf as _, former, is_same_family, remote, split};
use crate::mysql::types::ColumnType;
use offshoot_core::target::{Choices, Inspection, Problem};
use offshoot_format::manifest::{Manifest, SchemaItem};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Names that are listed of many.
const SHOWN_MAX: usize = 5;

/// Problems, all of them at once.
pub(super) fn problems(
    manifest: &Manifest,
    inspection: &Inspection,
    choices: &Choices,
    is_stubbed: &dyn Fn(&str) -> bool,
) -> Vec<Problem> {
    if !["mysql", "mariadb"].contains(&manifest.origin.engine.as_str()) {
        let what = format!("the snapshot is of {}, the target is {}", manifest.origin.engine, inspection.version);
        return vec![problem(what, "Restore it into a server of its own kind")];
    }
    let mut problems = Vec::new();
    if !is_same_family(manifest, inspection) {
        foreign_features(manifest, inspection, &mut problems);
    }
    engines(manifest, inspection, choices, is_stubbed, &mut problems);
    missing_collations(manifest, inspection, &mut problems);
    names(manifest, inspection, &mut problems);
    functions(manifest, inspection, &mut problems);
    events(manifest, inspection, &mut problems);
    former::problems(manifest, inspection, &mut problems);
    problems.extend(inspection.missing_rights.iter().cloned());
    problems
}

/// What the user should know.
pub(super) fn warnings(manifest: &Manifest, inspection: &Inspection) -> Vec<String> {
    let mut warnings = Vec::new();
    if !is_on(inspection, "local_infile") {
        let slower = "local_infile is off on the target, so that rows go by INSERT, which is slower. SET GLOBAL local_infile = 1 \
                      there for the time of the restore";
        warnings.push(slower.to_owned());
    }
    let (from, to) = (&manifest.environment, inspection);
    if ignores_case(from.settings.get(CASE)) && !ignores_case(to.settings.get(CASE)) {
        let is_kept =
            |item: &&SchemaItem| ["ROUTINE ", "TRIGGER ", "EVENT "].iter().any(|kind| item.label.starts_with(kind));
        let labels = manifest.content.schema.iter().filter(is_kept).map(|item| item.label.as_str());
        let labels = shown(labels);
        if !labels.is_empty() {
            warnings.push(format!(
                "the source takes names of tables in any case, the target as they are written: {labels} may name some otherwise"
            ));
        }
    }
    if !is_same_family(manifest, inspection) {
        let compared = "objects are compared by their names and rows by their number, because MySQL and MariaDB print them differently";
        warnings
            .push(format!("the snapshot is of {}, the target is {}: {compared}", manifest.origin.engine, to.version));
    } else if to.version_num / 100 < from.server_version_num / 100 {
        warnings.push(format!("the target is {}, older than the snapshot's {}", to.version, from.server_version));
    }
    warnings
}

pub(super) fn problem(what: String, mend: impl Into<String>) -> Problem {
    Problem { what, mend: mend.into() }
}

/// The setting that says how names of tables are compared.
const CASE: &str = "lower_case_table_names";

fn ignores_case(setting: Option<&String>) -> bool {
    setting.is_some_and(|value| value != "0")
}

fn is_on(inspection: &Inspection, setting: &str) -> bool {
    inspection.settings.get(setting).is_some_and(|value| ["1", "ON"].contains(&value.as_str()))
}

pub(super) fn shown<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let more = if names.len() > SHOWN_MAX { format!(" and {} more", names.len() - SHOWN_MAX) } else { String::new() };
    format!("{}{more}", names.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", "))
}

/// What one family has and the other does not.
fn foreign_features(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    let mend =
        || format!("Restore it into {}, or change the object at the source and capture again", manifest.origin.engine);
    let mut refuse = |object: &str, feature: &str| {
        problems.push(problem(format!("{object} uses {feature}, which {} does not have", inspection.version), mend()));
    };
    for item in &manifest.content.schema {
        let stub = remote::stub(&item.sql).map(|(_, sql)| SchemaItem { sql, ..item.clone() });
        if let Some(feature) = foreign_feature(stub.as_ref().unwrap_or(item), inspection.is_mariadb()) {
            refuse(&item.label, &feature);
        }
    }
    let types = if inspection.is_mariadb() { ["vector"].as_slice() } else { &["uuid", "inet4", "inet6", "vector"] };
    for entry in &manifest.content.tables {
        for column in &entry.spec.columns {
            let base = column.type_name.split(['(', ' ']).next().unwrap_or_default();
            if types.contains(&base) {
                refuse(&format!("column {}.{}", entry.spec.name, column.name), &format!("the type {base}"));
            }
        }
    }
}

fn foreign_feature(item: &SchemaItem, into_mariadb: bool) -> Option<String> {
    let (context, statement) = split(&item.sql);
    let words = words(statement);
    if into_mariadb {
        // MariaDB reads these comments over, so that what is in them would be lost without a word.
        let at = words.iter().position(|word| word.starts_with("/*!8") || word.starts_with("/*!9"));
        let functional = has_expression_index(statement);
        let label = |kind: &str| item.label.starts_with(kind);
        let own = [
            (label("VIEW ") && words::has(statement, "DUALITY"), "a duality view"),
            (label("LIBRARY "), "a library"),
            (words.windows(2).any(|pair| pair == ["LANGUAGE", "JAVASCRIPT"]), "JavaScript"),
        ];
        if let Some((_, feature)) = own.iter().find(|(has_it, _)| *has_it) {
            return Some((*feature).to_owned());
        }
        return match at {
            Some(at) => Some(
                words[at + 1..].iter().take_while(|word| !word.ends_with("*/")).copied().collect::<Vec<_>>().join(" "),
            ),
            None => functional.then(|| "an index over an expression".to_owned()),
        };
    }
    let has = |word: &str| words::has(statement, word);
    let oracle = context.and_then(|context| context.sql_mode).is_some_and(|mode| mode.contains("ORACLE"));
    let feature = match () {
        () if item.label.starts_with("SEQUENCE ") => "a sequence",
        () if has("VERSIONING") => "system versioning",
        () if has("PERIOD") && has("FOR") && item.label.starts_with("TABLE ") => "an application-time period",
        () if has("IGNORED") => "an ignored index",
        () if has("nextval") => "a sequence",
        () if oracle => "sql_mode ORACLE",
        () => return item.label.strip_prefix("TABLE ").and_then(|_| feature_of_mariadb(statement)),
    };
    Some(feature.to_owned())
}

/// Whether a statement makes an index over an expression.
fn has_expression_index(statement: &str) -> bool {
    let text = words::unquoted(statement);
    let is_index = |line: &&str| ["KEY ", "UNIQUE KEY "].iter().any(|begin| line.trim_start().starts_with(begin));
    text.starts_with("ALTER TABLE ") && text.contains("((")
        || text.lines().filter(is_index).any(|line| line.contains("(("))
}

/// What of a table of MariaDB's is no SQL of MySQL's.
fn feature_of_mariadb(statement: &str) -> Option<String> {
    let text = words::unquoted(statement);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, word) in text.match_indices(" DEFAULT ") {
        let value = &text[at + word.len()..];
        let end = value.find(|c| !is_word(c)).unwrap_or(value.len());
        let function = &value[..end];
        if end > 0 && value[end..].starts_with('(') && !function.eq_ignore_ascii_case("current_timestamp") {
            return Some(format!("the default {function}() without brackets"));
        }
    }
    // What an engine adds is printed as a name with a value.
    if let Some(name) = option_of_engine(statement) {
        return Some(format!("the option {name}"));
    }
    let option = ["TRANSACTIONAL", "PAGE_CHECKSUM", "TABLE_CHECKSUM"]
        .into_iter()
        .find(|name| text.contains(&format!(" {name}=")));
    option.map(|name| format!("the option {name}"))
}

/// The first name with a value right behind it: `` `PAGE_COMPRESSED`=1 ``.
fn option_of_engine(statement: &str) -> Option<&str> {
    let mut rest = statement;
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let end = words::end_of_quoted(rest.as_bytes(), at);
        if rest[at..].starts_with('`') && rest[end..].starts_with('=') {
            return rest.get(at + 1..end - 1);
        }
        rest = &rest[end..];
    }
    None
}

fn engines(
    manifest: &Manifest,
    inspection: &Inspection,
    choices: &Choices,
    is_stubbed: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    let there = |name: &str| {
        inspection
            .extensions
            .iter()
            .any(|engine| engine.name.eq_ignore_ascii_case(name) && engine.installed_in.is_some())
    };
    for name in manifest.environment.extensions.keys() {
        if there(name) || is_stubbed(name) || choices.skip_extensions.contains(name) {
            continue;
        }
        let needs = |item: &&SchemaItem| {
            let words = words(&item.sql);
            words.windows(2).any(|pair| pair[0].eq_ignore_ascii_case("engine") && pair[1].eq_ignore_ascii_case(name))
        };
        let users = manifest.content.schema.iter().filter(needs).map(|item| item.label.as_str());
        let what = format!("the storage engine {name} is not on the target's server, and {} has it", shown(users));
        let mend = format!(
            "Enable it there (INSTALL PLUGIN, or its package), or do without it and its tables: --skip-extension {name}"
        );
        problems.push(problem(what, mend));
    }
}

/// Who names what of these.
type Users<'a> = BTreeMap<(bool, String), BTreeSet<&'a str>>;

fn missing_collations(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    let mut users: Users<'_> = BTreeMap::new();
    for item in &manifest.content.schema {
        let (context, statement) = split(&item.sql);
        let mut add = |is_collation: bool, name: &str| {
            users.entry((is_collation, name.to_ascii_lowercase())).or_default().insert(&item.label);
        };
        // Bodies of routines compute with what they name; only when they run is it known whether they need it.
        if item.table.is_some() && context.is_none() {
            collations(statement).into_iter().for_each(|(is_collation, name)| add(is_collation, name));
        }
        if let Some(context) = context {
            add(true, &context.collation_connection);
            context.collation_database.iter().for_each(|collation| add(true, collation));
            add(false, &context.character_set_client);
        }
    }
    for entry in &manifest.content.tables {
        for column in &entry.spec.columns {
            let collation = ColumnType::parse(&column.type_name).ok().and_then(|of| of.collation);
            let users = collation.map(|name| users.entry((true, name)).or_default());
            if let Some(users) = users.filter(|users| users.is_empty()) {
                users.insert(&entry.spec.name);
            }
        }
    }
    for ((is_collation, name), users) in users {
        let is_there = if is_collation { has_collation(inspection, &name) } else { has_charset(inspection, &name) };
        if !is_there {
            let kind = if is_collation { "collation" } else { "character set" };
            let what = format!("the {kind} {name}, which {} has, is not on the target", shown(users));
            problems
                .push(problem(what, "Restore into a server that has it, or change it at the source and capture again"));
        }
    }
}

fn has_collation(inspection: &Inspection, name: &str) -> bool {
    // One of two names of the same thing, as servers take both.
    let other = name.strip_prefix("utf8mb3_").map(|rest| format!("utf8_{rest}"));
    let older = name.strip_prefix("utf8_").map(|rest| format!("utf8mb3_{rest}"));
    let there = |name: &str| inspection.collations.iter().any(|collation| collation == name);
    there(name) || [other, older].into_iter().flatten().any(|name| there(&name))
}

fn has_charset(inspection: &Inspection, name: &str) -> bool {
    let name = if name == "utf8" { "utf8mb3" } else { name };
    let begin = format!("{name}_");
    let older = (name == "utf8mb3").then_some("utf8_");
    let is_of = |collation: &String| {
        collation == name || collation.starts_with(&begin) || older.is_some_and(|older| collation.starts_with(older))
    };
    inspection.collations.iter().any(is_of)
}

/// Names that differ in case alone are one where the server does not look at case.
fn names(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    let there = inspection.settings.get(CASE).map_or("0", String::as_str);
    if there == "0" {
        return;
    }
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mend = "Restore into a server with lower_case_table_names = 0";
    // Views and sequences share the names of tables.
    let tables = manifest.content.tables.iter().map(|entry| ("table", entry.spec.name.as_str()));
    for (kind, name) in tables.chain(manifest.content.schema.iter().filter_map(named)) {
        if let Some(other) = seen.insert(name.to_lowercase(), name) {
            let what =
                format!("the tables {other} and {name} are one on the target, whose lower_case_table_names is {there}");
            problems.push(problem(what, mend));
        } else if there == "1" && name.to_lowercase() != name {
            let what =
                format!("the {kind} {name} would lose its capitals on the target, whose lower_case_table_names is 1");
            problems.push(problem(what, mend));
        }
    }
}

/// The view or sequence that an item makes.
fn named(item: &SchemaItem) -> Option<(&'static str, &str)> {
    let kinds = [("view", "VIEW "), ("sequence", "SEQUENCE ")];
    kinds.into_iter().find_map(|(kind, begin)| Some((kind, item.label.strip_prefix(begin)?)))
}

/// A MariaDB whose scheduler is disabled makes no events, not even such as sleep.
fn events(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    let labels = manifest.content.schema.iter().map(|item| item.label.as_str());
    let events = shown(labels.filter(|label| label.starts_with("EVENT ")));
    let is_disabled = inspection.settings.get("event_scheduler").is_some_and(|value| value == "DISABLED");
    if is_disabled && inspection.is_mariadb() && !events.is_empty() {
        let what = format!("the target's event_scheduler is DISABLED, and it would refuse {events}");
        problems.push(problem(what, "Start its server with event_scheduler = OFF, which runs none"));
    }
}

/// With a binary log, the server wants to trust who makes functions and triggers.
fn functions(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    if !is_on(inspection, "log_bin") || is_on(inspection, "log_bin_trust_function_creators") {
        return;
    }
    let of_concern = |item: &&SchemaItem| {
        let words = words(split(&item.sql).1);
        let is_function = words.iter().take(6).any(|word| word.eq_ignore_ascii_case("function"));
        let says = |word: &str| words::has(split(&item.sql).1, word);
        let is_safe = says("DETERMINISTIC") && !says("NOT") || says("READS") || says("NO") && says("SQL");
        item.label.starts_with("ROUTINE ") && is_function && !(is_safe && inspection.superuser)
            || item.label.starts_with("TRIGGER ") && !inspection.superuser
    };
    let items: Vec<&str> = manifest.content.schema.iter().filter(of_concern).map(|item| item.label.as_str()).collect();
    if !items.is_empty() {
        let what = format!("the target writes a binary log and would refuse {}", shown(items));
        problems.push(problem(what, "Run there: SET GLOBAL log_bin_trust_function_creators = 1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_format::manifest::Phase;

    fn feature(sql: &str, into_mariadb: bool) -> Option<String> {
        let label = if sql.starts_with("CREATE TABLE") { "TABLE t" } else { "INDEX t.i" };
        let table = Some((String::new(), "t".to_owned()));
        foreign_feature(
            &SchemaItem { phase: Phase::PreData, label: label.to_owned(), table, sql: sql.to_owned() },
            into_mariadb,
        )
    }

    #[test]
    fn what_mysql_does_not_take_is_named() {
        let table =
            |column: &str, options: &str| format!("CREATE TABLE `t` (\n  `a` {column}\n) ENGINE=InnoDB{options}");
        for (sql, word) in [
            (table("uuid DEFAULT uuid()", ""), "the default uuid() without brackets"),
            (table("int", " `PAGE_COMPRESSED`=1"), "the option PAGE_COMPRESSED"),
            (table("int", " `ENCRYPTED`=YES"), "the option ENCRYPTED"),
            (table("int", " TRANSACTIONAL=1"), "the option TRANSACTIONAL"),
        ] {
            assert_eq!(feature(&sql, false).as_deref(), Some(word), "{sql}");
        }
        for column in [
            "timestamp DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6)",
            "int DEFAULT (`b` = 1)",
            "int DEFAULT NULL COMMENT ' DEFAULT uuid() `x`=1'",
            "bit(1) DEFAULT b'0' CHECK (`a` = 1)",
        ] {
            assert_eq!(feature(&table(column, " COMMENT=' TRANSACTIONAL=1'"), false), None, "{column}");
        }
    }

    #[test]
    fn what_mariadb_does_not_take_is_named() {
        let inside = "CREATE TABLE `t` (\n  `a` int,\n  KEY `e` ((`a` + 1)),\n  KEY `n` (`a`)\n) ENGINE=InnoDB";
        let behind = "ALTER TABLE `t` ADD KEY `e` ((`a` + 1))";
        for sql in [inside, behind] {
            assert_eq!(feature(sql, true).as_deref(), Some("an index over an expression"), "{sql}");
        }
        for sql in [
            "CREATE TABLE `t` (\n  `a` int DEFAULT ((1 + 2)),\n  KEY `n` (`a`) COMMENT '(('\n) ENGINE=InnoDB",
            "ALTER TABLE `t` ADD KEY `((` (`a`)",
        ] {
            assert_eq!(feature(sql, true), None, "{sql}");
        }
    }
}
