//! What a scrub must know of the tables that a capture reads: [`TableFacts`], from the catalog alone.
//!
//! The tables and columns are exactly those that [`describe`](crate::postgres::catalog::tables::describe) found, in its
//! order and form; behind them come the partitioned tables that they are parts of, which hold no rows but may be given rules.
//! Whatever is not understood counts as the strictest thing that it can be: an expression bars all columns that its text
//! mentions, and one that cannot be read bars all columns of the table. No row is read, and no function of a user evaluated.

mod checks;
mod default;
pub(super) mod encoding;
mod expression;
mod pattern;
mod predicate;
mod types;
mod unique;

use self::checks::Demand;
use self::expression::Expression;
use self::types::Types;
use crate::error::{Result, refused};
use crate::postgres::catalog::relations::Relation;
use crate::postgres::catalog::tables::Table;
use crate::postgres::session::Version;
use offshoot_format::facts::{ColumnFacts, ForeignKey, TableFacts};
use offshoot_format::table::RowForm;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio_postgres::Client;

/// Tables above each other by inheritance or partitioning: child, parent, whether the child is a partition.
const PARENTS: &str = "
WITH RECURSIVE up (child, parent, place) AS (
  SELECT i.inhrelid, i.inhparent, i.inhseqno FROM pg_catalog.pg_inherits i WHERE i.inhrelid = ANY ($1)
  UNION SELECT i.inhrelid, i.inhparent, i.inhseqno FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.parent)
SELECT up.child, up.parent, c.relispartition FROM up JOIN pg_catalog.pg_class c ON c.oid = up.child ORDER BY up.child, up.place";

const COLUMNS: &str = "
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '',
       pg_catalog.col_description(a.attrelid, a.attnum), pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

/// Also those of single partitions, on either side: each joins the columns of two tables that hold rows.
const FOREIGN_KEYS: &str = "
SELECT k.conrelid, k.conkey, n.nspname, c.relname,
       ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS r (attnum, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = r.attnum ORDER BY r.place)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conrelid = ANY ($1)
ORDER BY k.conrelid, k.conname COLLATE \"C\", n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/// Reads what constrains and describes these tables. `relations` are all of the database, as they were listed for `tables`.
///
/// # Errors
/// If the server refuses.
pub async fn table_facts(
    client: &Client,
    version: Version,
    relations: &[Relation],
    tables: &[Table],
) -> Result<Vec<TableFacts>> {
    let by_name: HashMap<(&str, &str), u32> =
        relations.iter().map(|of| ((of.schema.as_str(), of.name.as_str()), of.oid)).collect();
    let oid_of = |table: &Table| by_name.get(&(table.spec.schema.as_str(), table.spec.name.as_str())).copied();
    let captured: Vec<(u32, RowForm)> =
        tables.iter().filter_map(|table| Some((oid_of(table)?, table.spec.form))).collect();
    let ancestry = Ancestry::load(client, relations, &captured).await?;
    let all: Vec<u32> = captured.iter().chain(&ancestry.roots).map(|(oid, _)| *oid).collect();

    let mut described = columns(client, &all).await?;
    let types = Types::load(client, described.values().flatten().map(|column| column.type_oid)).await?;
    let mut sketches: HashMap<u32, Sketch> = HashMap::new();
    for (&oid, form) in all.iter().zip(captured.iter().chain(&ancestry.roots).map(|(_, form)| form)) {
        let order = tables.iter().find(|table| oid_of(table) == Some(oid)).map(|table| &table.spec.columns);
        let mut attributes = described.remove(&oid).unwrap_or_default();
        if let Some(order) = order {
            attributes.sort_by_key(|attribute| order.iter().position(|column| column.name == attribute.name));
        }
        sketches.insert(oid, Sketch::new(*form, &attributes, &types));
    }
    let literals = sketches.iter_mut().flat_map(|(oid, sketch)| {
        std::mem::take(&mut sketch.literals).into_iter().map(|(place, text)| (*oid, place, text))
    });
    default::add(client, literals.collect(), &mut sketches).await?;
    unique::add(client, version, &all, &mut sketches).await?;
    checks::add(client, &all, &mut sketches).await?;
    partition_keys(client, &ancestry, &mut sketches).await?;
    foreign_keys(client, &all, &mut sketches).await?;

    let names: HashMap<u32, &Relation> = relations.iter().map(|relation| (relation.oid, relation)).collect();
    let facts = all.iter().filter_map(|oid| {
        let (sketch, relation) = (sketches.remove(oid)?, names.get(oid)?);
        let parent = ancestry.parents.get(oid).and_then(|parents| parents.first());
        let parent = parent.and_then(|(parent, _)| names.get(parent)).map(|of| (of.schema.clone(), of.name.clone()));
        let (schema, name) = (relation.schema.clone(), relation.name.clone());
        let Sketch { columns, key, unique, foreign_keys, form, .. } = sketch;
        Some(TableFacts { schema, name, columns, form, key, unique, foreign_keys, parent, period: None })
    });
    let mut facts: Vec<TableFacts> = facts.collect();
    encoding::add(client, &mut facts).await?;
    Ok(facts)
}

