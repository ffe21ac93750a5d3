//! A snapshot's schema as work for one target: each statement gets its stage, the indexes of a table become one statement,
//! each foreign key gets its proof, and users that objects run as become users that are there.
//!
//! Pure: the manifest, what was seen of the target, and what the user chose go in, work comes out.

mod checks;
mod definers;
mod foreign_key;
mod former;
mod named;
mod own_names;
mod remote;
mod storage;
mod words;

use crate::mysql::quote::{ident, literal};
use crate::mysql::schema::{Context, TriggerHead, is_as_labelled};
use foreign_key::ForeignKey;
use offshoot_core::target::{Adapted, Choices, Inspection, Problem, Stage, Work};
use offshoot_format::manifest::{Manifest, Phase, SchemaItem};
use std::collections::HashMap;
use std::num::NonZeroU64;

pub(super) use own_names::without_own_database;

use definers::mapped;

/// Bytes of rows that one statement loads. It bounds what a server must undo and what it writes at once to its log.
const PART_BYTES: u64 = 96 << 20;

/// Turns a manifest's schema into work; `into_own_server` as [`super::MysqlTarget::of_own_server`] says.
#[must_use]
pub fn adapt(manifest: &Manifest, inspection: &Inspection, choices: &Choices, into_own_server: bool) -> Adapted {
    let mut adapter = Adapter { manifest, inspection, choices, into_own_server, out: Adapted::default() };
    adapter.out.part_bytes = NonZeroU64::new(PART_BYTES);
    adapter.out.problems = checks::problems(manifest, inspection, choices, &remote::is_remote);
    adapter.out.warnings = checks::warnings(manifest, inspection);
    adapter.out.warnings.extend(definers::warnings(manifest, inspection, choices));
    adapter.out.warnings.extend(named::warning(manifest, inspection));
    adapter.database();
    adapter.items();
    adapter.sequences();
    adapter.analyze();
    if !choices.skip_extensions.is_empty() {
        adapter.out.works.iter_mut().for_each(|work| work.optional = true);
    }
    adapter.out
}

/// Whether the snapshot and the target are of the same of the two families.
pub(super) fn is_same_family(manifest: &Manifest, inspection: &Inspection) -> bool {
    (manifest.origin.engine == "mariadb") == inspection.is_mariadb()
}

struct Adapter<'a> {
    manifest: &'a Manifest,
    inspection: &'a Inspection,
    choices: &'a Choices,
    into_own_server: bool,
    out: Adapted,
}

