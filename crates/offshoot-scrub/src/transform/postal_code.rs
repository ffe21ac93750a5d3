//! `postal-code`: another code of the same shape; with `country` one that the country's post could have given, if it was one.
//!
//! The forms are those that the countries' posts publish, as the Universal Postal Union collects them ("Postal addressing
//! systems in member countries"). A country's letters before the code (`D-80331`, `L-1234`) stay. Forms of which hardly another one
//! has the shape (GIR 0AA, Dublin's D6W) count as none, as their codes had nothing to become.

use regex::bytes::Regex;

use super::checked::{Checked, Scheme};
use super::{Fault, Making, Options, Transform};

/// Countries by their codes of ISO 3166, letters that may stand before a code, and its form, without blanks and hyphens.
const COUNTRIES: [(&str, &str, &str); 44] = [
    ("ar", "", "[A-HJ-NP-Z][1-9][0-9]{3}[A-Z]{3}|[1-9][0-9]{3}"),
    ("at", "A|AT", "[1-9][0-9]{3}"),
    ("au", "", "0[289][0-9]{2}|[1-9][0-9]{3}"),
    ("be", "B|BE", "[1-9][0-9]{3}"),
    ("bg", "BG", "[1-9][0-9]{3}"),
    ("br", "", "0[1-9][0-9]{6}|[1-9][0-9]{7}"),
    ("ca", "", "[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][0-9][ABCEGHJ-NPRSTV-Z][0-9]"),
    ("ch", "CH", "[1-9][0-9]{3}"),
    ("cn", "", "[0-8][0-9]{5}"),
    ("cz", "CZ", "[1-7][0-9]{4}"),
    ("de", "D|DE", "0[1-46-9][0-9]{3}|[1-9][0-9]{4}"),
    ("dk", "DK", "[1-9][0-9]{3}"),
    ("ee", "EE", "[1-9][0-9]{4}"),
    ("es", "E|ES", "(?:0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3}"),
    ("fi", "FI|FIN", "[0-9]{5}"),
    ("fr", "F|FR", "(?:0[1-9]|[1-8][0-9]|9[0-578])[0-9]{3}"),
    (
        "gb",
        "",
        "(?:[A-PR-UWYZ][0-9]{1,2}|[A-PR-UWYZ][A-HK-Y][0-9]{1,2}|[A-PR-UWYZ][0-9][A-HJKPSTUW]|\
         [A-PR-UWYZ][A-HK-Y][0-9][ABEHMNPRVWXY])[0-9][ABD-HJLNP-UW-Z]{2}",
    ),
    ("gr", "GR", "[1-8][0-9]{4}"),
    ("hr", "HR", "[1-5][0-9]{4}"),
    ("hu", "H|HU", "[1-9][0-9]{3}"),
    ("ie", "", "[AC-FHKNPRTV-Y][0-9]{2}[0-9AC-FHKNPRTV-Y]{4}"),
    ("il", "IL", "[1-9][0-9]{4}|[1-9][0-9]{6}"),
    ("in", "", "[1-9][0-9]{5}"),
    ("it", "I|IT", "[0-9]{5}"),
    ("jp", "", "[0-9]{7}"),
    ("kr", "", "[0-6][0-9]{4}"),
    ("lt", "LT", "[0-9]{5}"),
    ("lu", "L|LU", "[1-9][0-9]{3}"),
    ("lv", "LV", "[1-5][0-9]{3}"),
    ("mx", "", "(?:0[1-9]|[1-9][0-9])[0-9]{3}"),
    ("nl", "NL", "[1-9][0-9]{3}(?:[A-RT-Z][A-Z]|S[BCE-RT-Z])"),
    ("no", "N|NO", "[0-9]{4}"),
    ("nz", "", "[0-9]{4}"),
    ("pl", "PL", "[0-9]{5}"),
    ("pt", "P|PT", "[1-9][0-9]{3}(?:[0-9]{3})?"),
    ("ro", "RO", "[0-9]{6}"),
    ("ru", "RU", "[1-6][0-9]{5}"),
    ("se", "S|SE", "[1-9][0-9]{4}"),
    ("sg", "", "(?:0[1-9]|[1-7][0-9]|8[0-2])[0-9]{4}"),
    ("si", "SI", "[1-9][0-9]{3}"),
    ("sk", "SK", "[089][0-9]{4}"),
    ("tr", "TR", "(?:0[1-9]|[1-7][0-9]|8[01])[0-9]{3}"),
    ("us", "", "(?:00[5-9]|0[1-9][0-9]|[1-9][0-9]{2})[0-9]{2}(?:[0-9]{4})?"),
    ("za", "", "[0-9]{4}"),
];

