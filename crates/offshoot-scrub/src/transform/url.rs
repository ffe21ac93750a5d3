//! `url`: an address of the web becomes another one that leads nowhere.
//!
//! Scheme, port, the names of parameters, and all signs of structure stay. The host goes the way of `host`; user, password,
//! each part of the path, the values of parameters and the fragment are permuted in their shapes. What is escaped (`%C3%A9`)
//! is rewritten as the characters that it stands for and escaped again. What is no URL is permuted as a whole. Mail addresses, as in
//! `mailto:` and in the values of parameters, get a reserved domain too.

use super::addresses::domain_ends;
use super::domain::Host;
use super::fitted;
use super::{Answer, Fault, Length, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Url {
    host: Host,
    part: Shape,
    other: Shape,
}

/// With `to`, the reserved domain that hosts end in.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let (part, other) = (making.injective_shape("url-part"), making.injective_shape("no-url"));
    Ok(Box::new(Url { host: Host::read(options, making)?, part, other }))
}

/// The most characters of a scheme that stays when host and path are drawn (`https://`), and of such a host.
const SCHEME_MAX: usize = 8;
const DRAWN_HOST_MAX: usize = 40;

/// Schemes that a mail address comes after, or one of its form.
const MAIL_SCHEMES: [&str; 6] = ["mailto:", "sip:", "sips:", "xmpp:", "acct:", "im:"];

/// How long the scheme for mail is that a text begins with; 0 if it begins with none.
fn mail_scheme(text: &[u8]) -> usize {
    let begins =
        |scheme: &&&str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()));
    MAIL_SCHEMES.iter().find(begins).map_or(0, |scheme| scheme.len())
}

/// Signs that divide the parts of path, parameters and fragment.
fn divides(byte: u8) -> bool {
    matches!(byte, b'/' | b'?' | b'#' | b'&' | b'=' | b';')
}

impl Url {
    /// Rewrites one part between signs of structure. Parts whose escapes are well-formed and in one case stay so, and others do
    /// not become so: else two ways could meet. The walks end, as each permutation is a cycle.
    /// With `is_mailed`, mail addresses in it end in the reserved domain.
    fn put_part(&self, part: &[u8], is_mailed: bool, work: &mut Work, out: &mut Vec<u8>) {
        let Some(escaped) = Escaped::read(part).filter(|_| part.contains(&b'%')) else {
            let is_strange = part.contains(&b'%');
            let mut new = part.to_vec();
            loop {
                let old = std::mem::take(&mut new);
                self.part.apply(work, &old, &mut new);
                if !is_strange || Escaped::read(&new).is_none() {
                    return self.put_ended(&new, is_mailed, out);
                }
            }
        };
        let mut plain = escaped.plain.clone();
        loop {
            let old = std::mem::take(&mut plain);
            self.part.apply(work, &old, &mut plain);
            let is_alike = |new: Escaped| new.places == escaped.places && new.is_small == escaped.is_small;
            if Escaped::read(&escaped.write(&plain, &[], b"")).is_some_and(is_alike) {
                let ends = if is_mailed { domain_ends(&plain) } else { Vec::new() };
                return out.extend_from_slice(&escaped.write(&plain, &ends, self.host.name.end.as_bytes()));
            }
        }
    }

    /// Appends a text; if it is mailed to, with the reserved domain at the end of each domain in it.
    fn put_ended(&self, text: &[u8], is_mailed: bool, out: &mut Vec<u8>) {
        let mut start = 0;
        for end in if is_mailed { domain_ends(text) } else { Vec::new() } {
            out.extend_from_slice(&text[start..end]);
            out.extend_from_slice(self.host.name.end.as_bytes());
            start = end;
        }
        out.extend_from_slice(&text[start..]);
    }

    /// Rewrites path, parameters and fragment.
    fn put_parts(&self, mut rest: &[u8], is_mail: bool, work: &mut Work, out: &mut Vec<u8>) {
        let (mut is_query, mut is_mailed) = (false, is_mail);
        while let Some((&sign, after)) = rest.split_first() {
            out.push(sign);
            is_query = is_query && sign != b'#' || sign == b'?';
            is_mailed |= is_query;
            let end = after.iter().position(|byte| divides(*byte)).unwrap_or(after.len());
            // What stands before an equals sign is the name of a parameter.
            let is_name = is_query && sign != b'=' && after.get(end) == Some(&b'=');
            if is_name {
                out.extend_from_slice(&after[..end]);
            } else {
                self.put_part(&after[..end], is_mailed, work, out);
            }
            rest = &after[end..];
        }
    }

    /// Rewrites what has no host: an address after a scheme for mail, or no URL at all, which does not become one of those.
    fn put_hostless(&self, text: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        let scheme = mail_scheme(text);
        if scheme > 0 {
            let end =
                text[scheme..].iter().position(|byte| divides(*byte)).map_or(text.len(), |length| scheme + length);
            out.extend_from_slice(&text[..scheme]);
            self.put_part(&text[scheme..end], true, work, out);
            return self.put_parts(&text[end..], true, work, out);
        }
        let mut new = Vec::with_capacity(text.len());
        self.other.apply_beside(work, text, &mut new, |text| mail_scheme(text) > 0);
        self.put_ended(&new, true, out);
    }

