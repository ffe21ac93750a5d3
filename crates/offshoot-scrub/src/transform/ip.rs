//! `ip`: another address; an IPv4 address goes to a network for documentation where it need not stay unique.
//!
//! Documentation has 768 addresses of IPv4 (RFC 5737), too few to stay unique in, and 96 bits of IPv6 (RFC 3849). Unique
//! IPv4 addresses are permuted over all 2^32; the first 32 bits of IPv6 become `2001:db8` and the rest is permuted, so those
//! that must stay unique are permuted over all bits as well.
//!
//! A network keeps its length, and addresses of one network stay together. It becomes a part of a network for documentation, or of one
//! that is reserved where those are too small; the bits of the host become others, but where all are zero.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Answer, Fault, Kind, Length, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;
use crate::shape::Shape;

/// The longest address in its usual spelling: of IPv6, or of IPv4 in it; or of IPv6 with the bits of its network.
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
        let Some((old, bits)) = self.read(text) else { return false };
        let new = self.moved(old, bits.unwrap_or(width(old) as u8), work);
        out.extend_from_slice(shown(new, bits).as_bytes());
        true
    }

    /// An address, and the bits of its network if they are written.
    fn read(&self, text: &[u8]) -> Option<(IpAddr, Option<u8>)> {
        let text = std::str::from_utf8(text).ok()?;
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let bits = bits.map(|bits| bits.parse::<u8>().ok()).map_or(Some(None), |bits| bits.map(Some))?;
        let address = address.parse::<IpAddr>().ok()?;
        if bits.is_some_and(|bits| u32::from(bits) > width(address)) {
            return None;
        }
        let usual = shown(address, bits);
        let is_usual = usual == text || self.folds_case && usual.eq_ignore_ascii_case(text);
        is_usual.then_some((address, bits))
    }

    fn moved(&self, old: IpAddr, bits: u8, work: &mut Work) -> IpAddr {
        if u32::from(bits) == width(old) { self.address(old, work) } else { self.network(old, bits, work) }
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

    /// Another network of this length, and another host in it.
    fn network(&self, old: IpAddr, bits: u8, work: &mut Work) -> IpAddr {
        let (all, width) = match old {
            IpAddr::V4(old) => (u128::from(u32::from(old)), 32),
            IpAddr::V6(old) => (u128::from(old), 128),
        };
        let network_bits = u32::from(bits).min(width);
        let host_bits = width - network_bits;
        let host_mask = low_mask(host_bits);
        let (network, host) = (all.checked_shr(host_bits).unwrap_or(0), all & host_mask);
        let tweak = u64::from(width) << 16 | u64::from(network_bits);
        let network = match (!self.is_unique).then(|| self.reserved(width, network_bits, network)).flatten() {
            Some((high, free)) => high | self.permuted(free, network & low_mask(free), tweak, work),
            None => self.permuted(network_bits, network, tweak, work),
        };
        let new = network.checked_shl(host_bits).unwrap_or(0) | self.host(host, host_bits, tweak | 1 << 32, work);
        if width == 32 { Ipv4Addr::from(new as u32).into() } else { Ipv6Addr::from(new).into() }
    }

    /// What a network in a range that is nobody's begins with, and how many bits are free after that; none where no such range
    /// holds a network that large.
    fn reserved(&self, width: u32, bits: u32, network: u128) -> Option<(u128, u32)> {
        // Of IPv4 what is set aside for the future (RFC 1112), of IPv6 documentation (RFC 9637) and what is not given to anybody.
        let ranges: &[(u32, u128)] =
            if width == 32 { &[(4, 0xf)] } else { &[(32, 0x2001_0db8), (20, 0x3fff0), (3, 0b010)] };
        if width == 32 && bits >= 24 {
            let place = self.prf.draw(&network.to_le_bytes()).below(3) as usize;
            let [a, b, c] = DOCUMENTATION[place].map(u128::from);
            return Some(((a << 16 | b << 8 | c) << (bits - 24), bits - 24));
        }
        let (length, range) = ranges.iter().find(|(length, _)| bits >= *length)?;
        Some((range << (bits - length), bits - length))
    }

    /// Another number of as many bits; of many, as many as one permutation takes, and the first ones stay.
    fn permuted(&self, bits: u32, number: u128, tweak: u64, work: &mut Work) -> u128 {
        let moved = low_mask(bits.min(96));
        number & !moved | work.permuter.apply_number(&self.prf, Tweak(tweak), number & moved, moved + 1)
    }

    /// Another host; none stays none, and nobody else becomes none.
    fn host(&self, host: u128, bits: u32, tweak: u64, work: &mut Work) -> u128 {
        let moved = low_mask(bits.min(96));
        match host & moved {
            0 => host,
            low => host & !moved | (1 + work.permuter.apply_number(&self.prf, Tweak(tweak), low - 1, moved)),
        }
    }
}

/// As many ones at the end.
fn low_mask(bits: u32) -> u128 {
    1_u128.checked_shl(bits).map_or(u128::MAX, |next| next - 1)
}

/// Bits of an address.
fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn shown(address: IpAddr, bits: Option<u8>) -> String {
    bits.map_or_else(|| address.to_string(), |bits| format!("{address}/{bits}"))
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

    fn may_be_reachable(&self) -> bool {
        self.is_unique
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
            Value::Address(old, bits) => Answer::Address(self.moved(old, bits.min(width(old) as u8), work), bits),
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
