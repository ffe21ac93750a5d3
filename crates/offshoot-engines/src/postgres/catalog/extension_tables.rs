//! Indexes, constraints, triggers and rules that users gave to tables of extensions.
//!
//! Nobody carries them: a table of an extension comes with CREATE EXTENSION, and pg_dump writes nothing that is on it. So
//! they are named. What a user made and what the extension's script made looks the same in the catalog but for the
//! transaction that made it, which the dependencies of both remember: those of an extension's members are never written
//! again. Where a table shares its transaction with no other member of its extension, as after pg_upgrade, that says
//! nothing; such objects are named, too, as ones that may be the extension's.

use crate::error::{Result, refused};
use crate::postgres::quote::shown;
use offshoot_format::manifest::Note;
use tokio_postgres::Client;

const QUERY: &str = "
WITH member AS (
  SELECT d.classid, d.objid, d.refobjid AS extension, d.xmin::pg_catalog.text AS made FROM pg_catalog.pg_depend d
  WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass),
made AS (
  SELECT extension, made, pg_catalog.count(*) AS members FROM member GROUP BY 1, 2
  UNION ALL SELECT e.oid, e.xmin::pg_catalog.text, 1 FROM pg_catalog.pg_extension e),
relation AS (
  SELECT c.oid, n.nspname, c.relname, m.extension,
         (SELECT pg_catalog.sum(o.members) > 1 FROM made o WHERE o.extension = m.extension AND o.made = m.made) AS is_known
  FROM member m JOIN pg_catalog.pg_class c ON m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = m.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')),
object (class, oid, relation, what, name) AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, i.indrelid, 'index', c.relname
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
  UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, k.conrelid, 'constraint', k.conname
  FROM pg_catalog.pg_constraint k WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.conparentid = 0 AND k.coninhcount = 0
  UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, t.tgrelid, 'trigger', t.tgname
  FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal
  UNION ALL SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid, w.ev_class, 'rule', w.rulename
  FROM pg_catalog.pg_rewrite w WHERE w.rulename <> '_RETURN')
SELECT o.what, o.name::pg_catalog.text, r.nspname::pg_catalog.text, r.relname::pg_catalog.text, e.extname::pg_catalog.text, r.is_known
FROM object o JOIN relation r ON r.oid = o.relation JOIN pg_catalog.pg_extension e ON e.oid = r.extension
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = o.class AND m.objid = o.oid)
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d JOIN made ON made.extension = r.extension AND made.made = d.xmin::pg_catalog.text
    WHERE d.classid = o.class AND d.objid = o.oid)
ORDER BY 3, 4, 1, 2";

/// What is not carried, and what may be an extension's own and is left out.
///
/// # Errors
/// If the server refuses.
pub async fn notes(client: &Client) -> Result<(Vec<Note>, Vec<Note>)> {
    let (mut not_carried, mut omitted) = (Vec::new(), Vec::new());
    for row in client.query(QUERY, &[]).await.map_err(refused("list what is on tables of extensions"))? {
        let (what, extension): (String, String) = (row.get(0), row.get(4));
        let object = format!("{what} {} of table {}", shown("", row.get(1)), shown(row.get(2), row.get(3)));
        let extension = shown("", &extension);
        if row.get(5) {
            let reason = format!("the table comes with the extension {extension}, and this was given to it later");
            not_carried.push(Note { object, reason });
        } else {
            let reason = format!("the table comes with the extension {extension}; if this does not, it is lost");
            omitted.push(Note { object, reason });
        }
    }
    Ok((not_carried, omitted))
}
