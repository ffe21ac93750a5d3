//! `composite`: each field goes the way that `fields` says; other fields are shaped where they are text, numbers or bytes, and
//! become NULL where they are not, or where a domain's constraint refuses that.

use super::{Answer, Fault, Kind, Length, Making, Options, Row, Transform, Value, Work, rewrite};
use crate::policy::{Item, Node};
use crate::wire::Codec;

struct Composite {
    fields: Vec<(Codec, Box<dyn Transform>)>,
    reads: Vec<usize>,
}

/// With `fields`, a table of fields and rules.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let node = options.take("fields");
    let rules = node.as_ref().map(|node| node.table("fields")).transpose()?.unwrap_or_default();
    let facts = &making.column.fields;
    if let Some(strange) = rules.iter().find(|rule| facts.iter().all(|field| field.name != rule.key)) {
        return Err(strange.value.fault(format!("the type has no field `{}`", strange.key)));
    }
    let mut fields = Vec::with_capacity(facts.len());
    for field in facts {
        let codec = Codec::of(field, making.form);
        let default = match codec.kind() {
            Kind::Text | Kind::Integer | Kind::Bytes => "shape",
            Kind::Json => "json",
            Kind::Uuid => "uuid",
            Kind::Address => "ip",
            Kind::Date | Kind::Timestamp => "date-shift",
            _ => "null",
        };
        let named = |rule: &str| Node { at: 0, item: Item::Text(rule.to_owned()) };
        let making = Making { column: field, kind: codec.kind(), ..*making };
        let rule = match rules.iter().find(|rule| rule.key == field.name) {
            Some(rule) => making.field_rule(&rule.value)?,
            // What nobody has a rule for, and constraints have something against, is left out where it may be.
            None => making
                .field_rule(&named(default))
                .or_else(|fault| making.field_rule(&named("null")).map_err(|_| fault))?,
        };
        fields.push((codec, rule));
    }
    let reads = fields.iter().flat_map(|(_, rule)| rule.reads()).copied().collect();
    Ok(Box::new(Composite { fields, reads }))
}

impl Transform for Composite {
    fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Field
    }

    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
    }

    fn may_be_reachable(&self) -> bool {
        self.fields.iter().any(|(_, rule)| rule.may_be_reachable())
    }

    fn reads(&self) -> &[usize] {
        &self.reads
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Field(place, bytes) = value else { return Answer::Null };
        // A field that the type does not have is not let through.
        let Some((codec, rule)) = self.fields.get(place) else { return Answer::Null };
        let row = Row { seed: codec.is_range().then_some(bytes), ..*row };
        let is_there = rewrite(&**rule, *codec, bytes, &row, work, out);
        if is_there { Answer::Written } else { Answer::Null }
    }
}
