//! Rules for documents: what was found at each path, and of keys.

use super::quoted;
use crate::classify::Finding;

/// The rules of paths. What holds nothing personal is kept; all others, and those not seen yet, are shaped. Where keys are personal
/// data themselves, all that are none have a rule, so that they stay.
fn rules_of_paths(finding: &Finding, name: impl Fn(&str) -> String) -> String {
    let rule = |at: &Finding| match (at.meaning, at.is_unseen) {
        (None, false) => Some("keep"),
        _ => finding.has_personal_keys.then_some("shape"),
    };
    let named = |(path, at): &(String, Finding)| Some(format!("{} = \"{}\"", quoted(&name(path)), rule(at)?));
    let rules: Vec<String> = finding.paths.iter().filter_map(named).collect();
    if rules.is_empty() { String::new() } else { format!("{{ {} }}", rules.join(", ")) }
}

/// The rule for an hstore: what is said of paths in a document is said of its keys.
pub(super) fn hstore(finding: &Finding) -> String {
    let keys = rules_of_paths(finding, |path| path.trim_start_matches("$.").to_owned());
    let mut options = vec!["rule = \"hstore\"".to_owned()];
    if !keys.is_empty() {
        options.push(format!("keys = {keys}"));
    }
    if finding.has_personal_keys {
        options.push("other-keys = \"shape\"".to_owned());
    }
    if options.len() == 1 { quoted("hstore") } else { format!("{{ {} }}", options.join(", ")) }
}

/// The rule for a JSON document.
pub(super) fn json(finding: &Finding, has_limit: bool) -> String {
    let paths = rules_of_paths(finding, str::to_owned);
    let mut options = vec!["rule = \"json\"".to_owned()];
    if finding.has_personal_keys {
        options.push("keys = \"shape\"".to_owned());
    }
    if !paths.is_empty() {
        options.push(format!("paths = {paths}"));
    }
    if has_limit {
        // Escapes could make a document longer.
        options.push("too-long = \"shape\"".to_owned());
    }
    if options.len() == 1 { quoted("json") } else { format!("{{ {} }}", options.join(", ")) }
}
