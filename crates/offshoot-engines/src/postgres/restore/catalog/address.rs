//! Which object of the target a statement is about, found by the server's own functions, so that two statements that name
//! one object in two ways are about the same.

use super::super::PostgresSession;
use crate::error::Result;
use crate::postgres::quote::{ident, literal, qualified};
use pg_query::protobuf::{ObjectType, ObjectWithArgs, RangeVar, TypeName};
use pg_query::{Node, NodeEnum};

/// Objects that are looked up in one statement.
const LOOKED_UP_AT_ONCE: usize = 200;

/// Catalog, object in it, and part of that: what the server calls an object.
pub(super) type Place = (u32, u32, i32);

/// How an object is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Address {
    /// As a message names it.
    pub shown: String,
    /// Expressions for catalog, object and part.
    sql: String,
}

impl Address {
    /// A table, or what is like one.
    pub(super) fn relation(relation: &RangeVar) -> Self {
        Self::of_relation(&relation.schemaname, &relation.relname)
    }

    fn of_relation(schema: &str, name: &str) -> Self {
        let name = qualified(schema, name);
        Self { sql: by_cast("pg_class", "to_regclass", &name), shown: format!("relation {name}") }
    }

    /// A column of one.
    pub(super) fn column(schema: &str, table: &str, column: &str) -> Self {
        let name = qualified(schema, table);
        let sql = format!(
            "'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, pg_catalog.to_regclass({0})::pg_catalog.oid, \
             (SELECT a.attnum::pg_catalog.int4 FROM pg_catalog.pg_attribute a WHERE a.attrelid = pg_catalog.to_regclass({0}) \
             AND a.attname = {1} AND NOT a.attisdropped)",
            literal(&name),
            literal(column)
        );
        Self { sql, shown: format!("column {name}.{}", ident(column)) }
    }

    /// The object of a statement; none for a kind that no schema has.
    pub(super) fn of(kind: ObjectType, object: &NodeEnum) -> Option<Self> {
        let names = names(object);
        let parts: Vec<&str> = names.iter().map(String::as_str).collect();
        match (kind, object) {
            (_, NodeEnum::RangeVar(relation)) => Some(Self::relation(relation)),
            (
                ObjectType::ObjectTable
                | ObjectType::ObjectView
                | ObjectType::ObjectMatview
                | ObjectType::ObjectSequence
                | ObjectType::ObjectForeignTable
                | ObjectType::ObjectIndex,
                _,
            ) => match parts.as_slice() {
                [schema, name] => Some(Self::of_relation(schema, name)),
                _ => None,
            },
            (ObjectType::ObjectColumn, _) => match parts.as_slice() {
                [schema, table, column] => Some(Self::column(schema, table, column)),
                _ => None,
            },
            (ObjectType::ObjectOperator, NodeEnum::ObjectWithArgs(operator)) => Some(Self::operator(operator)),
            (_, NodeEnum::ObjectWithArgs(routine)) => Some(Self::routine(routine)),
            (ObjectType::ObjectType | ObjectType::ObjectDomain, _) => {
                let name = match object {
                    NodeEnum::TypeName(name) => type_name(name),
                    _ => dotted(&parts),
                };
                // A cast would not find one that is only a name as yet.
                Some(Self::looked_up("type", &[&name], &[]))
            }
            (ObjectType::ObjectSchema, _) => {
                let name = ident(parts.first()?);
                Some(Self { sql: by_cast("pg_namespace", "to_regnamespace", &name), shown: format!("schema {name}") })
            }
            (ObjectType::ObjectLargeobject, _) => {
                let oid = number(object)?;
                let sql = format!(
                    "'pg_catalog.pg_largeobject'::pg_catalog.regclass::pg_catalog.oid, {}::pg_catalog.oid, 0",
                    literal(&oid)
                );
                Some(Self { sql, shown: format!("large object {oid}") })
            }
            (ObjectType::ObjectDomconstraint | ObjectType::ObjectTransform, _) => {
                let [of_type, name] = parts.as_slice() else { return None };
                Some(Self::looked_up(word(kind)?, &[of_type], &[name]))
            }
            (ObjectType::ObjectCast, _) => {
                let [from, to] = parts.as_slice() else { return None };
                Some(Self::looked_up("cast", &[from], &[to]))
            }
            _ => Some(Self::looked_up(word(kind)?, &parts, &[])),
        }
    }

