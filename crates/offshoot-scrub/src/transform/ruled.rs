//! What every rule may say beside its own options: `by`, whose value draws are made from, and `when`, for which rows it holds.

use super::{Answer, Fault, Length, Making, Options, Reach, Row, Shape, Transform, Value, Work};
use crate::condition::Condition;
use crate::value::Kind;
use crate::wire::Codec;

/// The conditions of a rule.
pub(crate) struct Ruled {
    by: Option<(usize, Codec)>,
    /// Where the condition does not hold, the other transform takes the value.
    when: Option<(Condition, Box<dyn Transform>)>,
    /// What takes values that the rule makes too long for the column.
    too_long: Option<Box<dyn Transform>>,
}

impl Ruled {
    /// Takes them from the options of a rule.
    pub(crate) fn read(options: &mut Options, making: &Making<'_>) -> Result<Self, Fault> {
        let by = options.text("by")?.map(|name| making.place(&name, options)).transpose()?;
        let by = by.map(|place| (place, Codec::of(&making.columns[place], making.form)));
        let (when, otherwise) = (options.take("when"), options.take("otherwise"));
        let when = match (when, otherwise) {
            (Some(when), Some(otherwise)) => {
                let condition = Condition::parse(&when, making.columns, making.form)?;
                Some((condition, making.rule(&otherwise, making.kind)?))
            }
            (Some(when), None) => {
                let what = "`when` needs `otherwise`, the rule for rows where it does not hold: \"keep\", or another";
                return Err(when.fault(what));
            }
            (None, Some(otherwise)) => return Err(otherwise.fault("`otherwise` needs `when`")),
            (None, None) => None,
        };
        let too_long = options.take("too-long");
        if let Some(node) = too_long.as_ref().filter(|node| node.text("too-long").is_ok_and(|rule| rule == "null"))
            && !making.column.is_nullable
        {
            return Err(node.fault("the column takes no NULL: use `shape`, or another rule"));
        }
        let too_long = too_long.map(|rule| making.rule(&rule, making.kind)).transpose()?;
        Ok(Self { by, when, too_long })
    }

    /// Whether draws are made from another column.
    pub(crate) fn has_id(&self) -> bool {
        self.by.is_some()
    }

    /// Whether there are any.
    pub(crate) fn says_something(&self) -> bool {
        self.by.is_some() || self.when.is_some() || self.too_long.is_some()
    }

    /// The transform under these conditions.
    pub(crate) fn around(self, transform: Box<dyn Transform>) -> Box<dyn Transform> {
        if !self.says_something() {
            return transform;
        }
        let mut reads = transform.reads().to_vec();
        let others = self.when.iter().map(|(_, otherwise)| otherwise).chain(&self.too_long);
        others.for_each(|other| reads.extend_from_slice(other.reads()));
        Box::new(Conditional { by: self.by, when: self.when, too_long: self.too_long, transform, reads })
    }
}

struct Conditional {
    by: Option<(usize, Codec)>,
    when: Option<(Condition, Box<dyn Transform>)>,
    too_long: Option<Box<dyn Transform>>,
    transform: Box<dyn Transform>,
    reads: Vec<usize>,
}

impl Conditional {
    /// Whether one rule takes all values.
    fn is_one_rule(&self) -> bool {
        self.when.is_none() && self.too_long.is_none()
    }

    /// The transform that takes the value of a row, and the row as it sees it.
    fn chosen<'r>(&self, row: &Row<'r>) -> (&dyn Transform, Row<'r>) {
        match &self.when {
            // What cannot be told, because of a NULL, counts as holding: rather rewritten than not.
            Some((condition, otherwise)) if condition.holds(row) == Some(false) => (&**otherwise, *row),
            _ => (&*self.transform, Row { by: self.by, ..*row }),
        }
    }
}

impl Transform for Conditional {
    fn takes(&self, kind: Kind) -> bool {
        self.transform.takes(kind)
    }

    /// A value that one rule leaves could be what the other makes of another.
    fn is_injective(&self) -> bool {
        self.is_one_rule() && self.transform.is_injective()
    }

    fn is_unique_by(&self) -> Option<usize> {
        let (by, codec) = self.by?;
        let numbers = matches!(codec.kind(), Kind::Integer | Kind::Uuid) && codec.is_whole();
        (self.is_one_rule() && numbers && self.transform.names_the_id()).then_some(by)
    }

    fn follows_value(&self) -> bool {
        self.by.is_none()
            && self.when.is_none()
            && self.transform.follows_value()
            && self.too_long.as_ref().is_none_or(|rule| rule.follows_value())
    }

    fn may_be_reachable(&self) -> bool {
        let others = self.when.iter().map(|(_, otherwise)| otherwise).chain(&self.too_long);
        others.chain([&self.transform]).any(|rule| rule.may_be_reachable())
    }

    fn renames_keys(&self) -> bool {
        self.transform.renames_keys() || self.when.as_ref().is_some_and(|(_, otherwise)| otherwise.renames_keys())
    }

    fn key_shape(&self, key: &[u8], row: &Row<'_>) -> Option<&Shape> {
        let (transform, row) = self.chosen(row);
        transform.key_shape(key, &row)
    }

    fn keeps_distance(&self) -> bool {
        self.transform.keeps_distance() && self.when.as_ref().is_none_or(|(_, otherwise)| otherwise.keeps_distance())
    }

    fn length(&self) -> Length {
        match (&self.when, self.transform.length()) {
            (None, length) => length,
            (Some((_, otherwise)), length) if otherwise.length() == length => length,
            (Some(_), _) => Length::Grows(usize::MAX),
        }
    }

    fn shortest(&self) -> usize {
        let shortest = |transform: &dyn Transform| match transform.length() {
            Length::Same => 0,
            Length::AtMost(chars) => chars.min(transform.shortest()),
            Length::Grows(_) => transform.shortest(),
        };
        match (&self.too_long, &self.when) {
            // It is applied as it is.
            (Some(rule), _) => match rule.length() {
                Length::AtMost(chars) => chars,
                _ => shortest(&**rule),
            },
            (None, Some((_, otherwise))) => shortest(&*self.transform).max(shortest(&**otherwise)),
            (None, None) => self.transform.shortest(),
        }
    }

    fn fit(&self, value: Value<'_>, limit: usize, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Some(rule) = &self.too_long else {
            let (transform, row) = self.chosen(row);
            return transform.fit(value, limit, &row, work, out);
        };
        if let Length::Grows(_) = rule.length() {
            return rule.fit(value, limit, row, work, out);
        }
        rule.apply(value, row, work, out)
    }

    fn reach(&self) -> Reach {
        // A large value has no row: the condition counts as holding.
        self.transform.reach()
    }

    fn reads(&self) -> &[usize] {
        &self.reads
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let (transform, row) = self.chosen(row);
        transform.apply(value, &row, work, out)
    }
}
