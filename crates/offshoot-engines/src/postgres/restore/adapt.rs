//! A snapshot's schema as work for one target: each statement gets its stage, keys are split into index and constraint,
//! foreign keys into making and checking, and what the target cannot or should not have is left out or reported.
//!
//! Pure: the manifest, what was seen of the target, and what the user chose go in, work comes out.

mod checks;
mod constraints;
mod settings;

use crate::postgres::quote::{literal, qualified};
use crate::postgres::roles::{NamedRoles, named_roles, statement};
use offshoot_core::target::{Adapted, Choices, Inspection, Roles, Stage, Work};
use offshoot_format::manifest::{Manifest, Note, Phase, SchemaItem, Sequence, Trust};
use pg_query::NodeEnum;
use std::collections::HashSet;

/// Sequences that are set in one statement.
const SEQUENCES_AT_ONCE: usize = 200;

/// Turns a manifest's schema into work.
#[must_use]
pub fn adapt(manifest: &Manifest, inspection: &Inspection, choices: &Choices) -> Adapted {
    let mut adapter = Adapter {
        manifest,
        inspection,
        choices,
        partitioned: partitioned(&manifest.content.schema),
        out: Adapted::default(),
    };
    adapter.out.problems = checks::problems(manifest, inspection, choices);
    adapter.out.warnings = checks::warnings(manifest, inspection);
    adapter.roles();
    for item in &manifest.content.schema {
        if adapter.is_wanted(item) {
            adapter.item(item);
        }
    }
    adapter.sequences();
    adapter.analyze();
    adapter.database_settings();
    if choices.leaves_views_empty {
        let refreshes = adapter.out.works.iter_mut().filter(|work| work.stage == Stage::Refresh);
        refreshes.for_each(|work| work.may_fail = true);
    }
    if !choices.skip_extensions.is_empty() {
        adapter.out.works.iter_mut().for_each(|work| work.optional = true);
    }
    adapter.out
}

struct Adapter<'a> {
    manifest: &'a Manifest,
    inspection: &'a Inspection,
    choices: &'a Choices,
    partitioned: HashSet<(String, String)>,
    out: Adapted,
}

