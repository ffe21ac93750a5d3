//! Users that views, routines, triggers and events run as. They belong to the server, with passwords and rights that a
//! snapshot does not have, so none is made: one that is there stays, in the place of any other comes the user of the
//! restore, and which that were is told.

use crate::mysql::quote::split_any_ident;
use crate::mysql::schema::{Context, definer};
use offshoot_core::target::{Choices, Inspection, Roles};
use offshoot_format::manifest::{Manifest, Phase};
use std::collections::BTreeMap;

/// The sql of an item with the user that it will run as.
pub(crate) fn mapped(sql: &str, inspection: &Inspection, choices: &Choices) -> String {
    let (_, statement) = Context::split(sql);
    match definer(statement) {
        Some(user) if !is_kept(user, inspection, choices) => {
            // At its own place, which is before all else that a statement says.
            let at = sql.len() - statement.len();
            format!("{}{}", &sql[..at], statement.replacen(user, "CURRENT_USER", 1))
        }
        _ => sql.to_owned(),
    }
}

/// A line for each user that is replaced.
pub(super) fn warnings(manifest: &Manifest, inspection: &Inspection, choices: &Choices) -> Vec<String> {
    let mut objects: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for item in manifest.content.schema.iter().filter(|item| item.phase == Phase::PostData) {
        if let Some(user) = definer(Context::split(&item.sql).1).filter(|user| !is_kept(user, inspection, choices)) {
            objects.entry(name(user)).or_default().push(&item.label);
        }
    }
    let line = |(user, objects): (String, Vec<&str>)| {
        let why = match (choices.roles, inspection.roles.iter().any(|(name, _)| *name == user)) {
            (Roles::Skip, _) => "by --roles skip",
            (_, true) => "as that user may not name it",
            (_, false) => "as the target does not have it",
        };
        let shown = objects.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let more = if objects.len() > 5 { format!(" and {} more", objects.len() - 5) } else { String::new() };
        format!("{shown}{more} will run as {} in place of the definer {user}, {why}", inspection.user)
    };
    objects.into_iter().map(line).collect()
}

fn is_kept(user: &str, inspection: &Inspection, choices: &Choices) -> bool {
    let user = name(user);
    user == inspection.user
        || choices.roles != Roles::Skip && inspection.roles.iter().any(|(name, may_act)| *name == user && *may_act)
}

/// `` `app`@`%` `` as `app@%`.
fn name(quoted: &str) -> String {
    let Some((user, rest)) = split_any_ident(quoted) else { return quoted.to_owned() };
    match rest.strip_prefix('@').and_then(split_any_ident) {
        Some((host, _)) => format!("{user}@{host}"),
        None => user,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_there_is_replaced() {
        let sql = "SET sql_mode = '';\nCREATE DEFINER=`app`@`%` PROCEDURE `p`() SELECT 'DEFINER=`app`@`%`'";
        let mut inspection = Inspection { user: "root@localhost".into(), ..Inspection::default() };
        let choices = Choices::default();
        let replaced = mapped(sql, &inspection, &choices);
        assert!(
            replaced.contains("CREATE DEFINER=CURRENT_USER PROCEDURE") && replaced.ends_with("'DEFINER=`app`@`%`'")
        );
        inspection.roles = vec![("app@%".into(), true)];
        assert_eq!(mapped(sql, &inspection, &choices), sql);
        let skip = Choices { roles: Roles::Skip, ..Choices::default() };
        assert_ne!(mapped(sql, &inspection, &skip), sql);
        inspection.roles = vec![("app@%".into(), false)];
        assert_ne!(mapped(sql, &inspection, &choices), sql);
        let quoted = r#"CREATE DEFINER="app"@"%" FUNCTION "f"() RETURNS INT RETURN 1"#;
        assert!(mapped(quoted, &inspection, &skip).starts_with("CREATE DEFINER=CURRENT_USER FUNCTION"));
        assert_eq!(mapped("CREATE TABLE t (a INT)", &inspection, &choices), "CREATE TABLE t (a INT)");
    }
}
