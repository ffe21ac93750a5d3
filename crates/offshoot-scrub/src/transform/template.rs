//! `template`: a text with other columns of the row in it, as the copy has them: `"{first} {last}"`.

use super::{Answer, Fault, Length, Making, Options, Row, Transform, Value, Work};

enum Part {
    Text(String),
    Column(usize),
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
        parts.push(Part::Column(making.place(name, options)?));
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    let reads =
        parts.iter().filter_map(|part| if let Part::Column(place) = part { Some(*place) } else { None }).collect();
    Ok(Box::new(Template { parts, reads }))
}

impl Transform for Template {
    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
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
                Part::Column(place) => out.extend_from_slice(row.rewritten(*place).unwrap_or_default()),
            }
        }
        Answer::Written
    }
}
