//! `email`: an address becomes another one at a domain that no mail leaves for.
//!
//! Mailbox and domain are permuted each for itself, in their shapes, so that tags, dots, quotes and case stay, people of one
//! domain stay together, and distinct addresses stay distinct. Then a reserved domain (RFC 2606) goes to the end: there is
//! no server below `example.com`, and none at `.invalid` or `.test`. So it goes with each address of a list, and of a text with
//! names before them (`Ann <ann@x.de>`), whose other parts are permuted each for itself. What has no address is permuted as a whole.

use super::addresses::{self, Part};
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
        // By one reserved domain for each address.
        Length::Grows(usize::MAX)
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
        let addresses: Vec<_> = texts.iter().map(|text| addresses::single(text)).collect();
        let singles = || texts.iter().zip(&addresses).filter_map(|(text, address)| Some((text, address.as_ref()?)));
        let mailboxes: Vec<&[u8]> = singles().map(|(text, [mailbox, _])| &text[mailbox.clone()]).collect();
        // Many people share a domain, so that few are to be compared with.
        let mut domains: Vec<&[u8]> = Vec::new();
        let mut places = Vec::with_capacity(mailboxes.len());
        for domain in singles().map(|(text, [_, domain])| &text[domain.clone()]) {
            places.push(domains.iter().position(|known| *known == domain).unwrap_or(domains.len()));
            if places.last() == Some(&domains.len()) {
                domains.push(domain);
            }
        }
        let (new_mailboxes, new_domains) =
            (self.mailbox.texts(work, &mailboxes), self.domain.shape.texts(work, &domains));
        let mut number = 0;
        for (text, address) in texts.iter().zip(&addresses) {
            match address {
                Some([mailbox, domain]) => {
                    let parts = [new_mailboxes.get(number), b"@", new_domains.get(places[number])];
                    out.extend_from_slice(&text[..mailbox.start]);
                    parts.iter().for_each(|part| out.extend_from_slice(part));
                    out.extend_from_slice(self.domain.end.as_bytes());
                    out.extend_from_slice(&text[domain.end..]);
                    number += 1;
                }
                None => self.put(text, work, out),
            }
            ends.push(out.len());
        }
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        self.put(bytes, work, out);
        Answer::Written
    }
}

impl Email {
    /// Appends what a text becomes, part by part.
    fn put(&self, text: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        for (part, range) in addresses::parts(text) {
            let bytes = &text[range];
            match part {
                Part::Text => drop(self.other.apply(work, bytes, out)),
                Part::Mailbox => drop(self.mailbox.apply(work, bytes, out)),
                Part::At => out.extend_from_slice(bytes),
                Part::Domain => self.domain.put(bytes, work, out),
            }
        }
    }
}
