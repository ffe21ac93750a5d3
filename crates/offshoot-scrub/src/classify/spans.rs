//! Personal data inside of sentences: where it is, and what it is.
//!
//! It goes by syntax where there is one, else by dictionaries and by what stands around a word. It is meant to say that a
//! column of texts holds such data, not to cut it out.

use super::checksum::{is_card, is_iban, national_id};
use super::dictionary::{
    is_ambiguous, is_city, is_company, is_country, is_first_name, is_honorific, is_last_name, is_of_street, plain,
};
use super::meaning::Meaning;
use super::syntax::{is_api_key, is_domain, is_email, is_ip, is_jwt, is_mac, is_phone, is_phone_digits, is_url};
use std::ops::Range;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// What it is.
    pub meaning: Meaning,
}

/// Words that say that a name follows.
const NAME_WORDS: [&str; 7] = ["name is", "name?", "name:", "named", "called", "nom est", "heiße"];

/// Words that a name often follows.
const INTRODUCTIONS: [&str; 9] =
    ["i am", "i'm", "this is", "regards,", "dear", "sincerely,", "yours,", "signed", "contact"];

/// Finds all of it, in order and without overlaps.
#[must_use]
pub fn spans(text: &str) -> Vec<Span> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    numbers(text, &mut found);
    for token in &tokens {
        let shown = &text[token.clone()];
        let meaning = match () {
            () if is_email(shown) => Meaning::Email,
            () if is_ip(shown) && shown.contains(['.', ':']) => Meaning::Ip,
            () if is_mac(shown) => Meaning::Device,
            () if is_jwt(shown) || is_api_key(shown) => Meaning::Token,
            () if is_iban(shown) => Meaning::BankAccount,
            () if is_url(shown) || shown.starts_with("www.") && is_domain(shown) => Meaning::Link,
            () => continue,
        };
        // A link is no person, but what is in it is looked at no further.
        let is_link = meaning == Meaning::Link;
        push(&mut found, token.clone(), meaning, is_link);
    }
    addresses(text, &tokens, &mut found);
    companies(text, &tokens, &mut found);
    names(text, &tokens, &mut found);
    places(text, &tokens, &mut found);
    found.sort_by_key(|span| span.bytes.start);
    found
}

fn push(found: &mut Vec<Span>, bytes: Range<usize>, meaning: Meaning, replaces: bool) {
    let overlaps = |span: &Span| span.bytes.start < bytes.end && bytes.start < span.bytes.end;
    if replaces {
        found.retain(|span| !overlaps(span));
    } else if found.iter().any(overlaps) {
        return;
    }
    found.push(Span { bytes, meaning });
}

/// Words without the punctuation around them.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    for piece in text.split_inclusive(|c: char| c.is_whitespace() || "<>\"“”„«»()[]{}|".contains(c)) {
        let (from, piece_len) = (start, piece.len());
        start += piece_len;
        let inner = piece.trim_end_matches(|c: char| c.is_whitespace() || "<>\"“”„«»()[]{}|".contains(c));
        let trimmed = inner.trim_end_matches([',', ';', ':', '!', '?', '.', '\'']);
        // The dot of an abbreviation belongs to it.
        let is_short = trimmed.chars().count() <= 4 && inner[trimmed.len()..].starts_with('.');
        let end = if is_short { trimmed.len() + 1 } else { trimmed.len() };
        let led = trimmed.len() - trimmed.trim_start_matches(['\'', '#', '*']).len();
        if end > led {
            tokens.push(from + led..from + end);
        }
    }
    tokens
}

/// Runs of digits and of what stands between the digits of one number.
fn numbers(text: &str, found: &mut Vec<Span>) {
    let is_part = |c: char| c.is_ascii_digit() || "+().-/ xX".contains(c);
    let mut at = 0;
    while let Some(start) =
        text[at..].find(|c: char| c.is_ascii_digit() || c == '+' || c == '(').map(|offset| at + offset)
    {
        let length = text[start..].find(|c| !is_part(c)).unwrap_or(text.len() - start);
        at = start + length.max(1);
        let joins_word = text[..start].ends_with(|c: char| c.is_alphanumeric() || "@_.-".contains(c));
        let run = &text[start..start + length];
        let run = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        if joins_word
            || run.is_empty()
            || text[start + run.len()..].starts_with(|c: char| c.is_alphabetic() || c == '@')
        {
            continue;
        }
        let whole = start..start + run.len();
        if let Some(meaning) = number_meaning(run) {
            push(found, whole, meaning, false);
            continue;
        }
        // Several numbers with blanks between them.
        let mut from = start;
        for part in run.split_inclusive(' ') {
            let shown = part.trim();
            if let Some(meaning) = number_meaning(shown) {
                push(found, from..from + shown.len(), meaning, false);
            }
            from += part.len();
        }
    }
}