    /// Rewrites `user:password@host:port`.
    fn put_authority(&self, authority: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        let host_start = authority.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1);
        if host_start > 0 {
            self.part.apply(work, &authority[..host_start], out);
        }
        let host = &authority[host_start..];
        // An address of IPv6 is in brackets, and has colons of its own.
        if let (Some(b'['), Some(end)) = (host.first(), host.iter().position(|byte| *byte == b']')) {
            out.push(b'[');
            self.host.put(&host[1..end], work, out);
            out.extend_from_slice(&host[end..]);
            return;
        }
        let is_port = |at: &usize| host[at + 1..].iter().all(u8::is_ascii_digit);
        let end = host.iter().rposition(|byte| *byte == b':').filter(is_port).unwrap_or(host.len());
        if end > 0 {
            self.host.put(&host[..end], work, out);
        }
        out.extend_from_slice(&host[end..]);
    }
}

/// A part with escapes.
struct Escaped {
    /// The bytes that it stands for.
    plain: Vec<u8>,
    /// Which of them are escaped.
    places: Vec<bool>,
    /// Whether the escapes are written with small letters.
    is_small: bool,
}

impl Escaped {
    /// Reads a part; none if an escape is malformed, or some are written with small letters and some with capitals.
    fn read(part: &[u8]) -> Option<Self> {
        let (mut plain, mut places) = (Vec::with_capacity(part.len()), Vec::with_capacity(part.len()));
        let (mut has_small, mut has_capitals) = (false, false);
        let mut rest = part;
        while let Some((&first, after)) = rest.split_first() {
            places.push(first == b'%');
            if first != b'%' {
                plain.push(first);
                rest = after;
                continue;
            }
            let (digits, after) = after.split_first_chunk::<2>()?;
            let value = |digit: u8| (digit as char).to_digit(16);
            plain.push((value(digits[0])? << 4 | value(digits[1])?) as u8);
            has_small |= digits.iter().any(u8::is_ascii_lowercase);
            has_capitals |= digits.iter().any(u8::is_ascii_uppercase);
            rest = after;
        }
        (!(has_small && has_capitals)).then_some(Self { plain, places, is_small: has_small })
    }

    /// Other bytes, escaped in the same way, with `end` put in where the places of `ends` are.
    fn write(&self, plain: &[u8], ends: &[usize], end: &[u8]) -> Vec<u8> {
        let mut part = Vec::with_capacity(3 * plain.len());
        for (at, (byte, is_escaped)) in plain.iter().zip(&self.places).enumerate() {
            if ends.contains(&at) {
                part.extend_from_slice(end);
            }
            match (is_escaped, self.is_small) {
                (false, _) => part.push(*byte),
                (true, true) => part.extend_from_slice(format!("%{byte:02x}").as_bytes()),
                (true, false) => part.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            }
        }
        if ends.contains(&plain.len()) {
            part.extend_from_slice(end);
        }
        part
    }
}

impl Transform for Url {
    fn is_injective(&self) -> bool {
        self.host.is_injective()
    }

    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
    }

    fn may_be_reachable(&self) -> bool {
        self.host.may_be_reachable()
    }

    fn shortest(&self) -> usize {
        SCHEME_MAX + self.host.name.shortest()
    }

    /// The scheme, and a host and a path that are drawn; as long as before.
    fn fit(&self, value: Value<'_>, _: usize, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let (name, end) = (&self.host.name, self.host.name.end);
        let scheme = &bytes[..bytes.windows(3).position(|signs| signs == b"://").map_or(0, |at| at + 3)];
        let scheme = if scheme.len() <= SCHEME_MAX { scheme } else { b"" };
        let room = fitted::chars(bytes).max(self.shortest()) - scheme.len() - end.len();
        let host_length = room.min(DRAWN_HOST_MAX);
        let [host, path] = name.short.parts(bytes, [host_length, (room - host_length).saturating_sub(1)]);
        for part in [scheme, &host, end.as_bytes(), if path.is_empty() { b"" } else { b"/" }, &path] {
            out.extend_from_slice(part);
        }
        Answer::Written
    }

    fn pays_to_remember(&self) -> bool {
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let scheme_end = bytes.iter().position(|byte| !is_scheme(byte)).filter(|at| bytes[*at..].starts_with(b"://"));
        let Some(scheme_end) = scheme_end.filter(|at| *at > 0) else {
            self.put_hostless(bytes, work, out);
            return Answer::Written;
        };
        let authority_start = scheme_end + 3;
        let rest = &bytes[authority_start..];
        let authority_end = rest.iter().position(|byte| divides(*byte)).unwrap_or(rest.len());
        out.extend_from_slice(&bytes[..authority_start]);
        self.put_authority(&rest[..authority_end], work, out);
        self.put_parts(&rest[authority_end..], false, work, out);
        Answer::Written
    }
}