    fn looked_up(kind: &str, names: &[&str], arguments: &[&str]) -> Self {
        let list = |texts: &[&str]| texts.iter().map(|text| literal(text)).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "(o).classid, (o).objid, (o).objsubid FROM pg_catalog.pg_get_object_address({}, \
             ARRAY[{}]::pg_catalog.text[], ARRAY[{}]::pg_catalog.text[]) o",
            literal(kind),
            list(names),
            list(arguments)
        );
        let all: Vec<&str> = names.iter().chain(arguments).copied().collect();
        Self { sql, shown: format!("{kind} {}", all.join(" ")) }
    }

    fn routine(routine: &ObjectWithArgs) -> Self {
        let name = signature(routine, |argument| argument.map_or_else(String::new, type_name));
        Self { sql: by_cast("pg_proc", "to_regprocedure", &name), shown: format!("function {name}") }
    }

    fn operator(operator: &ObjectWithArgs) -> Self {
        // The operator itself is no name that could be quoted.
        let parts: Vec<String> = operator.objname.iter().flat_map(|node| node.node.iter().flat_map(names)).collect();
        let name = match parts.as_slice() {
            [schema, name] => format!("{}.{name}", ident(schema)),
            _ => parts.concat(),
        };
        let arguments = arguments(operator, |argument| argument.map_or_else(|| "NONE".to_owned(), type_name));
        let name = format!("{name}({arguments})");
        Self { sql: by_cast("pg_operator", "to_regoperator", &name), shown: format!("operator {name}") }
    }
}

impl PostgresSession<'_> {
    /// What the server calls the objects; none for those that are not there.
    pub(super) fn places(&self, doing: &str, addresses: &[&Address]) -> Result<Vec<Option<Place>>> {
        let mut places = Vec::with_capacity(addresses.len());
        for some in addresses.chunks(LOOKED_UP_AT_ONCE) {
            match self.places_at_once(doing, some) {
                // One that is not there can be an error of the statement as a whole.
                Err(error) if error.code().is_some() => {
                    for address in some {
                        match self.places_at_once(doing, &[address]) {
                            Err(error) if error.code().is_some() => places.push(None),
                            found => places.extend(found?),
                        }
                    }
                }
                found => places.extend(found?),
            }
        }
        Ok(places)
    }

    fn places_at_once(&self, doing: &str, addresses: &[&Address]) -> Result<Vec<Option<Place>>> {
        let selects: Vec<String> = addresses
            .iter()
            .enumerate()
            .map(|(number, address)| format!("(SELECT {number}, {})", address.sql))
            .collect();
        let rows = self.query(doing, &format!("{} ORDER BY 1", selects.join(" UNION ALL ")), &[])?;
        Ok(rows
            .iter()
            .map(|row| match (row.get(1), row.get(2), row.get(3)) {
                (Some(class), Some(object), Some(part)) if object != 0 => Some((class, object, part)),
                _ => None,
            })
            .collect())
    }
}

fn by_cast(catalog: &str, function: &str, name: &str) -> String {
    let catalog = literal(&format!("pg_catalog.{catalog}"));
    format!(
        "{catalog}::pg_catalog.regclass::pg_catalog.oid, pg_catalog.{function}({})::pg_catalog.oid, 0",
        literal(name)
    )
}

/// What the server's lookup calls a kind.
fn word(kind: ObjectType) -> Option<&'static str> {
    Some(match kind {
        ObjectType::ObjectTabconstraint => "table constraint",
        ObjectType::ObjectDomconstraint => "domain constraint",
        ObjectType::ObjectTransform => "transform",
        ObjectType::ObjectTrigger => "trigger",
        ObjectType::ObjectRule => "rule",
        ObjectType::ObjectPolicy => "policy",
        ObjectType::ObjectOpclass => "operator class",
        ObjectType::ObjectOpfamily => "operator family",
        ObjectType::ObjectCollation => "collation",
        ObjectType::ObjectConversion => "conversion",
        ObjectType::ObjectTsconfiguration => "text search configuration",
        ObjectType::ObjectTsdictionary => "text search dictionary",
        ObjectType::ObjectTsparser => "text search parser",
        ObjectType::ObjectTstemplate => "text search template",
        ObjectType::ObjectStatisticExt => "statistics object",
        ObjectType::ObjectLanguage => "language",
        ObjectType::ObjectFdw => "foreign-data wrapper",
        ObjectType::ObjectForeignServer => "server",
        ObjectType::ObjectExtension => "extension",
        ObjectType::ObjectEventTrigger => "event trigger",
        ObjectType::ObjectAccessMethod => "access method",
        ObjectType::ObjectPublication => "publication",
        _ => return None,
    })
}

