//! What became of each branch, by what Git has now: kept, renamed, gone. Without Git, files or clock.

use super::registry::{Entry, State};
use super::repository::Renaming;
use std::collections::BTreeSet;

/// Renamings that are followed one after the other.
const HOPS_MAX: usize = 16;

/// Follows renamings, and marks what is gone as leaving. `branches` are those that Git has.
pub(super) fn settle(entries: &mut [Entry], branches: &BTreeSet<String>, renamings: &[Renaming]) {
    for at in 0..entries.len() {
        let entry = entries[at].clone();
        if entry.state == State::Leaving || branches.contains(&entry.git) {
            continue;
        }
        match new_name(&entry, entries, branches, renamings) {
            Some((name, unix_s)) => {
                // A branch that was renamed over another one takes its place.
                let replaced = entries.iter_mut().filter(|other| other.git == name && other.state != State::Leaving);
                replaced.for_each(|other| other.state = State::Leaving);
                entries[at].git = name;
                entries[at].since_unix_s = unix_s.unwrap_or(entry.since_unix_s);
            }
            None => entries[at].state = State::Leaving,
        }
    }
}

/// The name that a branch which is not there any more has now, and since when.
fn new_name(
    entry: &Entry,
    entries: &[Entry],
    branches: &BTreeSet<String>,
    renamings: &[Renaming],
) -> Option<(String, Option<u64>)> {
    let mut name = entry.git.as_str();
    for _ in 0..HOPS_MAX {
        let next = renamings.iter().filter(|renaming| renaming.from == name).filter(|renaming| {
            // An old renaming of another branch that had this name says nothing of this one; and where the new name has
            // an entry, only certainty may replace that.
            let is_known = entries.iter().any(|other| other.git == renaming.to && other.state != State::Leaving);
            match renaming.unix_s {
                Some(unix_s) if is_known => unix_s > entry.since_unix_s,
                Some(unix_s) => unix_s >= entry.since_unix_s,
                None => !is_known,
            }
        });
        let newest = next.max_by_key(|renaming| renaming.unix_s)?;
        name = newest.to.as_str();
        if branches.contains(name) {
            return Some((name.to_owned(), newest.unix_s));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(entries: &[(&str, u64)], branches: &[&str], renamings: &[(&str, &str, Option<u64>)]) -> String {
        let entry = |(at, (git, since_unix_s)): (usize, &(&str, u64))| {
            let (git, database) = ((*git).to_owned(), git.to_uppercase());
            let (id, identity, state) = (at as u64, None, State::Ready);
            Entry { id, git, database, identity, since_unix_s: *since_unix_s, state }
        };
        let mut entries: Vec<Entry> = entries.iter().enumerate().map(entry).collect();
        let branches = branches.iter().map(|name| (*name).to_owned()).collect();
        let renaming = |(from, to, unix_s): &(&str, &str, Option<u64>)| Renaming {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            unix_s: *unix_s,
        };
        settle(&mut entries, &branches, &renamings.iter().map(renaming).collect::<Vec<_>>());
        let shown = entries.iter().map(|entry| match entry.state {
            State::Leaving => format!("{} gone", entry.database),
            _ => format!("{} of {}", entry.database, entry.git),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_became_of_branches() {
        let two = [("a", 100), ("b", 100)];
        assert_eq!(settled(&two, &["a", "b"], &[]), "A of a, B of b");
        assert_eq!(settled(&two, &["b", "main"], &[]), "A gone, B of b");
        assert_eq!(settled(&two, &["b", "c"], &[("a", "c", Some(100))]), "A of c, B of b");
        assert_eq!(settled(&two, &["b", "d"], &[("a", "c", Some(101)), ("c", "d", Some(101))]), "A of d, B of b");
        assert_eq!(settled(&two, &["b", "c"], &[("a", "c", None)]), "A of c, B of b");
    }

    #[test]
    fn a_renaming_over_another_branch_replaces_its_database() {
        let two = [("a", 100), ("b", 100)];
        assert_eq!(settled(&two, &["b"], &[("a", "b", Some(101))]), "A of b, B gone");
        // Concluded or old ones do not: the log of b still tells of a branch a that b was once.
        assert_eq!(settled(&two, &["b"], &[("a", "b", None)]), "A gone, B of b");
        assert_eq!(settled(&[("a", 200), ("b", 100)], &["b"], &[("a", "b", Some(150))]), "A gone, B of b");
        // Swapped by way of a third name.
        let swap = [("a", "t", Some(101)), ("b", "a", Some(102)), ("t", "b", Some(103))];
        assert_eq!(settled(&two, &["a", "b"], &swap), "A of a, B of b");
    }

    #[test]
    fn renamings_in_a_circle_end() {
        assert_eq!(settled(&[("a", 1)], &["x"], &[("a", "b", Some(2)), ("b", "a", Some(2))]), "A gone");
    }
}
