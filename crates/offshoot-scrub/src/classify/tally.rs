//! How many values of a column are what: counts only, of which no value can be told.

use std::collections::BTreeSet;

use super::checksum::{NATIONAL_COUNT, is_card, is_iban, national_id, national_name};
use super::dictionary::{is_city, is_company, is_country, is_first_name, is_job, is_last_name, is_of_street, plain};
use super::meaning::Meaning;
use super::spans::spans;
use super::syntax;

/// Counts of the values of one column.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Values that are neither NULL nor empty.
    pub values: usize,
    /// Distinct ones.
    pub distinct: usize,
    email: usize,
    phone: usize,
    phone_digits: usize,
    /// Phone numbers that are written without their country's code.
    pub national_phones: usize,
    card: usize,
    iban: usize,
    national_strong: usize,
    national: [usize; NATIONAL_COUNT],
    ip: usize,
    mac: usize,
    password_hash: usize,
    secret: usize,
    random: usize,
    user_agent: usize,
    dates: usize,
    years: Vec<u16>,
    degrees: usize,
    latitudes: usize,
    postal_distinct: usize,
    postal: usize,
    first: usize,
    last: usize,
    full: usize,
    street: usize,
    street_like: usize,
    city: usize,
    country: usize,
    company: usize,
    job: usize,
    handle: usize,
    initials: usize,
    mixed: usize,
    place_like: usize,
    codes: usize,
    code_low: bool,
    code_high: bool,
    /// Values of several words that are a sentence.
    pub sentences: usize,
    /// Values that hold personal data somewhere inside.
    pub with_spans: usize,
}

impl Tally {
    /// Counts.
    #[must_use]
    pub fn new(texts: &[String]) -> Self {
        let mut tally = Self { values: texts.len(), ..Self::default() };
        let distinct: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
        tally.distinct = distinct.len();
        texts.iter().for_each(|text| tally.add(text.trim()));
        tally.years.sort_unstable();
        tally
    }

