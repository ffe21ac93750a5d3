//! Statements under another name: where the name stands in pg_dump's text, by PostgreSQL's own parser and scanner.

use crate::postgres::roles::statement;
use pg_query::NodeEnum;
use pg_query::protobuf::{RangeVar, Token};

/// A statement that makes or changes another relation in place of its own, or another policy on the same table.
pub(super) fn of_another_relation(sql: &str, name: &str) -> Option<String> {
    let at = |relation: Option<&RangeVar>| usize::try_from(relation?.location).ok();
    let start = match statement(sql)? {
        NodeEnum::CreateStmt(create) => at(create.relation.as_ref()),
        NodeEnum::CreateForeignTableStmt(create) => at(create.base_stmt.as_ref()?.relation.as_ref()),
        NodeEnum::ViewStmt(view) => at(view.view.as_ref()),
        NodeEnum::CreateTableAsStmt(create) => at(create.into.as_ref()?.rel.as_ref()),
        NodeEnum::CreateSeqStmt(create) => at(create.sequence.as_ref()),
        NodeEnum::CompositeTypeStmt(create) => at(create.typevar.as_ref()),
        NodeEnum::IndexStmt(index) => at(index.relation.as_ref()),
        NodeEnum::AlterTableStmt(alter) => at(alter.relation.as_ref()),
        NodeEnum::CreateTrigStmt(trigger) => at(trigger.relation.as_ref()),
        NodeEnum::RuleStmt(rule) => at(rule.relation.as_ref()),
        NodeEnum::CreatePolicyStmt(_) => after(sql, Token::Policy),
        NodeEnum::CreateStatsStmt(_) => after(sql, Token::Statistics),
        NodeEnum::CreateEnumStmt(_) => after(sql, Token::TypeP),
        NodeEnum::CreateDomainStmt(_) | NodeEnum::AlterDomainStmt(_) => after(sql, Token::DomainP),
        _ => None,
    }?;
    replaced(sql, start, name)
}

/// Where the first token after this one begins.
fn after(sql: &str, token: Token) -> Option<usize> {
    let tokens = pg_query::scan_tokens(sql).ok()?;
    let mut tokens = tokens.into_iter().skip_while(|found| found.token != token as i32);
    usize::try_from(tokens.nth(1)?.start).ok()
}

/// The text with another name at this place, qualified or not.
fn replaced(sql: &str, start: usize, name: &str) -> Option<String> {
    let tokens = pg_query::scan_tokens(sql).ok()?;
    let mut tokens = tokens.into_iter().skip_while(|token| usize::try_from(token.start).is_ok_and(|at| at < start));
    let mut end = tokens.next()?.end;
    if tokens.next().is_some_and(|token| token.token == Token::Ascii46 as i32) {
        end = tokens.next()?.end;
    }
    Some(format!("{}{name}{}", sql.get(..start)?, sql.get(usize::try_from(end).ok()?..)?))
}

/// Without the name of the sequence that an identity column gets: the server chooses one.
pub(super) fn without_sequence_name(sql: &str) -> Option<String> {
    let tokens: Vec<_> = pg_query::scan_tokens(sql).ok()?.into_iter().collect();
    let pair = [Token::Sequence as i32, Token::NameP as i32];
    let first = tokens.windows(2).position(|two| [two[0].token, two[1].token] == pair)?;
    let is_qualified = tokens.get(first + 3).is_some_and(|token| token.token == Token::Ascii46 as i32);
    let last = tokens.get(first + if is_qualified { 4 } else { 2 })?;
    let (start, end) = (usize::try_from(tokens[first].start).ok()?, usize::try_from(last.end).ok()?);
    Some(format!("{}{}", sql.get(..start)?, sql.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_alone_is_another_one() {
        for (sql, wanted) in [
            ("CREATE UNLOGGED TABLE public.t (a public.t)", "CREATE UNLOGGED TABLE x.y (a public.t)"),
            ("CREATE TABLE \"a.b\".\"c \"\"(\" ()", "CREATE TABLE x.y ()"),
            ("CREATE VIEW public.v AS\n SELECT 1 FROM public.v2", "CREATE VIEW x.y AS\n SELECT 1 FROM public.v2"),
            ("CREATE UNIQUE INDEX i ON ONLY s.t USING btree (a)", "CREATE UNIQUE INDEX i ON ONLY x.y USING btree (a)"),
            (
                "ALTER TABLE ONLY s.t ADD CONSTRAINT c CHECK ((a > 0))",
                "ALTER TABLE ONLY x.y ADD CONSTRAINT c CHECK ((a > 0))",
            ),
            ("CREATE TYPE s.m AS ENUM (\n    'type'\n)", "CREATE TYPE x.y AS ENUM (\n    'type'\n)"),
            ("CREATE TYPE s.c AS (\n\ta integer\n)", "CREATE TYPE x.y AS (\n\ta integer\n)"),
            ("CREATE DOMAIN s.domain AS text", "CREATE DOMAIN x.y AS text"),
            (
                "ALTER DOMAIN s.d ADD CONSTRAINT c CHECK (true) NOT VALID",
                "ALTER DOMAIN x.y ADD CONSTRAINT c CHECK (true) NOT VALID",
            ),
            ("CREATE SEQUENCE s.q START WITH 1", "CREATE SEQUENCE x.y START WITH 1"),
            ("CREATE STATISTICS s.e (mcv) ON a, b FROM s.t", "CREATE STATISTICS x.y (mcv) ON a, b FROM s.t"),
            ("CREATE POLICY \"P\" ON s.t USING ((t.a > 0))", "CREATE POLICY x.y ON s.t USING ((t.a > 0))"),
            (
                "CREATE RULE r AS ON DELETE TO \"ü\".t DO INSTEAD DELETE FROM s.t",
                "CREATE RULE r AS ON DELETE TO x.y DO INSTEAD DELETE FROM s.t",
            ),
        ] {
            assert_eq!(of_another_relation(sql, "x.y").as_deref(), Some(wanted));
        }
        assert_eq!(of_another_relation("SELECT 1", "x.y"), None);
    }

    #[test]
    fn an_identity_gets_a_sequence_of_its_own() {
        let sql = "ALTER TABLE s.t ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME s.\"Q\"\n    START WITH 5\n)";
        let wanted = "ALTER TABLE s.t ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY (\n    \n    START WITH 5\n)";
        assert_eq!(without_sequence_name(sql).as_deref(), Some(wanted));
    }
}
