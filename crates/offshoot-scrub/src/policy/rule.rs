//! A rule as the policy writes it: the name of a transform and its options, wherever one may stand.
//!
//! Beside the options of its transform every rule takes `domain`, `by`, and `when` with `otherwise`; those that have a form for
//! columns that must stay unique take `unique = true`, which asks for it elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::{Entry, Fault, Item, Node, Options};
use crate::transform::{self, Maker, Making, Ruled, Transform};

/// Rules that make other values where those must stay distinct.
const TWO_FORMS: [&str; 7] = ["shape", "words", "national-id", "host", "url", "ip", "phone"];

/// Transforms of one's own, by name, beside those of the catalogue.
#[derive(Clone, Default)]
pub struct Makers(pub(super) BTreeMap<String, Maker>);

impl Makers {
    /// How to make the transform of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Maker> {
        self.0.get(name).map(Arc::clone).or_else(|| transform::find(name))
    }
}

impl std::fmt::Debug for Makers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a column, or a part of its values, is to become.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) at: usize,
    pub(crate) name: String,
    pub(crate) options: Vec<Entry>,
    pub(crate) make: Maker,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.said() == other.said()
    }
}

/// A value without its place.
fn plain(node: &Node) -> String {
    match &node.item {
        Item::List(nodes) => nodes.iter().map(plain).collect::<Vec<_>>().join(","),
        Item::Table(entries) => entries.iter().map(|entry| format!("{}:{};", entry.key, plain(&entry.value))).collect(),
        item => format!("{item:?}"),
    }
}

impl Rule {
    /// Reads `"email"` or `{ rule = "email", ... }`.
    pub(crate) fn read(node: &Node, makers: &Makers) -> Result<Self, Fault> {
        let (name, named_at, options) = match &node.item {
            Item::Text(name) => (name.clone(), node.at, Vec::new()),
            Item::Table(entries) => {
                let Some(rule) = entries.iter().find(|entry| entry.key == "rule") else {
                    return Err(node.fault("a rule needs `rule = \"...\"`"));
                };
                let options = entries.iter().filter(|entry| entry.key != "rule").cloned().collect();
                (rule.value.text("rule")?.to_owned(), rule.value.at, options)
            }
            _ => return Err(node.fault("a rule is a name in quotes, or a table: `{ rule = \"email\" }`")),
        };
        let make = makers.find(&name).ok_or_else(|| Fault { at: named_at, what: unknown(&name) })?;
        Ok(Self { at: node.at, name, options, make })
    }

    /// The options as they are written.
    pub(crate) fn options(&self) -> Options {
        Options::new(self.at, &self.options)
    }

    /// Its name and options, without their places.
    pub(crate) fn said(&self) -> String {
        let options = self.options.iter().map(|entry| format!(" {}={}", entry.key, plain(&entry.value)));
        std::iter::once(self.name.clone()).chain(options).collect()
    }

    /// The domain that it says, or its name.
    pub(crate) fn domain(&self) -> &str {
        let domain = self.options.iter().find(|entry| entry.key == "domain");
        domain.and_then(|entry| entry.value.text("domain").ok()).unwrap_or(&self.name)
    }

    /// Whether it is for some rows only.
    pub(crate) fn is_conditional(&self) -> bool {
        self.options.iter().any(|entry| entry.key == "when")
    }

    /// Whether it is to be as for a column that must stay unique, wherever it stands.
    pub(crate) fn asks_to_be_unique(&self) -> bool {
        let unique = self.options.iter().find(|entry| entry.key == "unique");
        self.has_two_forms() && unique.is_some_and(|entry| entry.value.item == Item::Bool(true))
    }

    /// Whether it makes other values where those must stay distinct.
    fn has_two_forms(&self) -> bool {
        TWO_FORMS.contains(&self.name.as_str())
    }

    /// Makes the transform, with the conditions that the rule sets.
    pub(crate) fn make(&self, mut options: Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
        options.text("domain")?;
        let making = Making { domain: self.domain(), ..*making };
        let ruled = Ruled::read(&mut options, &making)?;
        let is_unique = (self.has_two_forms() && options.flag("unique")?) || making.is_unique;
        let making = Making { has_id: ruled.has_id(), is_unique, ..making };
        let transform = (self.make)(&mut options, &making)?;
        if transform.surveys() && ruled.says_something() {
            return Err(options.fault(format!("`{}` takes no `by`, `when` and `too-long`", self.name)));
        }
        options.finish(&self.name)?;
        Ok(ruled.around(transform))
    }
}

fn unknown(name: &str) -> String {
    format!("there is no rule `{name}`; the rules are: {}", transform::names().join(", "))
}
