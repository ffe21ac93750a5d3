//! `email`: an address becomes another one at a domain that no mail leaves for.
//!
//! Mailbox and domain are permuted each for itself, in their shapes, so that tags, dots, quotes and case stay, people of one
//! domain stay together, and distinct addresses stay distinct. Then a reserved domain (RFC 2606) goes to the end: there is
//! no server below `example.com`, and none at `.invalid` or `.test`. What is no address is permuted as a whole.

use super::domain::Domain;
use super::{Answer, Fault, Length, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Email {
    mailbox: Shape,
    domain: Domain,
    other: Shape,
}

/// With `to`, the reserved domain; `test` if none is given.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Email {
        mailbox: making.injective_shape("mailbox"),
        domain: Domain::read(options, making)?,
        other: making.injective_shape("no-mail"),
    }))
}

impl Transform for Email {
    fn is_injective(&self) -> bool {
        true
    }

    fn length(&self) -> Length {
        Length::Grows(self.domain.growth())
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        // The last at-sign divides: one in a quoted mailbox comes before it. Blanks around the address stay outside.
        let start = bytes.len() - bytes.trim_ascii_start().len();
        let end = start + bytes.trim_ascii().len();
        let address = &bytes[start..end];
        match address.iter().rposition(|byte| *byte == b'@') {
            Some(at) if at > 0 && at + 1 < address.len() => {
                out.extend_from_slice(&bytes[..start]);
                self.mailbox.apply(work, &address[..at], out);
                out.push(b'@');
                self.domain.put(&address[at + 1..], work, out);
                out.extend_from_slice(&bytes[end..]);
            }
            _ => {
                self.other.apply(work, bytes, out);
            }
        }
        Answer::Written
    }
}