fn number_meaning(run: &str) -> Option<Meaning> {
    let run = run.trim();
    match () {
        () if is_card(run) => Some(Meaning::Card),
        () if national_id(run).is_some_and(|(_, is_strong)| is_strong) => Some(Meaning::NationalId),
        () if is_phone(run) => Some(Meaning::Phone),
        () if run.len() >= 9 && is_phone_digits(run) => Some(Meaning::Phone),
        () => None,
    }
}

fn is_capital(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && word.chars().all(|c| c.is_alphabetic() || "-'’.".contains(c))
}

/// A house number and words with one that streets are named with, in either order; what goes on after it with postal
/// codes, flats and places belongs to it.
fn addresses(text: &str, tokens: &[Range<usize>], found: &mut Vec<Span>) {
    let word = |at: usize| &text[tokens[at].clone()];
    let is_number = |at: usize| {
        let word = word(at).trim_end_matches(['.', ',']);
        word.len() <= 6
            && word.starts_with(|c: char| c.is_ascii_digit())
            && word.chars().filter(|c| c.is_alphabetic()).count() <= 1
    };
    let mut at = 0;
    while at < tokens.len() {
        if !is_of_street(word(at)) || word(at).chars().all(|c| c.is_lowercase()) && word(at).len() <= 3 {
            at += 1;
            continue;
        }
        let window = at.saturating_sub(4)..(at + 5).min(tokens.len());
        // Between a number and the word of a street stand names: small words only where the number leads, and few.
        let joins = |near: usize| {
            let between = near.min(at) + 1..near.max(at);
            let small = between.clone().filter(|place| !is_capital(word(*place)) && !is_number(*place)).count();
            small == 0 || near < at && small <= 1 && between.len() <= 2
        };
        let numbers: Vec<usize> = window.filter(|near| is_number(*near) && joins(*near)).collect();
        let Some(nearest) = numbers.iter().min_by_key(|near| near.abs_diff(at)) else {
            at += 1;
            continue;
        };
        let (mut first, mut last) = (at.min(*nearest), at.max(*nearest));
        while first > 0 && is_number(first - 1) {
            first -= 1;
        }
        while last + 1 < tokens.len()
            && last < at + 9
            && (is_number(last + 1) || is_of_street(word(last + 1)) || is_capital(word(last + 1)))
        {
            last += 1;
        }
        push(found, tokens[first].start..tokens[last].end, Meaning::Street, false);
        lines_below(text, tokens[last].end, found);
        at = last + 1;
    }
}

/// The lines of an address that stand below its street: short, and without what sentences have.
fn lines_below(text: &str, street_end: usize, found: &mut Vec<Span>) {
    let rest = &text[street_end..];
    let Some(line_end) = rest.find('\n').filter(|end| rest[..*end].trim_matches([' ', ',']).is_empty()) else { return };
    let mut at = street_end + line_end + 1;
    for line in text[at..].split_inclusive('\n').take(LINES_BELOW_MAX) {
        let shown = line.trim().trim_matches(',').trim();
        let is_short = shown.split_whitespace().count() <= 4 && shown.chars().count() <= 40;
        if !is_short || !shown.chars().all(|c| c.is_alphanumeric() || " ,-'’".contains(c)) {
            return;
        }
        if shown.chars().count() > 1 {
            let start = at + line.find(shown).unwrap_or(0);
            push(found, start..start + shown.len(), Meaning::City, false);
        }
        at += line.len();
    }
}

/// Postal code, city, state, country, and a blank one.
const LINES_BELOW_MAX: usize = 5;

fn companies(text: &str, tokens: &[Range<usize>], found: &mut Vec<Span>) {
    for at in 1..tokens.len() {
        let start = (at.saturating_sub(4)..at).find(|from| {
            tokens[*from..=at]
                .iter()
                .all(|token| is_capital(&text[token.clone()]) || ["and", "&", "of"].contains(&&text[token.clone()]))
        });
        let Some(start) = start else { continue };
        // A line above is another thing.
        let line = text[..tokens[at].start].rfind('\n').map_or(0, |end| end + 1);
        let Some(start) = (start..at).find(|from| tokens[*from].start >= line) else { continue };
        let bytes = tokens[start].start..tokens[at].end;
        if is_company(&text[bytes.clone()]) {
            push(found, bytes, Meaning::Company, false);
        }
    }
}

/// Whether what comes after this text begins a sentence, where any word has a capital.
fn starts_sentence(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '"', '“', '(', '\'']);
    before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n', '\r'])
}