/// Which tables are above which.
struct Ancestry {
    /// Parents of a table in order, and whether it is a partition of them.
    parents: BTreeMap<u32, Vec<(u32, bool)>>,
    /// Tables above captured ones that are not captured, in the order of their names, with the form of one below them.
    roots: Vec<(u32, RowForm)>,
}

impl Ancestry {
    async fn load(client: &Client, relations: &[Relation], captured: &[(u32, RowForm)]) -> Result<Self> {
        let oids: Vec<u32> = captured.iter().map(|(oid, _)| *oid).collect();
        let rows = client.query(PARENTS, &[&oids]).await.map_err(refused("list what tables are parts of"))?;
        let mut parents: BTreeMap<u32, Vec<(u32, bool)>> = BTreeMap::new();
        for row in &rows {
            parents.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
        }
        let mut found = Self { parents, roots: Vec::new() };
        let mut forms: HashMap<u32, RowForm> = HashMap::new();
        for (oid, form) in captured {
            for above in found.above(*oid) {
                forms.entry(above).or_insert(*form);
            }
        }
        let is_root = |relation: &&Relation| !oids.contains(&relation.oid);
        let roots = relations.iter().filter(is_root).filter_map(|of| Some((of.oid, *forms.get(&of.oid)?)));
        found.roots = roots.collect();
        Ok(found)
    }

    /// All tables above one.
    fn above(&self, oid: u32) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut next = vec![oid];
        while let Some(oid) = next.pop() {
            let parents = self.parents.get(&oid).into_iter().flatten();
            next.extend(parents.map(|(parent, _)| *parent).filter(|parent| found.insert(*parent)));
        }
        found
    }
}

/// A column as the catalog has it, generated ones too.
struct Attribute {
    attnum: i16,
    name: String,
    type_oid: u32,
    type_modifier: i32,
    is_not_null: bool,
    is_generated: bool,
    comment: Option<String>,
    /// The expression of its default, or that it is generated from.
    expression: Option<String>,
}

async fn columns(client: &Client, oids: &[u32]) -> Result<HashMap<u32, Vec<Attribute>>> {
    let rows = client.query(COLUMNS, &[&oids]).await.map_err(refused("describe the columns"))?;
    let mut columns: HashMap<u32, Vec<Attribute>> = HashMap::new();
    for row in &rows {
        columns.entry(row.get(0)).or_default().push(Attribute {
            attnum: row.get(1),
            name: row.get(2),
            type_oid: row.get(3),
            type_modifier: row.get(4),
            is_not_null: row.get(5),
            is_generated: row.get(6),
            comment: row.get(7),
            expression: row.get(8),
        });
    }
    Ok(columns)
}

/// The facts of one table in the making.
struct Sketch {
    form: RowForm,
    columns: Vec<ColumnFacts>,
    /// What each column of the catalog is made of, by its position (attnum) and name.
    sources: Vec<(i16, String, Source)>,
    /// Defaults that the server has to write, by column.
    literals: Vec<(usize, String)>,
    /// The columns of its primary key.
    key: Vec<usize>,
    unique: Vec<(Vec<usize>, offshoot_format::facts::Equality)>,
    foreign_keys: Vec<ForeignKey>,
}

/// Where the values of a column of the catalog come from.
#[derive(Clone)]
enum Source {
    /// They are those of a column of the rows.
    Column(usize),
    /// They are computed from columns of the rows by this expression.
    Generated(Vec<usize>, Expression),
}

