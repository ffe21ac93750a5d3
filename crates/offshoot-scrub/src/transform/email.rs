//! `email`: an address becomes another one at a domain that no mail leaves for.
//!
//! Mailbox and domain are permuted each for itself, in their shapes, so that tags, dots, quotes and case stay, people of one
//! domain stay together, and distinct addresses stay distinct. Then a reserved domain (RFC 2606) goes to the end: there is
//! no server below `example.com`, and none at `.invalid` or `.test`. What is no address is permuted as a whole.

use super::domain::Domain;
use super::fitted::{self, Drawn};
use super::{Answer, Fault, Length, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Email {
    mailbox: Shape,
    domain: Domain,
    other: Shape,
    /// For what has no room for the reserved domain.
    short: Drawn,
}

/// The most characters of a mailbox that is drawn, and the fewest of its domain.
const DRAWN_MAILBOX_MAX: usize = 40;
const DRAWN_DOMAIN_MIN: usize = 4;

/// With `to`, the reserved domain; `test` if none is given.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Email {
        mailbox: making.injective_shape("mailbox"),
        domain: Domain::read(options, making)?,
        other: making.injective_shape("no-mail"),
        short: Drawn::new(making, "short-mail"),
    }))
}

impl Transform for Email {
    fn is_injective(&self) -> bool {
        true
    }

    fn length(&self) -> Length {
        Length::Grows(self.domain.growth())
    }

    fn shortest(&self) -> usize {
        self.short.least + 1 + DRAWN_DOMAIN_MIN + self.domain.growth()
    }

    /// As long as before, with a mailbox and a domain that are drawn.
    fn fit(&self, value: Value<'_>, _: usize, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let room = fitted::chars(bytes).max(self.shortest()) - 1 - self.domain.growth();
        let mailbox_length = (room - DRAWN_DOMAIN_MIN).min(DRAWN_MAILBOX_MAX);
        let [mailbox, domain] = self.short.parts(bytes, [mailbox_length, room - mailbox_length]);
        for part in [&mailbox, &b"@"[..], &domain, self.domain.end.as_bytes()] {
            out.extend_from_slice(part);
        }
        Answer::Written
    }

    fn apply_many(&self, texts: &[&[u8]], work: &mut Work, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> bool {
        let addresses: Vec<Option<Address<'_>>> = texts.iter().map(|text| Address::read(text)).collect();
        let mailboxes: Vec<&[u8]> = addresses.iter().flatten().map(|address| address.mailbox).collect();
        // Many people share a domain, so that few are to be compared with.
        let mut domains: Vec<&[u8]> = Vec::new();
        let mut places = Vec::with_capacity(mailboxes.len());
        for address in addresses.iter().flatten() {
            places.push(domains.iter().position(|domain| *domain == address.domain).unwrap_or(domains.len()));
            if places.last() == Some(&domains.len()) {
                domains.push(address.domain);
            }
        }
        let (new_mailboxes, new_domains) =
            (self.mailbox.texts(work, &mailboxes), self.domain.shape.texts(work, &domains));
        let mut number = 0;
        for (text, address) in texts.iter().zip(&addresses) {
            match address {
                Some(Address { before, after, .. }) => {
                    let parts = [before, new_mailboxes.get(number), b"@", new_domains.get(places[number])];
                    parts.iter().for_each(|part| out.extend_from_slice(part));
                    out.extend_from_slice(self.domain.end.as_bytes());
                    out.extend_from_slice(after);
                    number += 1;
                }
                None => drop(self.other.apply(work, text, out)),
            }
            ends.push(out.len());
        }
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        match Address::read(bytes) {
            Some(Address { before, mailbox, domain, after }) => {
                out.extend_from_slice(before);
                self.mailbox.apply(work, mailbox, out);
                out.push(b'@');
                self.domain.put(domain, work, out);
                out.extend_from_slice(after);
            }
            None => {
                self.other.apply(work, bytes, out);
            }
        }
        Answer::Written
    }
}

/// An address with the blanks around it.
struct Address<'a> {
    before: &'a [u8],
    mailbox: &'a [u8],
    domain: &'a [u8],
    after: &'a [u8],
}

impl<'a> Address<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        // The last at-sign divides: one in a quoted mailbox comes before it.
        let start = bytes.len() - bytes.trim_ascii_start().len();
        let address = bytes.trim_ascii();
        let at = address.iter().rposition(|byte| *byte == b'@')?;
        let (mailbox, domain) = (&address[..at], &address[at + 1..]);
        let (before, after) = (&bytes[..start], &bytes[start + address.len()..]);
        (!mailbox.is_empty() && !domain.is_empty()).then_some(Self { before, mailbox, domain, after })
    }
}
