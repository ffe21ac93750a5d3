//! What a column's type means for its bytes: their layout, their order, whether they have a binary form, and where oids
//! of types lie inside them.
//!
//! The binary forms of arrays and composites name the types of their elements and fields by oid, and the oids of types
//! that a user made differ from database to database. A capture writes 0 in the place of each such oid (of
//! [`FIRST_UNSTABLE_OID`] or more), so that equal values have equal bytes; a restore writes the target's own in every such
//! place ([`rewrite`]). Nothing else has to be kept: which type belongs in a place is decided by the column's declared
//! type, on either side. So the tree of declared types is all there is, and it is read from each server anew.
//!
//! It does not decode values.

pub mod rewrite;

use crate::error::{EngineError, Result, refused};
use offshoot_format::table::{KeyOrder, Layout};
use std::collections::HashMap;
use tokio_postgres::Client;

/// From here on, oids are given by initdb or later and differ between servers; below, they are PostgreSQL's own.
pub const FIRST_UNSTABLE_OID: u32 = 10_000;

/// Its empty value is sent in binary form, but not received in it: "malformed tsquery: operand not found".
const TSQUERY: u32 = 3615;

/// Types nest at most this deep; more is a damaged catalog.
const DEPTH_MAX: usize = 64;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeNode {
    /// Its oid on this server.
    pub oid: u32,
    /// Its qualified name, for messages.
    pub name: String,
    /// What it is made of.
    pub kind: TypeKind,
    /// Whether the type itself can be sent and received in a binary form that means the same on another server.
    binary: bool,
}

/// What a type is made of, by oid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeKind {
    /// Nothing that other types are seen in: base types, enums.
    Scalar,
    /// A domain over this.
    Domain(u32),
    /// An array of this.
    Array(u32),
    /// A row of these, dropped attributes left out.
    Composite(Vec<u32>),
    /// A range of this.
    Range(u32),
    /// Many of this range.
    Multirange(u32),
}

/// The types of some columns, with all that they are made of.
#[derive(Debug, Clone, Default)]
pub struct TypeTree {
    nodes: HashMap<u32, TypeNode>,
}