impl Adapter<'_> {
    fn push(&mut self, stage: Stage, label: &str, sql: String, table: Option<(String, String)>) -> &mut Work {
        let work = Work { sql: vec![sql], table, ..new_work(stage, label) };
        self.out.works.push(work);
        // Just pushed.
        let last = self.out.works.len() - 1;
        &mut self.out.works[last]
    }

    /// Whether the target is to have what an item makes.
    fn is_wanted(&mut self, item: &SchemaItem) -> bool {
        if let Some(name) = extension_of(&item.sql) {
            if self.choices.skip_extensions.contains(&name) {
                if item.sql.starts_with("CREATE ") {
                    let reason = "it was left out, and with it all that is made of it".to_owned();
                    self.out.losses.push(Note { object: format!("extension {name}"), reason });
                }
                return false;
            }
            // Only its owner may comment on it, and it keeps the comment that it came with.
            let is_there =
                self.inspection.extensions.iter().any(|there| there.name == name && there.installed_in.is_some());
            return item.sql.starts_with("CREATE ") || !is_there;
        }
        if item.sql.starts_with("COMMENT ON SCHEMA public ") && !self.inspection.superuser {
            return false;
        }
        let roles = named_roles(&item.sql);
        if roles == NamedRoles::None {
            return true;
        }
        let is_lost = match self.choices.roles {
            Roles::Create => false,
            Roles::Skip => true,
            Roles::Map => !roles.names().iter().all(|name| self.is_usable(name, &roles)),
        };
        match roles {
            NamedRoles::Policy(names) if is_lost && !names.iter().all(|name| self.is_there(name)) => {
                let reason = "it is for a role that the target does not have".to_owned();
                self.out.losses.push(Note { object: item.label.clone(), reason });
                false
            }
            NamedRoles::Policy(_) => true,
            _ => !is_lost,
        }
    }

    fn is_there(&self, role: &str) -> bool {
        self.inspection.roles.iter().any(|(name, _)| name == role)
    }

    fn is_usable(&self, role: &str, roles: &NamedRoles) -> bool {
        let acts = matches!(roles, NamedRoles::Owner(_));
        self.inspection.roles.iter().any(|(name, may_act)| name == role && (*may_act || !acts))
    }

    fn item(&mut self, item: &SchemaItem) {
        match item.phase {
            Phase::PreData => self.pre_data(item),
            Phase::Index => {
                self.push(Stage::Index, &item.label, item.sql.clone(), item.table.clone());
            }
            Phase::Constraint => constraints::constraint(self, item),
            Phase::ForeignKey => constraints::foreign_key(self, item),
            Phase::PostData => {
                let stage = if item.sql.starts_with("REFRESH MATERIALIZED VIEW") {
                    Stage::Refresh
                } else if item.label.contains("EVENT TRIGGER") {
                    Stage::Last
                } else {
                    Stage::PostData
                };
                self.push(stage, &item.label, item.sql.clone(), item.table.clone());
            }
        }
    }

    fn pre_data(&mut self, item: &SchemaItem) {
        // It may hold an extension, and then it could not be dropped.
        let sql = match item.sql.strip_prefix("CREATE SCHEMA ") {
            Some(rest) if !rest.starts_with("IF NOT EXISTS") => format!("CREATE SCHEMA IF NOT EXISTS {rest}"),
            _ => item.sql.clone(),
        };
        if let Some(method) = item.sql.strip_prefix("SET default_table_access_method = ") {
            // Where it came with an extension that is left out, tables have the usual one.
            let label = format!("ACCESS METHOD {method} of tables");
            let sql = vec!["SET default_table_access_method = heap".to_owned(), sql];
            return self.out.works.push(Work { sql, ..new_work(Stage::PreData, &label) });
        }
        let makes = ["CREATE TABLE ", "CREATE UNLOGGED TABLE ", "CREATE FOREIGN TABLE "];
        let makes_table = makes.iter().any(|start| item.sql.starts_with(start));
        self.push(Stage::PreData, &item.label, sql, item.table.clone()).makes_table = makes_table;
    }

    fn sequences(&mut self) {
        // Where an extension is left out, a sequence may be missing; then each is set for itself.
        let at_once = if self.choices.skip_extensions.is_empty() { SEQUENCES_AT_ONCE } else { 1 };
        for sequences in self.manifest.content.sequences.chunks(at_once) {
            let setval = sequences.iter().map(|sequence| {
                let name = literal(&qualified(&sequence.schema, &sequence.name));
                format!(
                    "pg_catalog.setval({name}::pg_catalog.regclass, {}, {})",
                    sequence.last_value, sequence.is_called
                )
            });
            let mut sql = vec![format!("SELECT {}", setval.collect::<Vec<_>>().join(", "))];
            if matches!(self.manifest.trust, Trust::Scrubbed { .. }) {
                sql.push(beyond_the_rows(sequences));
            }
            let label = match sequences {
                [sequence] => format!("SEQUENCE SET {}.{}", sequence.schema, sequence.name),
                _ => format!("SEQUENCE SET of {} sequences", sequences.len()),
            };
            self.out.works.push(Work { sql, ..new_work(Stage::Sequences, &label) });
        }
    }

    fn analyze(&mut self) {
        if !self.choices.analyze {
            return;
        }
        let tables =
            self.manifest.content.tables.iter().map(|entry| (entry.spec.schema.clone(), entry.spec.name.clone()));
        let refreshed =
            self.out.works.iter().filter(|work| work.stage == Stage::Refresh).filter_map(|work| view(&work.sql[0]));
        let all: Vec<_> = tables.chain(self.partitioned.iter().cloned()).chain(refreshed).collect();
        let mut seen = HashSet::new();
        let mut all: Vec<_> = all.into_iter().filter(|table| seen.insert(table.clone())).collect();
        all.sort();
        for table in all {
            let (schema, name) = &table;
            let (label, sql) = (format!("ANALYZE {schema}.{name}"), format!("ANALYZE {}", qualified(schema, name)));
            self.push(Stage::Analyze, &label, sql, Some(table)).optional = false;
        }
    }
}

