//! The policy: which rule each column follows, as TOML.
//!
//! A rule is the name of a transform, or a table with `rule` and its options. It is found for a column in this order: by
//! table and column, by the column's comment (`offshoot: email`), by its domain type, by a pattern over `table.column`. What
//! no rule covers fails, or is shaped if the policy says `unclassified = "scrub"`.

mod document;
mod rule;

use std::collections::BTreeMap;

use document::read;
pub(crate) use document::{Entry, Item, Node};
pub use document::{Fault, Options, PolicyError};
pub use rule::Makers;
pub(crate) use rule::Rule;

use crate::facts::{ColumnFacts, TableFacts};
use crate::transform::Maker;

/// A policy.
#[derive(Clone)]
pub struct Policy {
    text: String,
    /// Whether columns without a rule are shaped rather than refused.
    pub(crate) shapes_unclassified: bool,
    tables: Vec<(String, Vec<(String, Rule)>)>,
    types: Vec<(String, Rule)>,
    patterns: Vec<(String, Rule)>,
    /// Which rows of tables the copy has: `none`, or a condition.
    rows: Vec<(String, Node)>,
    pub(crate) lists: BTreeMap<String, Vec<String>>,
    /// Files that lists are in, by the list's name.
    list_files: BTreeMap<String, String>,
    pub(crate) makers: Makers,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Policy({} tables, {} types, {} patterns)", self.tables.len(), self.types.len(), self.patterns.len())
    }
}