impl Sketch {
    fn new(form: RowForm, attributes: &[Attribute], types: &Types) -> Self {
        let (mut columns, mut sources, mut literals) = (Vec::new(), Vec::new(), Vec::new());
        let plain: Vec<&Attribute> = attributes.iter().filter(|attribute| !attribute.is_generated).collect();
        let names: Vec<&str> = plain.iter().map(|attribute| attribute.name.as_str()).collect();
        for (place, attribute) in plain.iter().enumerate() {
            let resolved = types.resolve(attribute.type_oid, attribute.type_modifier);
            let mut facts = ColumnFacts::new(&attribute.name, &resolved.type_name);
            facts.domain_type = resolved.domain;
            facts.comment = attribute.comment.clone();
            facts.is_nullable = !(attribute.is_not_null || resolved.is_not_null);
            facts.max_chars = resolved.chars_max;
            facts.labels = resolved.labels;
            facts.fields = resolved.fields;
            let demands: Vec<Demand> =
                resolved.checks.iter().flat_map(|check| Demand::of_domain(check, &facts.type_name)).collect();
            demands.into_iter().for_each(|demand| demand.apply(&mut facts));
            let default = attribute.expression.as_deref().map(Expression::new);
            if let Some(default) = default {
                facts.default = default::constant(&default, &facts.type_name, form);
                literals.extend(default::literal(&default, &facts.type_name).map(|text| (place, text)));
            }
            columns.push(facts);
            sources.push((attribute.attnum, attribute.name.clone(), Source::Column(place)));
        }
        for attribute in attributes.iter().filter(|attribute| attribute.is_generated) {
            let expression = Expression::new(attribute.expression.as_deref().unwrap_or_default());
            let from = expression.columns(&names);
            sources.push((attribute.attnum, attribute.name.clone(), Source::Generated(from, expression)));
        }
        Self { form, columns, sources, literals, key: Vec::new(), unique: Vec::new(), foreign_keys: Vec::new() }
    }

    fn source(&self, attnum: i16) -> Option<&Source> {
        self.sources.iter().find(|(of, _, _)| *of == attnum).map(|(_, _, source)| source)
    }

    /// The columns of the rows that an expression depends on.
    fn columns_of(&self, expression: &Expression) -> Vec<usize> {
        let names: Vec<&str> = self.sources.iter().map(|(_, name, _)| name.as_str()).collect();
        let mut columns = Vec::new();
        for mentioned in expression.columns(&names) {
            match &self.sources[mentioned].2 {
                Source::Column(column) => columns.push(*column),
                Source::Generated(from, _) => columns.extend(from),
            }
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

/// What a partition's bounds say of its columns is a constraint like any other: rows that leave them cannot be loaded.
async fn partition_keys(client: &Client, ancestry: &Ancestry, sketches: &mut HashMap<u32, Sketch>) -> Result<()> {
    let sql = "SELECT p.partrelid, n.nspname, c.relname, pg_catalog.pg_get_partkeydef(p.partrelid)
               FROM pg_catalog.pg_partitioned_table p JOIN pg_catalog.pg_class c ON c.oid = p.partrelid
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.partrelid = ANY ($1)";
    let mut wanted: BTreeSet<u32> = sketches.keys().copied().collect();
    wanted.extend(ancestry.parents.values().flatten().map(|(parent, _)| *parent));
    let wanted: Vec<u32> = wanted.into_iter().collect();
    let rows = client.query(sql, &[&wanted]).await.map_err(refused("list how tables are partitioned"))?;
    let keys: HashMap<u32, (String, Expression)> = rows
        .iter()
        .map(|row| {
            let name = format!("partition key of {}", crate::postgres::quote::shown(row.get(1), row.get(2)));
            (row.get(0), (name, Expression::new(row.get::<_, Option<&str>>(3).unwrap_or_default())))
        })
        .collect();
    for (oid, sketch) in sketches {
        for above in ancestry.above(*oid).into_iter().chain([*oid]) {
            let Some((name, key)) = keys.get(&above) else { continue };
            for column in sketch.columns_of(key) {
                Demand::other(name).apply(&mut sketch.columns[column]);
            }
        }
    }
    Ok(())
}

async fn foreign_keys(client: &Client, oids: &[u32], sketches: &mut HashMap<u32, Sketch>) -> Result<()> {
    let rows = client.query(FOREIGN_KEYS, &[&oids]).await.map_err(refused("list the foreign keys"))?;
    for row in &rows {
        let Some(sketch) = sketches.get_mut(&row.get(0)) else { continue };
        let attnums: Vec<i16> = row.get(1);
        let names: Vec<String> = row.get(4);
        let mut key = ForeignKey { columns: Vec::new(), table: (row.get(2), row.get(3)), refers_to: Vec::new() };
        for (attnum, name) in attnums.into_iter().zip(names) {
            match sketch.source(attnum).cloned() {
                Some(Source::Column(column)) => {
                    key.columns.push(column);
                    key.refers_to.push(name);
                }
                // What is computed has to go on referring: only values that stay do.
                Some(Source::Generated(from, _)) => {
                    let demand = Demand::other(&format!("foreign key onto {}", key.table.1));
                    from.iter().for_each(|column| demand.apply(&mut sketch.columns[*column]));
                }
                None => {}
            }
        }
        if !key.columns.is_empty() && !sketch.foreign_keys.contains(&key) {
            sketch.foreign_keys.push(key);
        }
    }
    Ok(())
}
