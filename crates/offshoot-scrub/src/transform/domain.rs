//! `domain` and `host`: names of the net become others that lead nowhere.
//!
//! A name is permuted in its shape, and a reserved domain (RFC 2606) goes to its end, so that no two meet and none can be
//! reached. A host may also be an address, which is dealt with as by `ip`.

use super::fitted::{self, Drawn};
use super::{Answer, Fault, Length, Making, Options, Row, Transform, Value, Work, ip};
use crate::shape::Shape;

/// Reserved domains that a name can end in; the first is used if none is chosen.
pub(super) const RESERVED: [&str; 6] =
    [".test", ".invalid", ".example", ".example.com", ".example.org", ".example.net"];

/// What names become.
pub(super) struct Domain {
    pub(super) shape: Shape,
    pub(super) end: &'static str,
    /// For names that have no room for the reserved domain.
    pub(super) short: Drawn,
}

impl Domain {
    /// With `to`, the reserved domain.
    pub(super) fn read(options: &mut Options, making: &Making<'_>) -> Result<Self, Fault> {
        let end = options.word("to", &RESERVED.map(|end| &end[1..]))?;
        Ok(Self {
            shape: making.injective_shape("mail-domain"),
            end: RESERVED[end],
            short: Drawn::new(making, "short-domain"),
        })
    }

    /// The fewest characters of a name that is drawn.
    pub(super) fn shortest(&self) -> usize {
        self.short.least + self.growth()
    }

    /// A name that is drawn, as long as before.
    pub(super) fn put_short(&self, name: &[u8], out: &mut Vec<u8>) {
        let length = fitted::chars(name).max(self.shortest()) - self.growth();
        let [drawn] = self.short.parts(name, [length]);
        out.extend_from_slice(&drawn);
        out.extend_from_slice(self.end.as_bytes());
    }

    /// Characters that a name grows by.
    pub(super) fn growth(&self) -> usize {
        self.end.len()
    }

    /// Appends what a name becomes.
    pub(super) fn put(&self, name: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        self.shape.apply(work, name, out);
        out.extend_from_slice(self.end.as_bytes());
    }
}

/// With `to`, the reserved domain.
pub(super) fn domain(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Domain::read(options, making)?))
}

impl Transform for Domain {
    fn is_injective(&self) -> bool {
        true
    }

    fn length(&self) -> Length {
        Length::Grows(self.growth())
    }

    fn shortest(&self) -> usize {
        self.shortest()
    }

    fn fit(&self, value: Value<'_>, _: usize, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        self.put_short(bytes, out);
        Answer::Written
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        // Nothing names nothing.
        if !bytes.is_empty() {
            self.put(bytes, work, out);
        }
        Answer::Written
    }
}

/// A host: a name, or an address.
pub(super) struct Host {
    pub(super) name: Domain,
    address: ip::Ip,
    is_unique: bool,
}

impl Host {
    /// With `to`, the reserved domain.
    pub(super) fn read(options: &mut Options, making: &Making<'_>) -> Result<Self, Fault> {
        let (name, address) = (Domain::read(options, making)?, ip::Ip::new(making));
        Ok(Self { name, address, is_unique: making.is_unique })
    }

    /// Appends what a host becomes. Names end in a reserved domain, which no address does.
    pub(super) fn put(&self, host: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        if !self.address.put_text(host, work, out) {
            self.name.put(host, work, out);
        }
    }

    pub(super) fn length(&self) -> Length {
        Length::Grows(39)
    }

    /// Addresses are moved within all addresses where they must stay distinct.
    pub(super) fn is_injective(&self) -> bool {
        self.is_unique
    }

    /// Those are then somebody's.
    pub(super) fn may_be_reachable(&self) -> bool {
        self.is_unique
    }
}

/// With `to`, the reserved domain.
pub(super) fn host(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Host::read(options, making)?))
}

impl Transform for Host {
    fn is_injective(&self) -> bool {
        self.is_injective()
    }

    fn may_be_reachable(&self) -> bool {
        self.may_be_reachable()
    }

    fn length(&self) -> Length {
        self.length()
    }

    fn shortest(&self) -> usize {
        self.name.shortest()
    }

    fn fit(&self, value: Value<'_>, _: usize, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        self.name.put_short(bytes, out);
        Answer::Written
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        if !bytes.is_empty() {
            self.put(bytes, work, out);
        }
        Answer::Written
    }
}
