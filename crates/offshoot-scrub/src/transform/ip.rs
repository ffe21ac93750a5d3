//! `ip`: another address; an IPv4 address goes to a network for documentation where it need not stay unique.
//!
//! Documentation has 768 addresses of IPv4 (RFC 5737), too few to stay unique in, and 96 bits of IPv6 (RFC 3849). Unique
//! IPv4 addresses are permuted over all 2^32; the first 32 bits of IPv6 become `2001:db8` and the rest is permuted, so those
//! that must stay unique are permuted over all bits as well.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Answer, Fault, Kind, Length, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;
use crate::shape::Shape;

/// The longest address in its usual spelling: of IPv6, or of IPv4 in it.
const ADDRESS_CHARS_MAX: usize = 45;

const DOCUMENTATION: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// What addresses become.
pub(super) struct Ip {
    prf: Prf,
    other: Shape,
    is_unique: bool,
    folds_case: bool,
}

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Ip::new(making)))
}

impl Ip {
    pub(super) fn new(making: &Making<'_>) -> Self {
        Self {
            prf: making.prf("ip"),
            other: making.shape("no-ip"),
            is_unique: making.is_unique,
            folds_case: making.folds_case,
        }
    }

    /// Appends what an address becomes; false, and nothing appended, if the text is none. Only the usual spelling is one, so
    /// that no two texts meet.
    pub(super) fn put_text(&self, text: &[u8], work: &mut Work, out: &mut Vec<u8>) -> bool {
        let Some(old) = self.read(text) else { return false };
        out.extend_from_slice(self.address(old, work).to_string().as_bytes());
        true
    }

    fn read(&self, text: &[u8]) -> Option<IpAddr> {
        let address = std::str::from_utf8(text).ok()?.parse::<IpAddr>().ok()?;
        let usual = address.to_string();
        let is_usual = usual.as_bytes() == text || self.folds_case && usual.as_bytes().eq_ignore_ascii_case(text);
        is_usual.then_some(address)
    }

    fn address(&self, old: IpAddr, work: &mut Work) -> IpAddr {
        match old {
            IpAddr::V4(old) if self.is_unique => {
                let place = u128::from(u32::from(old));
                Ipv4Addr::from(work.permuter.apply_number(&self.prf, Tweak(4), place, 1 << 32) as u32).into()
            }
            IpAddr::V4(old) => {
                let mut stream = self.prf.draw(&old.octets());
                let [a, b, c] = DOCUMENTATION[stream.below(3) as usize];
                let new = Ipv4Addr::new(a, b, c, stream.below(256) as u8);
                if new == old { Ipv4Addr::new(a, b, c, new.octets()[3].wrapping_add(1)).into() } else { new.into() }
            }
            IpAddr::V6(old) => {
                let bits = u128::from(old);
                let low = bits & ((1 << 96) - 1);
                let tweak = Tweak(if self.is_unique { (bits >> 96) as u64 } else { 6 });
                let moved = work.permuter.apply_number(&self.prf, tweak, low, 1 << 96);
                let high = if self.is_unique { bits >> 96 } else { 0x2001_0db8 };
                Ipv6Addr::from(high << 96 | moved).into()
            }
        }
    }

    /// Permutes the bits of a network and leaves those after them.
    fn network(&self, old: IpAddr, bits: u8, work: &mut Work) -> IpAddr {
        let (all, width) = match old {
            IpAddr::V4(old) => (u128::from(u32::from(old)), 32),
            IpAddr::V6(old) => (u128::from(old), 128),
        };
        // Of a long network only as many bits as one permutation takes; the first ones stay.
        let bits = u32::from(bits).min(width);
        let moved_bits = bits.min(96);
        let low_bits = width - bits;
        let mask = ((1_u128 << moved_bits) - 1) << low_bits;
        let tweak = Tweak(u64::from(width) << 16 | u64::from(bits));
        let moved = work.permuter.apply_number(&self.prf, tweak, (all & mask) >> low_bits, 1 << moved_bits);
        let new = all & !mask | moved << low_bits;
        if width == 32 { Ipv4Addr::from(new as u32).into() } else { Ipv6Addr::from(new).into() }
    }
}

impl Transform for Ip {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Text | Kind::Address)
    }

    fn is_injective(&self) -> bool {
        self.is_unique
    }

    fn length(&self) -> Length {
        Length::AtMost(ADDRESS_CHARS_MAX)
    }

    fn shortest(&self) -> usize {
        if self.is_unique { usize::MAX } else { "203.000.113.000".len() }
    }

    /// An address of IPv4, where one of IPv6 has no room.
    fn fit(&self, value: Value<'_>, _: usize, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let mut stream = self.prf.draw(bytes);
        let [a, b, c] = DOCUMENTATION[stream.below(3) as usize];
        out.extend_from_slice(Ipv4Addr::new(a, b, c, stream.below(256) as u8).to_string().as_bytes());
        Answer::Written
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        match value {
            Value::Address(old, bits) => {
                let is_whole = bits == if old.is_ipv4() { 32 } else { 128 };
                Answer::Address(if is_whole { self.address(old, work) } else { self.network(old, bits, work) }, bits)
            }
            Value::Text(bytes) => {
                if !self.put_text(bytes, work, out) {
                    self.other.apply_beside(work, bytes, out, |text| self.read(text).is_some());
                }
                Answer::Written
            }
            _ => Answer::Null,
        }
    }
}
