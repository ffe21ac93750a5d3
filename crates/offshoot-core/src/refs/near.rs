//! Names that are near to what was typed.

/// The names of `all` that could have been meant, nearest first, at most `limit`.
#[must_use]
pub fn near<'a>(typed: &str, all: impl Iterator<Item = &'a str>, limit: usize) -> Vec<String> {
    let lower = typed.to_lowercase();
    let far = 1 + lower.chars().count() / 3;
    let mut found: Vec<(usize, &str)> = all
        .map(|name| (distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= far || lower.len() > 2 && name.to_lowercase().contains(&lower))
        .collect();
    found.sort_unstable();
    found.into_iter().take(limit).map(|(_, name)| name.to_owned()).collect()
}

/// Insertions, deletions and replacements of characters that make one text of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (at, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_seen() {
        let all = ["prod", "staging", "prod-eu", "v1"];
        assert_eq!(near("prdo", all.into_iter(), 5), ["prod"]);
        assert_eq!(near("PROD", all.into_iter(), 5), ["prod", "prod-eu"]);
        assert_eq!(near("stagign", all.into_iter(), 5), ["staging"]);
        assert!(near("customers", all.into_iter(), 5).is_empty());
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
