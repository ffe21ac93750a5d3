//! `template`: a text with other columns of the row in it, as the copy has them: `"{first} {last}"`.

use offshoot_format::table::RowForm;

use super::fitted;
use super::{Answer, Fault, Kind, Length, Making, Options, Row, Transform, Value, Work};
use crate::wire::{Codec, uuid_text};

enum Part {
    Text(String),
    Column(usize, Codec),
}

struct Template {
    parts: Vec<Part>,
    reads: Vec<usize>,
}

/// Needs `text`.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let Some(text) = options.text("text")? else { return Err(options.fault("`template` needs `text`")) };
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err(options.fault("a `{` of the template has no `}`"));
        };
        parts.push(Part::Text(before.to_owned()));
        let place = making.place(name, options)?;
        let codec = Codec::of(&making.columns[place], making.form);
        if making.form == RowForm::Binary && !(codec.is_whole() && writes(codec.kind())) {
            let type_name = &making.columns[place].type_name;
            return Err(options.fault(format!(
                "a template cannot write `{name}`, a {type_name}: name a column of text, numbers or uuids"
            )));
        }
        parts.push(Part::Column(place, codec));
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    let reads =
        parts.iter().filter_map(|part| if let Part::Column(place, _) = part { Some(*place) } else { None }).collect();
    Ok(Box::new(Template { parts, reads }))
}

/// Whether values of a kind can be written from their binary form.
fn writes(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Integer | Kind::Decimal | Kind::Uuid)
}

impl Transform for Template {
    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
    }

    fn shortest(&self) -> usize {
        0
    }

    /// Cut where the column ends.
    fn fit(&self, value: Value<'_>, limit: usize, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let start = out.len();
        let answer = self.apply(value, row, work, out);
        fitted::cut(out, start, limit);
        answer
    }

    fn follows_value(&self) -> bool {
        self.reads.is_empty()
    }

    fn reads(&self) -> &[usize] {
        &self.reads
    }

    fn apply(&self, _: Value<'_>, row: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Column(place, codec) => {
                    let Some(bytes) = row.rewritten(*place) else { continue };
                    codec.look(bytes, |value| match value {
                        Value::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
                        Value::Decimal(text) => out.extend_from_slice(text.as_bytes()),
                        Value::Uuid(uuid) => out.extend_from_slice(uuid_text(uuid).as_bytes()),
                        Value::Text(text) => out.extend_from_slice(text),
                        // All that comes as text.
                        _ => out.extend_from_slice(bytes),
                    });
                }
            }
        }
        Answer::Written
    }
}