impl Adapter<'_> {
    fn push(&mut self, stage: Stage, label: &str, sql: Vec<String>, table: Option<(String, String)>) -> &mut Work {
        self.out.works.push(Work {
            stage,
            label: label.to_owned(),
            sql,
            table,
            exclusive: Vec::new(),
            makes_table: false,
            optional: false,
            may_fail: false,
        });
        // Just pushed.
        let last = self.out.works.len() - 1;
        &mut self.out.works[last]
    }

    /// The database's own character set, which routines and tables to come depend on.
    fn database(&mut self) {
        let environment = &self.manifest.environment;
        let there = (&self.inspection.encoding, &self.inspection.collate);
        if (&environment.encoding, &environment.collate) != there && self.has_collation_of_database() {
            let (encoding, collate) = (ident(&environment.encoding), ident(&environment.collate));
            let sql = format!("ALTER DATABASE CHARACTER SET {encoding} COLLATE {collate}");
            self.push(Stage::PreData, "DATABASE character set", vec![sql], None);
        }
    }

    /// Whether the target's database can have the collation of the snapshot's, which is put back whenever it has another one
    /// for a moment.
    fn has_collation_of_database(&self) -> bool {
        self.inspection.collations.contains(&self.manifest.environment.collate)
    }

    fn items(&mut self) {
        let manifest = self.manifest;
        let counters: HashMap<&str, i64> =
            manifest.content.sequences.iter().map(|sequence| (sequence.name.as_str(), sequence.last_value)).collect();
        let mut joined: HashMap<(String, String), usize> = HashMap::new();
        for item in &manifest.content.schema {
            if !is_as_labelled(item, Context::split(&item.sql).1) {
                let what =
                    format!("{} of the snapshot is made by a statement of another kind, which is not run", item.label);
                let mend = "Capture again, from a server that can be trusted".to_owned();
                self.out.problems.push(Problem { what, mend });
                continue;
            }
            match item.phase {
                Phase::PreData => self.pre_data(item, &counters),
                Phase::Index | Phase::Constraint => self.index(item, &mut joined),
                Phase::ForeignKey => self.foreign_key(item),
                Phase::PostData => self.post_data(item),
            }
        }
    }

    fn pre_data(&mut self, item: &SchemaItem, counters: &HashMap<&str, i64>) {
        let mut sql = vec![item.sql.clone()];
        if let Some((engine, stub)) = remote::stub(&item.sql) {
            let name = item.table.as_ref().map_or("", |(_, name)| name.as_str());
            self.out.warnings.push(format!(
                "an empty table stands in the place of {}, whose rows are on another server or in files (engine {engine}). \
                 ALTER TABLE {} with its ENGINE and connection makes it reach them again",
                item.label,
                ident(name)
            ));
            sql = vec![stub];
        }
        let (plain, left_out) = storage::without_places(&sql[0], self.into_own_server);
        if !left_out.is_empty() {
            self.out.warnings.push(format!("{} is made without {}", item.label, left_out.join(" and ")));
            sql[0] = plain;
        }
        if let Some((_, name)) = &item.table {
            // While the table is empty: some engines copy it for this.
            sql.extend(
                counters.get(name.as_str()).map(|next| format!("ALTER TABLE {} AUTO_INCREMENT = {next}", ident(name))),
            );
        }
        if words::has(&item.sql, "AUTO_INCREMENT") && !self.numbers_side_by_side() {
            self.out.one_at_a_time.extend(item.table.clone());
        }
        let makes_table = item.table.is_some();
        self.push(Stage::PreData, &item.label, sql, item.table.clone()).makes_table = makes_table;
        if let Some((_, name)) =
            item.table.as_ref().filter(|_| item.sql.contains("CHECK (") && self.inspection.is_mariadb())
        {
            let sql = checks_proof(name);
            self.push(Stage::Validate, &format!("check CHECKs of {name}"), vec![sql], item.table.clone());
        }
    }

    /// Whether rows can be loaded into a table that numbers them by several sessions at once. MariaDB's default is that the
    /// first one locks the table's counter until its statement ends, whether its rows bring numbers or not; INSERT would
    /// not, but costs twice as much.
    fn numbers_side_by_side(&self) -> bool {
        self.inspection.settings.get("innodb_autoinc_lock_mode").is_some_and(|mode| mode == "2")
    }

    /// All indexes of a table are built in one pass over it, but for those that the server builds one at a time.
    fn index(&mut self, item: &SchemaItem, joined: &mut HashMap<(String, String), usize>) {
        let table = item.table.clone().unwrap_or_default();
        let begin = format!("ALTER TABLE {} ADD ", ident(&table.1));
        let clause = item.sql.strip_prefix(&begin).unwrap_or_default();
        let is_alone = clause.is_empty() || ["FULLTEXT ", "VECTOR "].iter().any(|kind| clause.starts_with(kind));
        match joined.get(&table) {
            Some(&work) if !is_alone => {
                let work = &mut self.out.works[work];
                work.sql[0].push_str(&format!(", ADD {clause}"));
                let name = item.label.rsplit_once('.').map_or(item.label.as_str(), |(_, name)| name);
                work.label.push_str(&format!(", {name}"));
            }
            _ => {
                self.push(Stage::Index, &item.label, vec![item.sql.clone()], item.table.clone()).exclusive =
                    vec![table.clone()];
                if !is_alone {
                    joined.insert(table, self.out.works.len() - 1);
                }
            }
        }
    }

    fn foreign_key(&mut self, item: &SchemaItem) {
        let Some(key) = ForeignKey::parse(&item.sql) else {
            let what = format!("{} of the snapshot cannot be read, so that it could not be proven", item.label);
            return self.out.problems.push(Problem { what, mend: "Report this; it is a fault of offshoot".to_owned() });
        };
        // One at a time: each locks every table that other keys connect with its two, so that two of them meet in deadlocks,
        // and in MariaDB they can wait for each other without an end. Unproven, a key is made in a moment.
        let mut exclusive = vec![(String::new(), String::new()), (String::new(), key.table.clone())];
        if key.parent != key.table {
            exclusive.push((String::new(), key.parent.clone()));
        }
        self.push(Stage::ForeignKey, &item.label, vec![item.sql.clone()], item.table.clone()).exclusive = exclusive;
        self.push(Stage::Validate, &format!("check {}", item.label), vec![key.proof()], item.table.clone());
    }

    fn post_data(&mut self, item: &SchemaItem) {
        // An event would act at once on what is not complete yet.
        let stage = if item.label.starts_with("EVENT ") { Stage::Last } else { Stage::PostData };
        let mut sql = item.sql.clone();
        if let Some(name) = item.label.strip_prefix("TRIGGER ") {
            let (_, statement) = split(&sql);
            let table = item.table.as_ref().map_or("", |(_, table)| table);
            let own = Some(self.manifest.origin.database.as_str());
            match TriggerHead::parse(statement).filter(|head| head.is_of(name, table, own)) {
                Some(head) => sql = format!("{}{}", &sql[..sql.len() - statement.len()], head.without_database()),
                None => {
                    let what = format!("{} of the snapshot would be made in another database", item.label);
                    let mend = "Capture again, from a server that can be trusted".to_owned();
                    return self.out.problems.push(Problem { what, mend });
                }
            }
        }
        sql = mapped(&sql, self.inspection, self.choices);
        if item.label.starts_with("VIEW ") {
            sql = without_own_database(&sql, &self.manifest.origin.database);
        }
        if !is_same_family(self.manifest, self.inspection) {
            sql = without_foreign_modes(&sql);
        }
        if !self.has_collation_of_database()
            && let (Some(mut context), statement) = split(&sql)
            && let Some(collation) = context.collation_database.take()
        {
            self.out.warnings.push(format!(
                "{} was made while its database had the collation {collation}, and gets that of the target's database ({})",
                item.label, self.inspection.collate
            ));
            sql = context.before(statement);
        }
        self.push(stage, &item.label, vec![sql], item.table.clone());
    }

    fn sequences(&mut self) {
        let is_sequence = |name: &str| {
            let label = format!("SEQUENCE {name}");
            self.manifest.content.schema.iter().any(|item| item.label == label && item.table.is_none())
        };
        let sequences: Vec<_> =
            self.manifest.content.sequences.iter().filter(|sequence| is_sequence(&sequence.name)).collect();
        for sequence in sequences {
            let (name, value) = (&sequence.name, sequence.last_value);
            // SETVAL never goes back, as a sequence that has begun anew would have to.
            let sql = match sequence.is_called {
                false => format!("ALTER SEQUENCE {} RESTART {value}", ident(name)),
                true => format!("SELECT SETVAL({}, {value}, 1)", ident(name)),
            };
            self.push(Stage::Sequences, &format!("SEQUENCE SET {name}"), vec![sql], None);
        }
    }

    fn analyze(&mut self) {
        if !self.choices.analyze {
            return;
        }
        for entry in self.manifest.content.tables.iter().filter(|entry| entry.root.rows > 0) {
            let name = &entry.spec.name;
            let sql = format!("ANALYZE TABLE {}", ident(name));
            let table = Some((entry.spec.schema.clone(), name.clone()));
            self.push(Stage::Analyze, &format!("ANALYZE {name}"), vec![sql], table);
        }
    }
}

