//! What every rule may say beside its own options: `by`, whose value draws are made from, and `when`, for which rows it holds.

use super::{Answer, Fault, Length, Making, Options, Reach, Row, Transform, Value, Work};
use crate::condition::Condition;
use crate::value::Kind;
use crate::wire::Codec;

/// The conditions of a rule.
pub(crate) struct Ruled {
    by: Option<(usize, Codec)>,
    /// Where the condition does not hold, the other transform takes the value.
    when: Option<(Condition, Box<dyn Transform>)>,
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
        Ok(Self { by, when })
    }

    /// Whether draws are made from another column.
    pub(crate) fn has_id(&self) -> bool {
        self.by.is_some()
    }

    /// The transform under these conditions.
    pub(crate) fn around(self, transform: Box<dyn Transform>) -> Box<dyn Transform> {
        if self.by.is_none() && self.when.is_none() {
            return transform;
        }
        let mut reads = transform.reads().to_vec();
        if let Some((_, otherwise)) = &self.when {
            reads.extend_from_slice(otherwise.reads());
        }
        Box::new(Conditional { by: self.by, when: self.when, transform, reads })
    }
}

struct Conditional {
    by: Option<(usize, Codec)>,
    when: Option<(Condition, Box<dyn Transform>)>,
    transform: Box<dyn Transform>,
    reads: Vec<usize>,
}

impl Transform for Conditional {
    fn takes(&self, kind: Kind) -> bool {
        self.transform.takes(kind)
    }

    /// A value that one rule leaves could be what the other makes of another.
    fn is_injective(&self) -> bool {
        self.when.is_none() && self.transform.is_injective()
    }

    fn is_unique_by(&self) -> Option<usize> {
        let (by, codec) = self.by?;
        let numbers = matches!(codec.kind(), Kind::Integer | Kind::Uuid) && codec.is_whole();
        (self.when.is_none() && numbers && self.transform.names_the_id()).then_some(by)
    }

    fn follows_value(&self) -> bool {
        false
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

    fn reach(&self) -> Reach {
        // A large value has no row: the condition counts as holding.
        self.transform.reach()
    }

    fn reads(&self) -> &[usize] {
        &self.reads
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        match &self.when {
            // What cannot be told, because of a NULL, counts as holding: rather rewritten than not.
            Some((condition, otherwise)) if condition.holds(row) == Some(false) => {
                otherwise.apply(value, row, work, out)
            }
            _ => self.transform.apply(value, &Row { by: self.by, ..*row }, work, out),
        }
    }
}