    fn add(&mut self, text: &str) {
        let count = |counter: &mut usize, is_so: bool| *counter += usize::from(is_so);
        count(&mut self.email, syntax::is_email(text));
        count(&mut self.phone, syntax::is_phone(text));
        count(&mut self.phone_digits, syntax::is_phone_digits(text));
        let has_code = text.trim_start_matches('(').starts_with('+') || text.starts_with("00");
        count(&mut self.national_phones, !has_code && (syntax::is_phone(text) || syntax::is_phone_digits(text)));
        count(&mut self.card, is_card(text));
        count(&mut self.iban, is_iban(text));
        if let Some((form, is_strong)) = national_id(text) {
            self.national[form] += 1;
            self.national_strong += usize::from(is_strong);
        }
        count(&mut self.ip, text.contains(['.', ':']) && syntax::is_ip(text));
        count(&mut self.mac, syntax::is_mac(text));
        count(&mut self.password_hash, syntax::is_password_hash(text));
        count(&mut self.secret, syntax::is_jwt(text) || syntax::is_api_key(text));
        count(&mut self.random, syntax::is_random(text) && !syntax::is_uuid(text));
        count(&mut self.user_agent, syntax::is_user_agent(text));
        if let Some(year) = syntax::date_year(text) {
            self.dates += 1;
            self.years.push(year);
        }
        if let Some(degree) = syntax::degree(text) {
            self.degrees += 1;
            self.latitudes += usize::from(degree.abs() <= 90.0);
        }
        count(&mut self.postal_distinct, syntax::is_distinct_postal_code(text));
        count(&mut self.postal, syntax::is_distinct_postal_code(text) || syntax::is_postal_digits(text));
        let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
        let is_handle = syntax::is_handle(text) && !syntax::is_uuid(text) && !syntax::is_domain(text);
        count(&mut self.handle, is_handle);
        let is_in_both_cases = text.chars().any(char::is_lowercase) && text.chars().skip(1).any(char::is_uppercase);
        count(&mut self.mixed, is_handle && (has_digit || is_in_both_cases));
        count(
            &mut self.initials,
            text.trim_end_matches('.').chars().count() == 1 && text.starts_with(char::is_uppercase),
        );
        if matches!(text.len(), 3 | 4) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.codes += 1;
            let number: u16 = text.parse().unwrap_or(500);
            self.code_low |= number < 200;
            self.code_high |= (800..=999).contains(&number);
        }
        self.add_words(text, has_digit);
    }

    fn add_words(&mut self, text: &str, has_digit: bool) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_capital = |word: &str| word.starts_with(char::is_uppercase);
        let is_lettered = |word: &str| word.chars().all(|c| c.is_alphabetic() || "-'’.,".contains(c));
        let plains: Vec<String> = words.iter().map(|word| plain(word.trim_end_matches([',', '.']))).collect();
        if let ([_], [word]) = (words.as_slice(), plains.as_slice()) {
            let is_word = is_lettered(text) && text.chars().count() >= 2;
            self.first += usize::from(is_word && is_first_name(word));
            self.last += usize::from(is_word && is_capital(text) && is_last_name(word));
            self.full += usize::from(is_han_name(text));
        } else if (2..=5).contains(&words.len()) && words.iter().all(|word| is_lettered(word)) {
            let is_name = |word: &String| is_first_name(word) || is_last_name(word);
            let ends = [plains.first(), plains.last()];
            let known = ends.iter().flatten().filter(|word| is_name(word)).count();
            let has_first = plains.iter().any(|word| is_first_name(word));
            let all_capital = words.iter().all(|word| {
                is_capital(word)
                    || ["de", "van", "von", "der", "la", "da", "di", "du", "den", "el", "al", "bin"].contains(word)
            });
            let is_shouted = text.chars().all(|c| !c.is_lowercase());
            self.full += usize::from(has_first && known == 2 && (all_capital || is_shouted) && words.len() <= 4);
            // Compound first and last names are written in two words too.
            self.last += usize::from(plains.len() == 2 && plains.iter().all(|word| is_last_name(word)) && !has_first);
        }
        let has_street_word = words.iter().any(|word| is_of_street(word));
        self.street += usize::from(has_digit && has_street_word && (2..=12).contains(&words.len()));
        let is_number = |word: &&&str| word.len() <= 5 && word.starts_with(|c: char| c.is_ascii_digit());
        let ends_in_number = words.first().filter(is_number).is_some() != words.last().filter(is_number).is_some();
        let has_name = words.iter().any(|word| is_capital(word) && word.chars().count() > 2 && is_lettered(word));
        let is_year =
            words.first().is_some_and(|word| word.len() == 4 && (word.starts_with("19") || word.starts_with("20")));
        self.street_like += usize::from(
            has_digit && ((2..=7).contains(&words.len()) && ends_in_number && has_name && !is_year || has_street_word),
        );
        self.city += usize::from(!has_digit && is_city(text));
        self.country += usize::from(!has_digit && is_country(text));
        self.company += usize::from(is_company(text));
        self.job += usize::from(words.len() <= 6 && is_job(text));
        self.place_like += usize::from(
            !has_digit
                && words.len() <= 4
                && is_capital(text)
                && words.iter().all(|word| is_lettered(word))
                && text.len() >= 3,
        );
        let is_sentence =
            words.len() >= 5 && words.iter().filter(|word| word.chars().all(char::is_lowercase)).count() >= 2;
        self.sentences += usize::from(is_sentence);
        if words.len() >= 3 {
            let concerns = |meaning: Meaning| !matches!(meaning, Meaning::City | Meaning::Company | Meaning::Link);
            self.with_spans += usize::from(spans(text).iter().any(|span| concerns(span.meaning)));
        }
    }

    /// How many values are of a meaning, and what to call them; none where no validator knows.
    #[must_use]
    pub fn count(&self, meaning: Meaning) -> Option<(usize, &'static str)> {
        Some(match meaning {
            Meaning::Email => (self.email, "mail addresses"),
            Meaning::Phone => (self.phone + self.phone_digits, "phone numbers"),
            Meaning::Card => (self.card, "card numbers with a valid check digit"),
            Meaning::BankAccount => (self.iban, "valid IBANs"),
            Meaning::NationalId => (self.national.iter().sum(), "valid national ids"),
            Meaning::Ip => (self.ip, "IP addresses"),
            Meaning::Device => (self.mac, "hardware addresses"),
            Meaning::UserAgent => (self.user_agent, "user agents"),
            Meaning::BirthDate => (self.dates, "dates"),
            Meaning::Coordinates => (self.degrees, "degrees with four or more decimals"),
            Meaning::PostalCode => (self.postal, "of the form of postal codes"),
            Meaning::FirstName => (self.first, "known first names"),
            Meaning::LastName => (self.last, "known last names"),
            Meaning::FullName => (self.full, "known first and last names"),
            Meaning::Street => (self.street, "streets with a number"),
            Meaning::City => (self.city, "known cities"),
            Meaning::Company => (self.company, "names of companies by their ending"),
            Meaning::Job => (self.job, "jobs by their ending"),
            Meaning::Password => (self.password_hash, "hashes of passwords"),
            Meaning::Token => (self.secret + self.random, "keys, tokens or random texts"),
            Meaning::FreeText => (self.with_spans, "texts with personal data inside"),
            _ => return None,
        })
    }

    /// The share of the values that are something.
    #[must_use]
    pub fn share(&self, count: usize) -> f64 {
        if self.values == 0 { 0.0 } else { count as f64 / self.values as f64 }
    }

    /// Whether a few values come again and again, as those of a status do.
    #[must_use]
    pub fn is_enumeration(&self) -> bool {
        self.values >= 20 && self.distinct * 10 <= self.values || self.values >= 8 && self.distinct <= 2
    }

    /// What the values alone say: meanings with how sure they make it, and how many values say so. `in_context` is whether other
    /// columns of the table are about persons.
    #[must_use]
    pub fn meanings(&self, in_context: bool) -> Vec<(Meaning, f64, usize, &'static str)> {
        let mut found = Vec::new();
        if self.values < 3 {
            return found;
        }
        let mut add = |meaning: Meaning, count: usize, share_min: f64, weight: f64, what: &'static str| {
            let share = self.share(count);
            if share >= share_min {
                found.push((meaning, weight * (0.8 + 0.2 * share), count, what));
            }
        };
        let what = |meaning: Meaning| self.count(meaning).map_or("", |(_, what)| what);
        add(Meaning::Email, self.email, 0.3, 0.99, what(Meaning::Email));
        add(Meaning::Card, self.card, 0.6, 0.98, what(Meaning::Card));
        add(Meaning::BankAccount, self.iban, 0.5, 0.99, what(Meaning::BankAccount));
        add(Meaning::Ip, self.ip, 0.6, 0.95, what(Meaning::Ip));
        add(Meaning::Device, self.mac, 0.6, 0.92, what(Meaning::Device));
        add(Meaning::UserAgent, self.user_agent, 0.5, 0.95, what(Meaning::UserAgent));
        add(Meaning::Password, self.password_hash, 0.5, 0.98, what(Meaning::Password));
        add(Meaning::Token, self.secret, 0.4, 0.97, "keys or tokens by their form");
        add(Meaning::Phone, self.phone, 0.5, 0.92, "phone numbers as people write them");
        if self.distinct * 2 >= self.values {
            add(Meaning::NationalId, self.national_strong, 0.35, 0.95, what(Meaning::NationalId));
            let best = self.national.iter().enumerate().max_by_key(|(_, count)| **count);
            if let Some((form, count)) = best {
                add(Meaning::NationalId, *count, 0.85, 0.9, national_name(form));
            }
        }
        if !self.is_enumeration() {
            self.add_from_words(in_context, &mut add);
        }
        found
    }

    fn add_from_words(&self, in_context: bool, add: &mut dyn FnMut(Meaning, usize, f64, f64, &'static str)) {
        let what = |meaning: Meaning| self.count(meaning).map_or("", |(_, what)| what);
        let is_varied = self.distinct * 3 >= self.values;
        let raised = |alone: f64, with: f64| if in_context { with } else { alone };
        // Dictionaries have but a part of the names of every country, and hardly any other words. Names come in many, where words
        // of other kinds that happen to be names are few.
        if !is_varied && self.distinct < 40 {
            return;
        }
        let (first, last) = (self.first, self.last);
        if first >= last {
            add(Meaning::FirstName, first, raised(0.5, 0.3), raised(0.85, 0.95), what(Meaning::FirstName));
        } else {
            add(Meaning::LastName, last, raised(0.5, 0.25), raised(0.8, 0.92), what(Meaning::LastName));
        }
        add(Meaning::FullName, self.full, raised(0.35, 0.25), 0.95, what(Meaning::FullName));
        add(Meaning::Street, self.street, 0.35, 0.9, what(Meaning::Street));
        // Names of products end in numbers too.
        if in_context {
            add(Meaning::Street, self.street_like, 0.7, 0.8, "words with a house number");
        }
        add(Meaning::City, self.city, 0.3, raised(0.5, 0.7), what(Meaning::City));
        add(Meaning::Company, self.company, 0.4, raised(0.55, 0.65), what(Meaning::Company));
        add(Meaning::Job, self.job, 0.4, raised(0.45, 0.65), what(Meaning::Job));
        add(Meaning::PostalCode, self.postal_distinct, 0.5, raised(0.55, 0.8), what(Meaning::PostalCode));
        if in_context && is_varied {
            add(
                Meaning::Phone,
                self.phone + self.phone_digits * usize::from(self.phone * 4 > self.values),
                0.5,
                0.85,
                what(Meaning::Phone),
            );
            if self.postal_distinct > 0 {
                add(Meaning::PostalCode, self.postal, 0.7, 0.75, what(Meaning::PostalCode));
            }
            if self.distinct * 10 >= self.values * 9 && self.share(self.mixed) >= 0.25 {
                add(Meaning::Username, self.handle, 0.9, 0.68, "one word of letters and digits, nearly all different");
            }
        }
        if self.values >= 8 && self.share(self.sentences) >= 0.4 {
            add(Meaning::FreeText, self.with_spans, 0.1, 0.9, what(Meaning::FreeText));
        }
        add(Meaning::Token, self.random, 0.8, 0.6, "random texts");
        let (low, high) = (self.years.get(self.years.len() / 20), self.years.get(self.years.len() * 19 / 20));
        if let (Some(low), Some(high)) = (low, high)
            && high - low >= 20
            && *low >= 1900
            && *high <= 2015
        {
            add(Meaning::BirthDate, self.dates, 0.8, raised(0.4, 0.85), "dates spread over a generation or more");
        }
    }

    /// Whether values could be latitudes, or longitudes.
    #[must_use]
    pub fn degrees(&self) -> Option<(usize, bool)> {
        (self.values >= 3 && self.share(self.degrees) >= 0.7).then_some((self.degrees, self.latitudes == self.degrees))
    }

    /// Values that are capitalized words without digits, as places are, if they vary and are no countries.
    #[must_use]
    pub fn places(&self) -> Option<usize> {
        let is_so = self.values >= 3 && self.distinct * 3 >= self.values && self.share(self.place_like) >= 0.75;
        (is_so && self.share(self.country) < 0.3).then_some(self.place_like)
    }

    /// Values of three or four digits over their whole range, as codes on cards are.
    #[must_use]
    pub fn codes(&self) -> Option<usize> {
        (self.values >= 20 && self.codes == self.values && self.code_low && self.code_high).then_some(self.codes)
    }

    /// Values of one capital letter, if there are several such.
    #[must_use]
    pub fn initials(&self) -> Option<usize> {
        (self.values >= 10 && self.distinct >= 6 && self.initials == self.values).then_some(self.initials)
    }

    /// Values of four to six digits, if they vary.
    #[must_use]
    pub fn postal_digits(&self) -> Option<usize> {
        (self.values >= 10 && self.distinct * 2 >= self.values && self.share(self.postal) >= 0.7).then_some(self.postal)
    }
}

/// Two to four ideographs of which the first is a family name.
fn is_han_name(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let is_han = |c: &char| ('\u{4e00}'..='\u{9fff}').contains(c);
    let family = |count: usize| is_last_name(&letters[..count].iter().collect::<String>());
    (2..=4).contains(&letters.len()) && letters.iter().all(is_han) && (family(1) || letters.len() > 2 && family(2))
}