/// A query whose rows are queries: each counts the rows that break one check.
fn checks_proof(table: &str) -> String {
    let query = format!("SELECT COUNT(*) FROM {} WHERE NOT (", ident(table));
    format!(
        "SELECT CONCAT({}, check_clause, ')'), CONCAT('CHECK ', constraint_name) FROM information_schema.check_constraints \
         WHERE constraint_schema = DATABASE() AND table_name = {}",
        literal(&query),
        literal(table)
    )
}

/// An item without the words of sql_mode that only the other family has and that change nothing here: of users that GRANT
/// makes, of what SHOW prints, of fractions of seconds, which MariaDB always cuts.
fn without_foreign_modes(sql: &str) -> String {
    const FOREIGN: [&str; 5] =
        ["NO_AUTO_CREATE_USER", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS", "TIME_TRUNCATE_FRACTIONAL"];
    let (Some(mut context), statement) = split(sql) else { return sql.to_owned() };
    context.sql_mode = context
        .sql_mode
        .map(|mode| mode.split(',').filter(|word| !FOREIGN.contains(word)).collect::<Vec<_>>().join(","));
    context.before(statement)
}

/// What a target's inspection says of its family.
pub(super) trait FamilyOf {
    /// Whether it is MariaDB.
    fn is_mariadb(&self) -> bool;
}

impl FamilyOf for Inspection {
    fn is_mariadb(&self) -> bool {
        self.version.starts_with("MariaDB ")
    }
}

/// A statement without the database before the names in the head of a trigger, where it makes one.
fn without_names_of_database(statement: &str) -> String {
    TriggerHead::parse(statement).map_or_else(|| statement.to_owned(), |head| head.without_database())
}

/// The settings of an item, if it has any, and its statement.
pub(super) fn split(sql: &str) -> (Option<Context>, &str) {
    Context::split(sql)
}
