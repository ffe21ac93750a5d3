//! A CREATE TABLE as the server prints it, taken apart: the table, and the statements that add its indexes and foreign keys.
//!
//! The text is cut at the commas between its parts, outside of brackets, strings and names; of what is inside a part only
//! two things are known: where AUTO_INCREMENT stands, and a character set that a collation implies.

use crate::mysql::error::{MysqlError, Result};
use crate::mysql::quote::{ident, split_ident};

/// What a table is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableParts {
    /// The table without what can be added after its rows, and without where AUTO_INCREMENT stands.
    pub create: String,
    /// Indexes: name and statement.
    pub indexes: Vec<(String, String)>,
    /// Foreign keys: name and statement.
    pub foreign_keys: Vec<(String, String)>,
}

/// Takes it apart. `key_index` is the unique key that stands for a missing primary key: it stays in the table.
///
/// # Errors
/// `Protocol` if the text is not what a server prints.
pub fn take_apart(name: &str, sql: &str, key_index: Option<&str>) -> Result<TableParts> {
    let unreadable = || MysqlError::Protocol { what: "a CREATE TABLE", why: "its brackets or quotes do not match" };
    let open = top_level(sql, 0, |c, depth| c == '(' && depth == 0).ok_or_else(unreadable)?;
    let (parts, close) = parts(sql, open + 1).ok_or_else(unreadable)?;
    let auto_column =
        parts.iter().find(|part| is_auto_increment(part)).and_then(|part| split_ident(part)).map(|(name, _)| name);
    let auto_key = auto_column.and_then(|column| auto_key(&parts, &column));
    let alter = |part: &str| format!("ALTER TABLE {} ADD {part}", ident(name));
    let stays = |(place, part): (usize, &&str)| match classify(part) {
        Part::Index(index) if Some(index.as_str()) == key_index || Some(place) == auto_key => Some(place),
        _ => None,
    };
    // Those before it stay, too: the server prints indexes in the order in which they were made.
    let last_staying = parts.iter().enumerate().filter_map(stays).max();
    let (mut kept, mut indexes, mut foreign_keys) = (Vec::new(), Vec::new(), Vec::new());
    for (place, part) in parts.iter().enumerate() {
        match classify(part) {
            Part::Index(index) if Some(place) > last_staying => indexes.push((index, alter(part))),
            Part::ForeignKey(constraint) => foreign_keys.push((constraint, alter(part))),
            _ => kept.push(*part),
        }
    }
    let kept: Vec<String> = kept.into_iter().map(without_implied_charset).collect();
    let options = without_folders(&without_counter(&sql[close..]));
    let create = format!("{}\n  {}\n{options}", &sql[..=open], kept.join(",\n  "));
    Ok(TableParts { create, indexes, foreign_keys })
}

enum Part {
    Index(String),
    ForeignKey(String),
    /// A column, the primary key, a check, a period.
    Other,
}

fn classify(part: &str) -> Part {
    let index = ["UNIQUE KEY ", "KEY ", "FULLTEXT KEY ", "SPATIAL KEY ", "VECTOR KEY "];
    if let Some((name, _)) = index.iter().find_map(|word| part.strip_prefix(word)).and_then(split_ident) {
        return Part::Index(name);
    }
    match part.strip_prefix("CONSTRAINT ").and_then(split_ident) {
        Some((name, rest)) if rest.starts_with(" FOREIGN KEY ") => Part::ForeignKey(name),
        _ => Part::Other,
    }
}

/// Whether a part is a column that counts by itself: the word stands outside of its strings and names.
fn is_auto_increment(part: &str) -> bool {
    part.starts_with('`') && find_word(part, "AUTO_INCREMENT").is_some()
}

/// The key without which the server refuses the column: one that begins with it, else one that has it.
fn auto_key(parts: &[&str], column: &str) -> Option<usize> {
    let columns = |part: &str| {
        let is_key = part.starts_with("PRIMARY KEY ") || matches!(classify(part), Part::Index(_));
        let open = top_level(part, 0, |c, depth| c == '(' && depth == 0).filter(|_| is_key)?;
        Some(part[open + 1..].to_owned())
    };
    let quoted = ident(column);
    let begins = |part: &str| columns(part).is_some_and(|list| list.starts_with(&quoted));
    let has = |part: &str| columns(part).is_some_and(|list| list.contains(&quoted));
    parts.iter().position(|part| begins(part)).or_else(|| parts.iter().position(|part| has(part)))
}