/// With `country`.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let countries: Vec<&str> = ["other"].into_iter().chain(COUNTRIES.map(|(country, _, _)| country)).collect();
    match options.word("country", &countries)? {
        0 => super::shaped::named(options, making),
        country => {
            let shape = making.injective_shape("shape");
            let scheme = Codes::of(COUNTRIES[country - 1]).map_err(|error| options.fault(error.to_string()))?;
            Ok(Box::new(Checked { shape, scheme }))
        }
    }
}

/// The codes of a country.
struct Codes {
    /// What may stand before a code.
    letters: Vec<&'static str>,
    form: Regex,
}

impl Codes {
    fn of((_, letters, form): (&str, &'static str, &str)) -> Result<Self, regex::Error> {
        let form = Regex::new(&format!("^(?:{form})$"))?;
        Ok(Self { letters: letters.split('|').filter(|letters| !letters.is_empty()).collect(), form })
    }

    fn is_code(&self, signs: &[u8]) -> bool {
        self.form.is_match(signs)
    }
}

impl Scheme for Codes {
    fn kept(&self, signs: &[u8]) -> usize {
        let begins = |letters: &&&str| signs.strip_prefix(letters.as_bytes()).is_some_and(|code| self.is_code(code));
        self.letters.iter().find(begins).map_or(0, |letters| letters.len())
    }

    fn is_valid(&self, signs: &[u8]) -> bool {
        self.is_code(&signs[self.kept(signs)..])
    }
}

#[cfg(test)]
mod tests {
    use super::super::checked::Scheme as _;
    use super::{COUNTRIES, Codes};

    #[test]
    fn codes_of_countries_are_valid_and_others_are_not() {
        let cases: [(&str, &[&str], &[&str]); 14] = [
            ("gb", &["SW1A1AA", "M11AE", "B338TH", "CR26XH", "EC1A1BB"], &["QW1A1AA", "SW1A1CA", "SW1A1A"]),
            ("ca", &["K1A0B1", "H0H0H0"], &["D1A0B1", "K1O0B1", "K1A0B"]),
            ("us", &["90210", "00501", "902101234"], &["00100", "9021", "90210123"]),
            ("de", &["80331", "01067", "D80331", "DE80331"], &["05123", "8033", "X80331"]),
            ("fr", &["75008", "97400", "F75008"], &["00100", "99123"]),
            ("es", &["28013", "52001"], &["53001", "00123"]),
            ("nl", &["1012AB", "NL1012AB"], &["0012AB", "1012SS", "1012A"]),
            ("ie", &["D02AF30", "A65XK28"], &["B02AF30", "D02AF3"]),
            ("pl", &["00950"], &["0095"]),
            ("pt", &["1000205", "1000"], &["0000205"]),
            ("se", &["11455", "SE11455"], &["01145"]),
            ("lu", &["L1234"], &["L0234"]),
            ("in", &["110001"], &["010001"]),
            ("jp", &["1000001"], &["100001"]),
        ];
        for (country, valid, invalid) in cases {
            let codes = Codes::of(*COUNTRIES.iter().find(|(code, _, _)| *code == country).unwrap()).unwrap();
            for code in valid {
                assert!(codes.is_valid(code.as_bytes()), "{country} {code}");
            }
            for code in invalid {
                assert!(!codes.is_valid(code.as_bytes()), "{country} {code}");
            }
        }
        for country in COUNTRIES {
            Codes::of(country).map(drop).unwrap();
        }
    }
}