impl Policy {
    /// Reads the `[scrub]` part of a TOML document; other parts are not looked at.
    ///
    /// # Errors
    /// What is wrong, with its line and column.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::parse_with(text, BTreeMap::new())
    }

    /// Reads a policy that may name transforms of one's own beside those of the catalogue.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(text: &str, makers: BTreeMap<String, Maker>) -> Result<Self, PolicyError> {
        let mut policy = Self {
            text: text.to_owned(),
            shapes_unclassified: false,
            tables: Vec::new(),
            types: Vec::new(),
            patterns: Vec::new(),
            rows: Vec::new(),
            lists: BTreeMap::new(),
            list_files: BTreeMap::new(),
            makers: Makers(makers),
        };
        policy.read_document().map_err(|fault| fault.in_text(text))?;
        Ok(policy)
    }

    /// Whether there is a policy in a text: a table `scrub`, right or wrong.
    #[must_use]
    pub fn is_in(text: &str) -> bool {
        read(text).is_ok_and(|document| {
            document.table("the document").is_ok_and(|entries| entries.iter().any(|entry| entry.key == "scrub"))
        })
    }

    /// Says what becomes of texts that no rule covers, whatever the document says.
    #[must_use]
    pub fn shaping_unclassified(mut self, shapes: bool) -> Self {
        self.shapes_unclassified = shapes;
        self
    }

    /// Lists whose values are in a file: the list's name and the file's, as the document has them. Nothing is read here: who has
    /// the document reads them, and gives them to [`Self::with_list`].
    pub fn list_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list_files.iter().map(|(list, file)| (list.as_str(), file.as_str()))
    }

    /// Adds a list for `lookup`, such as the lines of a file; one of the document goes before one added here.
    #[must_use]
    pub fn with_list(mut self, name: &str, values: Vec<String>) -> Self {
        self.lists.entry(name.to_owned()).or_insert(values);
        self
    }

    /// A digest of what it says, for receipts: of its rules and lists, not of comments, blanks, or other parts of the document.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        add(if self.shapes_unclassified { "scrub" } else { "fail" });
        let groups = [("types", &self.types), ("columns", &self.patterns)].into_iter();
        let groups = groups.map(|(name, rules)| (name, "", rules));
        for (name, table, rules) in
            groups.chain(self.tables.iter().map(|(name, rules)| ("table", name.as_str(), rules)))
        {
            add(name);
            add(table);
            rules.iter().for_each(|(column, rule)| {
                add(column);
                add(&rule.said());
            });
        }
        for (table, node) in &self.rows {
            add("rows");
            add(table);
            add(node.text("rows").unwrap_or_default());
        }
        for (name, values) in &self.lists {
            add("list");
            add(name);
            values.iter().for_each(|value| add(value));
        }
        *hasher.finalize().as_bytes()
    }

    fn read_document(&mut self) -> Result<(), Fault> {
        let document = read(&self.text)?;
        let Some(scrub) = document.table("the document")?.iter().find(|entry| entry.key == "scrub") else {
            return Err(Fault { at: 0, what: "there is no [scrub] in this document".to_owned() });
        };
        for Entry { at, key, value } in scrub.value.table("[scrub]")? {
            match key.as_str() {
                "unclassified" => {
                    self.shapes_unclassified = match value.text(key)? {
                        "fail" => false,
                        "scrub" => true,
                        _ => return Err(value.fault("unclassified is \"fail\" or \"scrub\"")),
                    };
                }
                "tables" => {
                    for table in value.table("[scrub.tables]")? {
                        let rules = self.rules(&table.value)?;
                        self.tables.push((table.key.clone(), rules));
                    }
                }
                "types" => self.types = self.rules(value)?,
                "columns" => self.patterns = self.rules(value)?,
                "rows" => {
                    for table in value.table("[scrub.rows]")? {
                        table.value.text("the rows of a table")?;
                        self.rows.push((table.key.clone(), table.value.clone()));
                    }
                }
                "lists" => {
                    for list in value.table("[scrub.lists]")? {
                        self.read_list(list)?;
                    }
                }
                _ => {
                    let what =
                        format!("[scrub] has no `{key}`: it has unclassified, tables, columns, types, rows and lists");
                    return Err(Fault { at: *at, what });
                }
            }
        }
        Ok(())
    }

    /// `["red", "green"]`, or `{ file = "colours.txt" }`.
    fn read_list(&mut self, list: &Entry) -> Result<(), Fault> {
        if let Item::Table(entries) = &list.value.item {
            let mut options = Options::new(list.value.at, entries);
            let file = options.text("file")?.filter(|file| !file.is_empty());
            let Some(file) = file else { return Err(list.value.fault("a list needs values, or a `file` of them")) };
            options.finish(&list.key)?;
            self.list_files.insert(list.key.clone(), file);
            return Ok(());
        }
        let mut options = Options::new(list.at, std::slice::from_ref(list));
        self.lists.insert(list.key.clone(), options.texts(&list.key)?.unwrap_or_default());
        Ok(())
    }

    fn rules(&self, node: &Node) -> Result<Vec<(String, Rule)>, Fault> {
        node.table("a group of rules")?
            .iter()
            .map(|entry| Ok((entry.key.clone(), Rule::read(&entry.value, &self.makers)?)))
            .collect()
    }

    /// A rule of the catalogue without options, for a column that only its comment or nothing classifies.
    pub(crate) fn plain_rule(&self, name: &str) -> Option<Rule> {
        self.makers.find(name).map(|make| Rule { at: 0, name: name.to_owned(), options: Vec::new(), make })
    }

    /// The same for a column that nobody looked at: keys that look like values are taken for such.
    pub(crate) fn blind_rule(&self, name: &str) -> Option<Rule> {
        let mut rule = self.plain_rule(name)?;
        if matches!(name, "json" | "hstore") {
            let value = Node { at: 0, item: Item::Text("shape-values".to_owned()) };
            rule.options.push(Entry { at: 0, key: "keys".to_owned(), value });
        }
        Some(rule)
    }

    /// The rule that the part of its table has for a column.
    pub(crate) fn named_rule_for(&self, table: &TableFacts, column: &ColumnFacts) -> Option<Rule> {
        let by_name = self.tables.iter().filter(|(name, _)| names_table(name, table)).flat_map(|(_, rules)| rules);
        let named = by_name
            .clone()
            .find(|(name, _)| *name == column.name)
            .or_else(|| by_name.clone().find(|(name, _)| name == "*"));
        named.map(|(_, rule)| rule.clone())
    }

    /// The rule that its comment has for a column. One that names no rule must not open a column that a pattern would cover
    /// otherwise.
    pub(crate) fn commented_rule_for(&self, column: &ColumnFacts) -> Option<Rule> {
        let name = column.comment.as_deref().and_then(rule_in_comment)?;
        self.plain_rule(name).or_else(|| self.plain_rule("shape"))
    }

    /// The rule that its type or a pattern has for a column; of patterns for all columns only if `with_all`.
    pub(crate) fn general_rule_for(&self, table: &TableFacts, column: &ColumnFacts, with_all: bool) -> Option<Rule> {
        let by_type = self.types.iter().find(|(name, _)| column.domain_type.as_ref() == Some(name));
        let by_pattern = || {
            let names = [
                format!("{}.{}.{}", table.schema, table.name, column.name),
                format!("{}.{}", table.name, column.name),
                column.name.clone(),
            ];
            let is_wanted = |pattern: &str| with_all || pattern.contains(|c| !matches!(c, '*' | '.'));
            let is_meant = |pattern: &str| is_wanted(pattern) && names.iter().any(|name| matches(pattern, name));
            self.patterns.iter().find(|(pattern, _)| is_meant(pattern))
        };
        by_type.or_else(by_pattern).map(|(_, rule)| rule.clone())
    }

    /// Tables and columns that the policy names and that are not among those given, with their place.
    pub(crate) fn missing(&self, tables: &[TableFacts]) -> Option<PolicyError> {
        let is_there = |name: &str| tables.iter().any(|table| names_table(name, table));
        if let Some((name, node)) = self.rows.iter().find(|(name, _)| !is_there(name)) {
            return Some(node.fault(format!("there is no table `{name}`")).in_text(&self.text));
        }
        for (name, rules) in &self.tables {
            let mut found = tables.iter().filter(|table| names_table(name, table)).peekable();
            let at = rules.first().map_or(0, |(_, rule)| rule.at);
            if found.peek().is_none() {
                return Some(Fault { at, what: format!("there is no table `{name}`") }.in_text(&self.text));
            }
            let columns: Vec<&str> =
                found.flat_map(|table| table.columns.iter().map(|column| column.name.as_str())).collect();
            if let Some((column, rule)) =
                rules.iter().find(|(column, _)| column != "*" && !columns.contains(&column.as_str()))
            {
                return Some(
                    Fault { at: rule.at, what: format!("table `{name}` has no column `{column}`") }.in_text(&self.text),
                );
            }
        }
        None
    }

    /// What the policy says of the rows of a table, itself.
    pub(crate) fn rows_of(&self, table: &TableFacts) -> Option<&Node> {
        self.rows.iter().find(|(name, _)| names_table(name, table)).map(|(_, rows)| rows)
    }

    /// Line and column of a rule, from 1; none for one that the policy does not write.
    pub(crate) fn line_and_column(&self, rule: &Rule) -> Option<(usize, usize)> {
        let at = Some(rule.at).filter(|at| *at > 0)?;
        let PolicyError { line, column, .. } = Fault { at, what: String::new() }.in_text(&self.text);
        Some((line, column))
    }

    pub(crate) fn place(&self, fault: Fault) -> PolicyError {
        fault.in_text(&self.text)
    }
}

fn names_table(name: &str, table: &TableFacts) -> bool {
    match name.split_once('.') {
        Some((schema, name)) => table.schema == schema && table.name == name,
        None => table.name == name,
    }
}

/// `email` of `... offshoot: email ...`.
fn rule_in_comment(comment: &str) -> Option<&str> {
    let (_, after) = comment.split_once("offshoot:")?;
    after.split_whitespace().next().map(|word| word.trim_end_matches([',', ';', '.']))
}

/// Whether a pattern with `*` for any characters matches the whole of a name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| {
            (0..=tail.len()).filter(|at| tail.is_char_boundary(*at)).any(|at| matches(rest, &tail[at..]))
        }),
    }
}