/// The options of a table without ` AUTO_INCREMENT=123`, which is where a counter stands and not what the table is.
fn without_counter(options: &str) -> String {
    let Some(at) = find_word(options, "AUTO_INCREMENT=") else { return options.to_owned() };
    let digits = options[at + "AUTO_INCREMENT=".len()..].bytes().take_while(u8::is_ascii_digit).count();
    let end = at + "AUTO_INCREMENT=".len() + digits;
    format!("{}{}", options[..at].trim_end_matches(' '), &options[end..])
}

/// The options of a table and its partitions without ` DATA DIRECTORY='/x/'`: folders are the source's machine's, and a name
/// there is nothing that another server should write to.
fn without_folders(options: &str) -> String {
    let mut options = options.to_owned();
    for word in [" DATA DIRECTORY", " INDEX DIRECTORY"] {
        while let Some((at, length)) = folder(&options, word) {
            options.replace_range(at..at + length, "");
        }
    }
    options
}

/// Where such an option stands, with its value, and how long it is.
fn folder(options: &str, word: &str) -> Option<(usize, usize)> {
    let at = find_word(options, word)?;
    let value = options[at + word.len()..].trim_start_matches([' ', '=']);
    let begin = options.len() - value.len();
    // The next piece outside of a string: what stands behind it.
    let end = Pieces { text: options, at: begin }.next().map_or(options.len(), |(end, _)| end);
    value.starts_with('\'').then_some((at, end - at))
}

/// Where the strings in the options of a table and of its partitions stand, without their quotes.
pub(super) fn strings(sql: &str) -> Vec<std::ops::Range<usize>> {
    let open = top_level(sql, 0, |c, depth| c == '(' && depth == 0);
    let close = open.and_then(|open| parts(sql, open + 1)).map_or(0, |(_, close)| close);
    let (mut found, mut from) = (Vec::new(), close);
    // Between two pieces that are not beside each other stand strings and names.
    let ends = (Pieces { text: sql, at: close }).map(|(at, c)| (at, at + c.len_utf8())).chain([(sql.len(), sql.len())]);
    for (at, behind) in ends {
        let quoted = &sql[from..at];
        if quoted.len() > 1 && quoted.starts_with('\'') && quoted.ends_with('\'') {
            found.push(from + 1..at - 1);
        }
        from = behind;
    }
    found
}

/// A part without the character set that its collation implies: MySQL prints it or not, depending on how a table was once
/// made, and always once a printed table was made again.
fn without_implied_charset(part: &str) -> String {
    let implied = |rest: &str| {
        let named = rest.strip_prefix(" CHARACTER SET ")?;
        let after = named.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        after.starts_with(" COLLATE ").then(|| rest.len() - after.len())
    };
    let (mut out, mut from) = (String::with_capacity(part.len()), 0);
    for (at, _) in (Pieces { text: part, at: 0 }) {
        if let Some(length) = implied(&part[at..]) {
            out.push_str(&part[from..at]);
            from = at + length;
        }
    }
    out.push_str(&part[from..]);
    out
}

/// Where a word stands outside of strings and names.
fn find_word(text: &str, word: &str) -> Option<usize> {
    Pieces { text, at: 0 }.find(|&(at, c)| word.starts_with(c) && text[at..].starts_with(word)).map(|(at, _)| at)
}