fn names(text: &str, tokens: &[Range<usize>], found: &mut Vec<Span>) {
    let word = |at: usize| text.get(tokens.get(at)?.clone());
    let is_name_part = |at: usize| word(at).is_some_and(is_capital);
    let mut at = 0;
    while at < tokens.len() {
        let shown = &text[tokens[at].clone()];
        let plain_word = plain(shown.trim_end_matches("'s").trim_end_matches("’s"));
        let before = text[..tokens[at].start].trim_end().to_lowercase();
        let is_introduced = INTRODUCTIONS.iter().any(|words| before.ends_with(words));
        let is_named = NAME_WORDS.iter().any(|words| before.ends_with(words));
        let follows_honorific = at > 0 && is_honorific(&text[tokens[at - 1].clone()]);
        let (first, last) = (is_first_name(&plain_word), is_last_name(&plain_word));
        let next = word(at + 1).map(plain).unwrap_or_default();
        let joins = |next: usize| text[tokens[next - 1].end..tokens[next].start].chars().all(|c| c == ' ');
        let has_next = at + 1 < tokens.len() && joins(at + 1);
        let both_known = first && has_next && is_last_name(&next) && !is_ambiguous(&next);
        let taken = match () {
            () if is_named && is_capital(shown) => true,
            () if last
                && is_capital(shown)
                && plain_word.len() > 3
                && !starts_sentence(&text[..tokens[at].start])
                && !is_ambiguous(&plain_word)
                && !is_city(shown)
                && !is_country(shown) =>
            {
                true
            }
            () if follows_honorific && is_capital(shown) && !is_honorific(shown) => true,
            () if is_introduced && is_capital(shown) && (first || last || is_name_part(at + 1) && has_next) => true,
            () if first
                && is_capital(shown)
                && has_next
                && is_name_part(at + 1)
                && !is_city(&format!("{plain_word} {next}")) =>
            {
                !is_ambiguous(&plain_word) || is_last_name(&next)
            }
            () if both_known && !is_ambiguous(&plain_word) && shown.len() > 3 && next.len() > 3 => true,
            () if first && is_capital(shown) && !is_ambiguous(&plain_word) && plain_word.len() > 2 => true,
            () => false,
        };
        if !taken {
            at += 1;
            continue;
        }
        let mut end = at;
        while end < at + 3
            && end + 1 < tokens.len()
            && joins(end + 1)
            && is_name_part(end + 1)
            && !is_of_street(&text[tokens[end + 1].clone()])
        {
            end += 1;
        }
        if end == at && both_known {
            end += 1;
        }
        push(found, tokens[at].start..tokens[end].end, Meaning::FullName, false);
        at = end + 1;
    }
}

fn places(text: &str, tokens: &[Range<usize>], found: &mut Vec<Span>) {
    for (at, token) in tokens.iter().enumerate() {
        for count in [3, 2, 1] {
            let Some(last) = tokens.get(at + count - 1) else { continue };
            let bytes = token.start..last.end;
            let shown = &text[bytes.clone()];
            let is_named = shown.starts_with(char::is_uppercase) && (is_city(shown) || is_country(shown));
            if is_named {
                push(found, bytes, Meaning::City, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, Meaning)> {
        spans(text).into_iter().map(|span| (&text[span.bytes], span.meaning)).collect()
    }

    #[test]
    fn personal_data_is_found_in_sentences() {
        assert_eq!(found("Write to ann@x.org, please."), [("ann@x.org", Meaning::Email)]);
        assert_eq!(found("call me at (415) 555-0134 today"), [("(415) 555-0134", Meaning::Phone)]);
        assert_eq!(found("my card # 4111 1111 1111 1111 expired"), [("4111 1111 1111 1111", Meaning::Card)]);
        assert_eq!(found("Tell Mrs. Quibbleford that it works"), [("Quibbleford", Meaning::FullName)]);
        assert_eq!(found("I met Katarzyna Nowak there"), [("Katarzyna Nowak", Meaning::FullName)]);
        assert_eq!(found("ship to 12 Elm Street, now"), [("12 Elm Street", Meaning::Street)]);
        assert_eq!(found("from 10.1.2.3 again"), [("10.1.2.3", Meaning::Ip)]);
    }

    #[test]
    fn technical_sentences_hold_none() {
        for text in [
            "Fixed a crash when the index was empty in version 1.2.30",
            "3... 2... 1... liftoff!",
            "The order will ship on 2020-01-02 at 10:30",
            "A large blue shirt with 12 buttons",
            "Retry the request with exponential backoff and grant access",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
