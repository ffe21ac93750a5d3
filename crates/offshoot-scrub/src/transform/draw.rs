//! `one-of` and `lookup`: a keyed draw from values that the rule, the column's type or a list of the policy gives.

use offshoot_format::table::RowForm;

use super::{Answer, Fault, Kind, Length, Making, Options, Prf, Row, Transform, Value, Work};

struct Draw {
    prf: Prf,
    values: Vec<Vec<u8>>,
    chars_max: usize,
    /// Whether a text is a value of a type that is not known.
    takes_opaque: bool,
}

/// Draws from `values`, or from the labels of the column's enum.
pub(super) fn one_of(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let values = match options.texts("values")? {
        Some(values) => values,
        None if !making.column.labels.is_empty() => making.column.labels.clone(),
        None => return Err(options.fault("`one-of` needs `values`, as the column is no enum")),
    };
    if let Some(strange) =
        values.iter().find(|value| !making.column.labels.is_empty() && !making.column.labels.contains(value))
    {
        return Err(options.fault(format!("`{strange}` is no label of the column's enum")));
    }
    let bytes = values.iter().map(|value| crate::wire::label(making.column, making.form, value)).collect();
    let takes_opaque = !making.column.labels.is_empty() || making.form == RowForm::Text;
    Ok(Box::new(Draw { prf: making.prf("one-of"), values: bytes, chars_max: chars_max(&values), takes_opaque }))
}

/// Draws from a list of the policy.
pub(super) fn lookup(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let Some(name) = options.text("list")? else { return Err(options.fault("`lookup` needs `list`")) };
    match making.lists.get(&name) {
        Some(values) if !values.is_empty() => {
            let bytes = values.iter().map(|value| value.clone().into_bytes()).collect();
            let takes_opaque = making.form == RowForm::Text;
            Ok(Box::new(Draw { prf: making.prf("lookup"), values: bytes, chars_max: chars_max(values), takes_opaque }))
        }
        _ => Err(options.fault(format!("there is no list `{name}`: add it below [scrub.lists]"))),
    }
}

fn chars_max(values: &[String]) -> usize {
    values.iter().map(|value| value.chars().count()).max().unwrap_or(0)
}

impl Transform for Draw {
    fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Text || kind == Kind::Opaque && self.takes_opaque
    }

    fn length(&self) -> Length {
        Length::AtMost(self.chars_max)
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let place = row.draw(&self.prf, value).below(self.values.len() as u32);
        out.extend_from_slice(&self.values[place as usize]);
        Answer::Written
    }
}