/// The parts between the brackets, and where the closing bracket stands.
fn parts(sql: &str, start: usize) -> Option<(Vec<&str>, usize)> {
    let (mut parts, mut from, mut depth) = (Vec::new(), start, 0_usize);
    for (at, c) in (Pieces { text: sql, at: start }) {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' => {
                parts.push(sql[from..at].trim());
                return Some((parts, at));
            }
            ',' if depth == 0 => {
                parts.push(sql[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn top_level(text: &str, start: usize, is_wanted: impl Fn(char, usize) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in (Pieces { text, at: start }) {
        if is_wanted(c, depth) {
            return Some(at);
        }
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The characters of a text that stand outside of strings and names.
struct Pieces<'t> {
    text: &'t str,
    at: usize,
}

impl Iterator for Pieces<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at;
            let c = self.text[at..].chars().next()?;
            self.at += c.len_utf8();
            if !['\'', '"', '`'].contains(&c) {
                return Some((at, c));
            }
            // Doubled quotes end one string and begin the next, which comes to the same.
            loop {
                let inner = self.text[self.at..].chars().next()?;
                self.at += inner.len_utf8();
                if inner == c {
                    break;
                }
                if inner == '\\' && c != '`' {
                    self.at += self.text[self.at..].chars().next()?.len_utf8();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "CREATE TABLE `a,(b` (\n  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,\n  \
        `e` enum('x','it''s, (','b\\\\') DEFAULT 'x' COMMENT 'AUTO_INCREMENT=1, KEY `k` (',\n  \
        `g` int(11) GENERATED ALWAYS AS (`n` + 1) STORED,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `u,``` (`e`,`g`),\n  \
        KEY `k` (`e` DESC) COMMENT 'x',\n  FULLTEXT KEY `ft` (`e`),\n  \
        CONSTRAINT `c` CHECK (`e` > ')'),\n  CONSTRAINT `fk` FOREIGN KEY (`g`) REFERENCES `o` (`id`) ON DELETE CASCADE\n\
        ) ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=latin1 COMMENT='AUTO_INCREMENT=5'\n PARTITION BY RANGE (`id`)\n(PARTITION `p` VALUES LESS THAN MAXVALUE ENGINE = InnoDB)";

    #[test]
    fn parts_go_where_they_belong() {
        let parts = take_apart("a,(b", FULL, None).unwrap();
        assert_eq!(
            parts.create,
            "CREATE TABLE `a,(b` (\n  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,\n  \
             `e` enum('x','it''s, (','b\\\\') DEFAULT 'x' COMMENT 'AUTO_INCREMENT=1, KEY `k` (',\n  \
             `g` int(11) GENERATED ALWAYS AS (`n` + 1) STORED,\n  PRIMARY KEY (`id`),\n  CONSTRAINT `c` CHECK (`e` > ')')\n\
             ) ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='AUTO_INCREMENT=5'\n PARTITION BY RANGE (`id`)\n(PARTITION `p` VALUES LESS THAN MAXVALUE ENGINE = InnoDB)"
        );
        let names: Vec<&str> = parts.indexes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["u,`", "k", "ft"]);
        assert_eq!(parts.indexes[1].1, "ALTER TABLE `a,(b` ADD KEY `k` (`e` DESC) COMMENT 'x'");
        assert_eq!(parts.foreign_keys.len(), 1);
        assert!(parts.foreign_keys[0].1.ends_with("ON DELETE CASCADE"));
    }

    #[test]
    fn keys_that_the_table_needs_stay_with_those_before_them() {
        let sql = "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `id` int NOT NULL AUTO_INCREMENT,\n  UNIQUE KEY `u` (`a`),\n  KEY `x` (`a`,`id`),\n  KEY `id` (`id`),\n  KEY `late` (`a`)\n) ENGINE=MyISAM";
        let names = |parts: &TableParts| parts.indexes.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let parts = take_apart("t", sql, Some("u")).unwrap();
        assert_eq!(names(&parts), ["late"]);
        assert!(parts.create.contains("KEY `x`"));
        let sql = sql.replace(",\n  KEY `id` (`id`)", "");
        let parts = take_apart("t", &sql, None).unwrap();
        assert_eq!(names(&parts), ["late"]);
        assert!(parts.create.contains("UNIQUE KEY `u`"));
        let sql = sql
            .replace("KEY `x` (`a`,`id`)", "KEY `x` (`id`)")
            .replace("UNIQUE KEY `u` (`a`),\n  KEY `x` (`id`)", "KEY `x` (`id`),\n  UNIQUE KEY `u` (`a`)");
        assert_eq!(names(&take_apart("t", &sql, None).unwrap()), ["u", "late"]);
    }

    #[test]
    fn character_sets_that_collations_imply_are_left_out() {
        let printed = "`a` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT ' CHARACTER SET x COLLATE y'";
        let made_so = "`a` longtext COLLATE utf8mb4_bin COMMENT ' CHARACTER SET x COLLATE y'";
        assert_eq!(without_implied_charset(printed), made_so);
        assert_eq!(without_implied_charset(made_so), made_so);
        let alone = "`a` char(1) CHARACTER SET latin1 DEFAULT 'x'";
        assert_eq!(without_implied_charset(alone), alone);
    }

    #[test]
    fn folders_of_the_source_are_left_out() {
        let printed = ") ENGINE=InnoDB DATA DIRECTORY='/a b/' COMMENT=' DATA DIRECTORY=''/x/''' INDEX DIRECTORY='/it''s/'\n\
                       (PARTITION `p` VALUES LESS THAN (1) DATA DIRECTORY = '/p' ENGINE = InnoDB)";
        let left =
            ") ENGINE=InnoDB COMMENT=' DATA DIRECTORY=''/x/'''\n(PARTITION `p` VALUES LESS THAN (1) ENGINE = InnoDB)";
        assert_eq!(without_folders(printed), left);
        assert_eq!(without_folders(") DATA DIRECTORY='/x/'"), ")");
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        for end in 0..FULL.find(") ENGINE").unwrap() {
            if let Some(cut) = FULL.get(..end) {
                assert!(take_apart("t", cut, None).is_err(), "{cut}");
            }
        }
    }
}
