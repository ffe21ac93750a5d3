//! Whether policies allow what the statements say, and to whom. A policy may name its table, so its twin is on the same one,
//! under another name.

use super::{PostgresSession, TWIN, statements};
use crate::error::Result;
use crate::postgres::quote::qualified;
use crate::postgres::restore::catalog::shown;
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference};
use pg_query::NodeEnum;

/// Twins of one transaction: each takes a lock.
const TWINS_AT_ONCE: usize = 50;

/// Those that are not as their twins are: tables, names, names of twins.
const DIFFERING: &str = "
SELECT p.n FROM unnest($1::pg_catalog.text[], $2::pg_catalog.text[], $3::pg_catalog.text[]) WITH ORDINALITY p (on_table, name, twin, n)
JOIN pg_catalog.pg_policy r ON r.polrelid = p.on_table::pg_catalog.regclass AND r.polname = p.name
JOIN pg_catalog.pg_policy w ON w.polrelid = r.polrelid AND w.polname = p.twin
WHERE (r.polcmd, r.polpermissive, r.polroles) <> (w.polcmd, w.polpermissive, w.polroles)
   OR pg_catalog.pg_get_expr(r.polqual, r.polrelid) IS DISTINCT FROM pg_catalog.pg_get_expr(w.polqual, w.polrelid)
   OR pg_catalog.pg_get_expr(r.polwithcheck, r.polrelid) IS DISTINCT FROM pg_catalog.pg_get_expr(w.polwithcheck, w.polrelid)
ORDER BY 1";

/// A policy and its statement.
struct Policy<'s> {
    schema: String,
    table: String,
    name: String,
    sql: &'s str,
}

impl PostgresSession<'_> {
    /// What is allowed otherwise than the statements say. Every policy must be there.
    pub(in super::super) fn policy_differences(&self, adapted: &Adapted) -> Result<Vec<Difference>> {
        let statements = adapted.works.iter().flat_map(|work| &work.sql);
        let all: Vec<Policy<'_>> = statements.filter_map(|sql| policy(sql)).collect();
        let mut differences = Vec::new();
        for some in all.chunks(TWINS_AT_ONCE) {
            match self.differing_policies(some)? {
                Some(found) => differences.extend(found),
                // One that the server refuses is one that cannot be compared.
                None => {
                    for one in some {
                        differences.extend(self.differing_policies(std::slice::from_ref(one))?.unwrap_or_default());
                    }
                }
            }
        }
        Ok(differences)
    }

    fn differing_policies(&self, some: &[Policy<'_>]) -> Result<Option<Vec<Difference>>> {
        let doing = "compare the policies";
        let twin = |number: usize| format!("{TWIN}_{number}");
        let renamed = some.iter().enumerate().filter_map(|(number, policy)| {
            statements::of_another_relation(policy.sql, &twin(number)).map(|sql| format!("{sql};\n"))
        });
        let sql: String = renamed.collect();
        let tables: Vec<String> = some.iter().map(|policy| qualified(&policy.schema, &policy.table)).collect();
        let names: Vec<&str> = some.iter().map(|policy| policy.name.as_str()).collect();
        let twins: Vec<String> = (0..some.len()).map(twin).collect();
        let rows = self.undone(doing, || {
            self.run(doing, &sql)?;
            self.query(doing, DIFFERING, &[&tables, &names, &twins]).map(Some)
        })?;
        let difference = |row: &tokio_postgres::Row| {
            let policy = some.get(usize::try_from(row.get::<_, i64>(0) - 1).ok()?)?;
            let object = format!("policy {} of {}", shown("", &policy.name), shown(&policy.schema, &policy.table));
            Some(Difference { object, how: "what it allows, or to whom, is another matter".to_owned() })
        };
        Ok(rows.map(|rows| rows.iter().filter_map(difference).collect()))
    }
}

fn policy(sql: &str) -> Option<Policy<'_>> {
    if !sql.starts_with("CREATE POLICY ") {
        return None;
    }
    let NodeEnum::CreatePolicyStmt(create) = statement(sql)? else { return None };
    let table = create.table?;
    Some(Policy { schema: table.schemaname, table: table.relname, name: create.policy_name, sql })
}