/// Moves sequences on to the last number in the columns that own them. Rewritten numbers may be beyond what the source's
/// sequence gave, and what it gives next must not be there already.
fn beyond_the_rows(sequences: &[Sequence]) -> String {
    let names: Vec<String> =
        sequences.iter().map(|sequence| literal(&qualified(&sequence.schema, &sequence.name))).collect();
    let body = format!(
        "DECLARE owned record; last bigint; BEGIN
           FOR owned IN SELECT d.objid, d.refobjid::pg_catalog.regclass::pg_catalog.text AS owner, a.attname, s.seqincrement > 0 AS goes_up,
               s.seqmin, s.seqmax, pg_catalog.format('%I.%I', n.nspname, q.relname) AS name
             FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
             JOIN pg_catalog.pg_class q ON q.oid = d.objid JOIN pg_catalog.pg_namespace n ON n.oid = q.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
               AND d.deptype IN ('a', 'i') AND a.atttypid IN (20, 21, 23) AND d.objid = ANY (ARRAY[{}]::pg_catalog.regclass[])
           LOOP
             EXECUTE pg_catalog.format('SELECT pg_catalog.%s(%I) FROM %s', CASE WHEN owned.goes_up THEN 'max' ELSE 'min' END,
               owned.attname, owned.owner) INTO last;
             -- Behind the last number there is none; a single one at the end of all is no reason to give none any more.
             CONTINUE WHEN last IS NULL OR owned.goes_up AND last >= owned.seqmax OR NOT owned.goes_up AND last <= owned.seqmin;
             last := GREATEST(LEAST(last, owned.seqmax), owned.seqmin);
             EXECUTE pg_catalog.format('SELECT pg_catalog.setval(%L::pg_catalog.regclass, %s) FROM %s
                 WHERE last_value %s %s OR last_value = %s AND NOT is_called',
               owned.objid, last, owned.name, CASE WHEN owned.goes_up THEN '<' ELSE '>' END, last, last);
           END LOOP;
         END",
        names.join(", ")
    );
    format!("DO {}", literal(&body))
}

fn new_work(stage: Stage, label: &str) -> Work {
    Work {
        stage,
        label: label.to_owned(),
        sql: Vec::new(),
        table: None,
        exclusive: Vec::new(),
        makes_table: false,
        optional: false,
        may_fail: false,
    }
}

/// The extension that a statement makes or comments on.
fn extension_of(sql: &str) -> Option<String> {
    if !sql.starts_with("CREATE EXTENSION ") && !sql.starts_with("COMMENT ON EXTENSION ") {
        return None;
    }
    match statement(sql)? {
        NodeEnum::CreateExtensionStmt(create) => Some(create.extname),
        NodeEnum::CommentStmt(comment) => match comment.object?.node? {
            NodeEnum::String(name) => Some(name.sval),
            _ => None,
        },
        _ => None,
    }
}

/// The view that a statement fills.
fn view(sql: &str) -> Option<(String, String)> {
    match statement(sql)? {
        NodeEnum::RefreshMatViewStmt(refresh) => refresh.relation.map(|view| (view.schemaname, view.relname)),
        _ => None,
    }
}

/// The partitioned tables.
fn partitioned(schema: &[SchemaItem]) -> HashSet<(String, String)> {
    let tables = schema.iter().filter(|item| item.sql.starts_with("CREATE ") && item.sql.contains("PARTITION BY"));
    let place = |item: &SchemaItem| match statement(&item.sql)? {
        NodeEnum::CreateStmt(create) if create.partspec.is_some() => {
            create.relation.map(|relation| (relation.schemaname, relation.relname))
        }
        _ => None,
    };
    tables.filter_map(place).collect()
}