const QUERY: &str = "
SELECT t.oid, n.nspname || '.' || t.typname, t.typtype::pg_catalog.text,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype
            WHEN t.typsend = 'pg_catalog.array_send'::pg_catalog.regproc THEN t.typelem
            WHEN t.typtype = 'r' THEN (SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
            ELSE 0::pg_catalog.oid END,
       ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a
             WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
       t.typsend::pg_catalog.oid <> 0 AND t.typreceive::pg_catalog.oid <> 0,
       t.typsend::pg_catalog.regproc::pg_catalog.text
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid = ANY ($1)";

const MULTIRANGE_QUERY: &str = "SELECT rngmultitypid, rngtypid FROM pg_catalog.pg_range WHERE rngmultitypid = ANY ($1)";

impl TypeTree {
    /// Reads the types of these oids, and all that they are made of.
    ///
    /// # Errors
    /// If the server refuses, or a type is gone.
    pub async fn load(client: &Client, oids: impl IntoIterator<Item = u32>) -> Result<Self> {
        let mut tree = Self::default();
        let mut wanted: Vec<u32> = oids.into_iter().collect();
        for _depth in 0..DEPTH_MAX {
            wanted.sort_unstable();
            wanted.dedup();
            wanted.retain(|oid| !tree.nodes.contains_key(oid));
            if wanted.is_empty() {
                return Ok(tree);
            }
            wanted = tree.load_level(client, &wanted).await?;
        }
        Err(EngineError::Protocol { what: "the catalog of types", why: "types nest without end" })
    }

    /// Reads these types and gives what they are made of.
    async fn load_level(&mut self, client: &Client, wanted: &[u32]) -> Result<Vec<u32>> {
        let rows = client.query(QUERY, &[&wanted]).await.map_err(refused("list types"))?;
        let mut next = Vec::new();
        let mut multiranges = Vec::new();
        for row in &rows {
            let (oid, typtype, inner): (u32, String, u32) = (row.get(0), row.get(2), row.get(3));
            let send: String = row.get(6);
            let kind = match typtype.as_str() {
                "d" => TypeKind::Domain(inner),
                "c" => TypeKind::Composite(row.get(4)),
                "r" => TypeKind::Range(inner),
                "m" => {
                    multiranges.push(oid);
                    TypeKind::Scalar
                }
                _ if inner != 0 => TypeKind::Array(inner),
                _ => TypeKind::Scalar,
            };
            match &kind {
                TypeKind::Composite(fields) => next.extend(fields),
                TypeKind::Domain(_) | TypeKind::Array(_) | TypeKind::Range(_) => next.push(inner),
                TypeKind::Multirange(_) | TypeKind::Scalar => {}
            }
            // The binary form of regclass and its kind is an oid, which means nothing elsewhere.
            let is_reg = oid < FIRST_UNSTABLE_OID && send.trim_start_matches("pg_catalog.").starts_with("reg");
            let binary = row.get::<_, bool>(5) && typtype != "p" && !is_reg && oid != TSQUERY;
            self.nodes.insert(oid, TypeNode { oid, name: row.get(1), kind, binary });
        }
        if !multiranges.is_empty() {
            let rows = client.query(MULTIRANGE_QUERY, &[&multiranges]).await.map_err(refused("list types"))?;
            for row in &rows {
                let (oid, range): (u32, u32) = (row.get(0), row.get(1));
                if let Some(node) = self.nodes.get_mut(&oid) {
                    node.kind = TypeKind::Multirange(range);
                    next.push(range);
                }
            }
        }
        if wanted.iter().all(|oid| self.nodes.contains_key(oid)) {
            Ok(next)
        } else {
            Err(EngineError::Unstable { what: "a type was dropped".to_owned(), tries: 1 })
        }
    }

    /// A tree of these types, made without a server; all of them have a binary form.
    #[must_use]
    pub fn of(types: impl IntoIterator<Item = (u32, TypeKind)>) -> Self {
        let node = |(oid, kind)| (oid, TypeNode { oid, name: format!("type {oid}"), kind, binary: true });
        Self { nodes: types.into_iter().map(node).collect() }
    }

    /// A type of the tree.
    #[must_use]
    pub fn get(&self, oid: u32) -> Option<&TypeNode> {
        self.nodes.get(&oid)
    }

    /// The type below the domains.
    #[must_use]
    pub fn base(&self, oid: u32) -> Option<&TypeNode> {
        let mut node = self.nodes.get(&oid)?;
        while let TypeKind::Domain(base) = node.kind {
            node = self.nodes.get(&base)?;
        }
        Some(node)
    }

    /// What a type is made of, by oid.
    fn parts(&self, oid: u32) -> Vec<u32> {
        match self.nodes.get(&oid).map(|node| &node.kind) {
            None | Some(TypeKind::Scalar) => Vec::new(),
            Some(TypeKind::Composite(fields)) => fields.clone(),
            Some(
                TypeKind::Domain(inner) | TypeKind::Array(inner) | TypeKind::Range(inner) | TypeKind::Multirange(inner),
            ) => vec![*inner],
        }
    }

    /// Whether values of the type have a binary form that means the same on another server.
    #[must_use]
    pub fn is_binary(&self, oid: u32) -> bool {
        self.lacks_binary(oid).is_none()
    }

    /// The type that keeps this one from having a binary form: itself or one that it is made of.
    #[must_use]
    pub fn lacks_binary(&self, oid: u32) -> Option<&TypeNode> {
        let node = self.nodes.get(&oid)?;
        if !node.binary {
            return Some(node);
        }
        self.parts(oid).into_iter().find_map(|part| self.lacks_binary(part))
    }

    /// Whether values of the type hold oids of types anywhere.
    #[must_use]
    pub fn holds_oids(&self, oid: u32) -> bool {
        self.holds(oid, &|_| true)
    }

    /// Whether values of the type hold oids of types that differ between servers.
    #[must_use]
    pub fn holds_unstable_oids(&self, oid: u32) -> bool {
        self.holds(oid, &|part| part >= FIRST_UNSTABLE_OID)
    }

    fn holds(&self, oid: u32, counts: &dyn Fn(u32) -> bool) -> bool {
        let named =
            matches!(self.nodes.get(&oid).map(|node| &node.kind), Some(TypeKind::Array(_) | TypeKind::Composite(_)));
        self.parts(oid).into_iter().any(|part| named && counts(part) || self.holds(part, counts))
    }

    /// How values of the type lie in binary form. In text form all are [`Layout::Var`].
    #[must_use]
    pub fn layout(&self, oid: u32) -> Layout {
        self.base(oid).map_or(Layout::Var, |node| binary_layout(node.oid))
    }

    /// How the bytes of the binary form are put in order. In text form the order is [`KeyOrder::Bytes`].
    #[must_use]
    pub fn order(&self, oid: u32) -> KeyOrder {
        self.base(oid).map_or(KeyOrder::Bytes, |node| binary_order(node.oid))
    }
}

/// The bytes that PostgreSQL's own types of a fixed send length take, by oid.
#[must_use]
pub fn binary_layout(oid: u32) -> Layout {
    match oid {
        16 | 18 => Layout::Fixed(1),                          // bool, "char"
        21 => Layout::Fixed(2),                               // int2
        23 | 26 | 28 | 29 | 700 | 1082 => Layout::Fixed(4),   // int4, oid, xid, cid, float4, date
        27 | 829 => Layout::Fixed(6),                         // tid, macaddr
        20 | 701 | 774 | 790 => Layout::Fixed(8),             // int8, float8, macaddr8, money
        1083 | 1114 | 1184 | 3220 | 5069 => Layout::Fixed(8), // time, timestamp, timestamptz, pg_lsn, xid8
        1266 => Layout::Fixed(12),                            // timetz
        600 | 1186 | 2950 => Layout::Fixed(16),               // point, interval, uuid
        628 | 718 => Layout::Fixed(24),                       // line, circle
        601 | 603 => Layout::Fixed(32),                       // lseg, box
        _ => Layout::Var,
    }
}

/// The order of PostgreSQL's own types by oid: numbers and times as numbers, all else as bytes.
#[must_use]
pub fn binary_order(oid: u32) -> KeyOrder {
    match oid {
        // int8, int2, int4, money, date, time, timestamp, timestamptz
        20 | 21 | 23 | 790 | 1082 | 1083 | 1114 | 1184 => KeyOrder::Signed,
        _ => KeyOrder::Bytes,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn tree(nodes: &[(u32, TypeKind)]) -> TypeTree {
        let nodes = nodes.iter().map(|(oid, kind)| {
            (*oid, TypeNode { oid: *oid, name: oid.to_string(), kind: kind.clone(), binary: *oid != 2205 })
        });
        TypeTree { nodes: nodes.collect() }
    }

    #[test]
    fn domains_have_the_layout_of_their_base() {
        let tree = tree(&[(23, TypeKind::Scalar), (20_000, TypeKind::Domain(23)), (20_001, TypeKind::Domain(20_000))]);
        assert_eq!(tree.layout(20_001), Layout::Fixed(4));
        assert_eq!(tree.order(20_001), KeyOrder::Signed);
        assert!(!tree.holds_oids(20_001));
    }

    #[test]
    fn a_part_without_a_binary_form_takes_it_from_the_whole() {
        let tree = tree(&[
            (2205, TypeKind::Scalar),
            (2210, TypeKind::Array(2205)),
            (23, TypeKind::Scalar),
            (20_000, TypeKind::Composite(vec![23, 2210])),
        ]);
        assert_eq!(tree.lacks_binary(20_000).unwrap().oid, 2205);
        assert!(tree.is_binary(23));
    }

    #[test]
    fn only_user_made_oids_are_unstable() {
        let tree = tree(&[
            (23, TypeKind::Scalar),
            (1007, TypeKind::Array(23)),
            (20_000, TypeKind::Scalar),
            (20_001, TypeKind::Array(20_000)),
            (20_002, TypeKind::Range(20_001)),
        ]);
        assert!(tree.holds_oids(1007) && !tree.holds_unstable_oids(1007));
        assert!(tree.holds_unstable_oids(20_001) && tree.holds_unstable_oids(20_002));
    }
}
