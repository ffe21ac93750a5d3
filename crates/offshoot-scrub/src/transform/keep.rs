//! `keep` and `null`: the value as it is, and none.

use super::{Answer, Fault, Kind, Making, Options, Reach, Row, Transform, Value, Work};

struct Keep;

/// Leaves values as they are: the rule for what is not personal.
pub(super) fn keep(_: &mut Options, _: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Keep))
}

impl Transform for Keep {
    fn takes(&self, _: Kind) -> bool {
        true
    }

    fn is_injective(&self) -> bool {
        true
    }

    fn keeps_distance(&self) -> bool {
        true
    }

    fn reach(&self) -> Reach {
        Reach::Pieces
    }

    fn apply(&self, _: Value<'_>, _: &Row<'_>, _: &mut Work, _: &mut Vec<u8>) -> Answer {
        Answer::Keep
    }
}

struct Null;

/// Puts NULL in the place of every value.
pub(super) fn null(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    if making.column.is_nullable {
        Ok(Box::new(Null))
    } else {
        Err(options.fault(format!("`{}` is NOT NULL: use `empty`, `default` or `constant`", making.column.name)))
    }
}

impl Transform for Null {
    fn takes(&self, _: Kind) -> bool {
        true
    }

    /// NULLs are distinct to a unique constraint.
    fn is_injective(&self) -> bool {
        true
    }

    fn keeps_distance(&self) -> bool {
        true
    }

    fn reach(&self) -> Reach {
        Reach::Head
    }

    fn apply(&self, _: Value<'_>, _: &Row<'_>, _: &mut Work, _: &mut Vec<u8>) -> Answer {
        Answer::Null
    }
}