/// The names that an object is given by; a type among them as one.
fn names(object: &NodeEnum) -> Vec<String> {
    match object {
        NodeEnum::String(name) => vec![name.sval.clone()],
        NodeEnum::TypeName(name) => vec![type_name(name)],
        NodeEnum::List(list) => list.items.iter().flat_map(|node| node.node.iter().flat_map(names)).collect(),
        _ => Vec::new(),
    }
}

fn number(object: &NodeEnum) -> Option<String> {
    match object {
        NodeEnum::Integer(number) => Some(number.ival.to_string()),
        NodeEnum::Float(number) => Some(number.fval.clone()),
        _ => None,
    }
}

fn dotted(parts: &[&str]) -> String {
    parts.iter().map(|part| ident(part)).collect::<Vec<_>>().join(".")
}

/// A type without its modifiers, which tell no object from another.
fn type_name(name: &TypeName) -> String {
    let parts: Vec<String> = name.names.iter().flat_map(|node| node.node.iter().flat_map(names)).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    format!("{}{}", dotted(&parts), "[]".repeat(name.array_bounds.len()))
}

fn signature(routine: &ObjectWithArgs, argument: impl Fn(Option<&TypeName>) -> String) -> String {
    let parts: Vec<String> = routine.objname.iter().flat_map(|node| node.node.iter().flat_map(names)).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    format!("{}({})", dotted(&parts), arguments(routine, argument))
}

fn arguments(routine: &ObjectWithArgs, argument: impl Fn(Option<&TypeName>) -> String) -> String {
    let one = |node: &Node| match &node.node {
        Some(NodeEnum::TypeName(name)) => argument(Some(name)),
        _ => argument(None),
    };
    routine.objargs.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::roles::statement;

    fn shown(sql: &str) -> String {
        let Some(NodeEnum::CommentStmt(comment)) = statement(sql) else { panic!("{sql}") };
        let kind = ObjectType::try_from(comment.objtype).unwrap();
        Address::of(kind, &comment.object.unwrap().node.unwrap()).unwrap_or_else(|| panic!("{sql}")).shown
    }

    #[test]
    fn every_kind_has_an_address() {
        for (object, wanted) in [
            ("TABLE s.\"T\"", "relation \"s\".\"T\""),
            ("COLUMN s.t.c", "column \"s\".\"t\".\"c\""),
            (
                "FUNCTION s.f(a integer, OUT b text, VARIADIC c s.m[])",
                "function \"s\".\"f\"(\"pg_catalog\".\"int4\", \"s\".\"m\"[])",
            ),
            ("AGGREGATE s.a(*)", "function \"s\".\"a\"()"),
            (
                "OPERATOR s.=== (integer, character varying)",
                "operator \"s\".===(\"pg_catalog\".\"int4\", \"pg_catalog\".\"varchar\")",
            ),
            ("OPERATOR s.@# (NONE, bigint)", "operator \"s\".@#(NONE, \"pg_catalog\".\"int8\")"),
            ("TYPE s.m", "type \"s\".\"m\""),
            ("DOMAIN s.d", "type \"s\".\"d\""),
            ("SCHEMA s", "schema \"s\""),
            ("LARGE OBJECT 4000000000", "large object 4000000000"),
            ("CONSTRAINT c ON s.t", "table constraint s t c"),
            ("CONSTRAINT c ON DOMAIN s.d", "domain constraint \"s\".\"d\" c"),
            ("TRIGGER g ON s.t", "trigger s t g"),
            ("OPERATOR CLASS s.o USING btree", "operator class btree s o"),
            ("CAST (s.m AS text)", "cast \"s\".\"m\" \"text\""),
            ("TEXT SEARCH DICTIONARY s.d", "text search dictionary s d"),
            ("EVENT TRIGGER e", "event trigger e"),
        ] {
            assert_eq!(shown(&format!("COMMENT ON {object} IS 'x'")), wanted);
        }
    }
}
