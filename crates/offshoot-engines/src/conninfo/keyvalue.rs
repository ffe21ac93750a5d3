//! The `keyword = value` form: `host=/tmp dbname='my shop'`.

use super::error::ConnInfoError;
use super::settings::Settings;

/// Writes a value so that it can stand behind `keyword=` whatever it holds.
///
/// ```
/// assert_eq!(offshoot_engines::conninfo::quote_value("plain"), "plain");
/// assert_eq!(offshoot_engines::conninfo::quote_value(r"it's a\b"), r"'it\'s a\\b'");
/// ```
pub fn quote_value(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for c in value.chars() {
        if matches!(c, '\'' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// Reads the whole text into settings; a keyword given twice has its last value.
pub(super) fn parse(text: &str) -> Result<Settings, ConnInfoError> {
    let mut settings = Settings::default();
    let mut scanner = Scanner { characters: text.chars().collect(), at: 0 };
    let mut after_secret = false;
    while scanner.skip_blanks() {
        let name = scanner.name()?;
        let value = scanner.value()?;
        settings.give(&name, value, after_secret)?;
        after_secret = is_secret(&name) || after_secret;
    }
    Ok(settings)
}

/// What follows an unquoted password may be the rest of it, and is not repeated.
fn is_secret(name: &str) -> bool {
    name.contains("pass") || name.contains("secret")
}

struct Scanner {
    characters: Vec<char>,
    at: usize,
}

impl Scanner {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    /// False at the end.
    fn skip_blanks(&mut self) -> bool {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
        self.at < self.characters.len()
    }

    fn name(&mut self) -> Result<String, ConnInfoError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c != '=' && !is_blank(c)) {
            self.at += 1;
        }
        let name: String = self.characters[start..self.at].iter().collect();
        self.skip_blanks();
        if self.peek() != Some('=') {
            return Err(ConnInfoError::Syntax {
                position: start + 1,
                problem: "a word without \"=\" after it",
                remedy: "Write keyword=value, and put values with blanks in single quotes: password='two words'.",
            });
        }
        self.at += 1;
        if name.is_empty() {
            return Err(ConnInfoError::Syntax {
                position: self.at,
                problem: "an \"=\" without a keyword before it",
                remedy: "Write keyword=value, and put values with \"=\" or blanks in single quotes.",
            });
        }
        self.skip_blanks();
        Ok(name)
    }

    fn value(&mut self) -> Result<String, ConnInfoError> {
        let start = self.at;
        let quoted = self.peek() == Some('\'');
        if quoted {
            self.at += 1;
        }
        let mut value = String::new();
        loop {
            match self.peek() {
                None if quoted => {
                    return Err(ConnInfoError::Syntax {
                        position: start + 1,
                        problem: "a quoted value that does not end",
                        remedy: "Close it with a single quote; inside, write ' as \\' and \\ as \\\\.",
                    });
                }
                None => return Ok(value),
                Some('\'') if quoted => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(c) if !quoted && is_blank(c) => return Ok(value),
                Some('\\') => {
                    self.at += 1;
                    if let Some(escaped) = self.peek() {
                        value.push(escaped);
                        self.at += 1;
                    }
                }
                Some(c) => {
                    value.push(c);
                    self.at += 1;
                }
            }
        }
    }
}

/// C's isspace.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(&'static str, String)> {
        parse(text).unwrap().pairs()
    }

    fn problem(text: &str) -> String {
        parse(text).err().unwrap().to_string()
    }

    #[test]
    fn forms_of_the_documentation() {
        assert_eq!(
            read("host=localhost port=5432 dbname=mydb connect_timeout=10"),
            [
                ("connect_timeout", "10".into()),
                ("dbname", "mydb".into()),
                ("host", "localhost".into()),
                ("port", "5432".into()),
            ]
        );
        assert_eq!(
            read(r" user = 'it\'s me' password=a\ b\\c host='' "),
            [("host", String::new()), ("password", r"a b\c".into()), ("user", "it's me".into()),]
        );
        // An unquoted empty value takes the next word, as in libpq; a trailing one is empty.
        assert_eq!(read("user=\tada"), [("user", "ada".into())]);
        assert_eq!(read("user="), [("user", String::new())]);
        assert_eq!(read("user=a user=b"), [("user", "b".into())]);
        assert_eq!(read("user=a'b'c"), [("user", "a'b'c".into())]);
        assert_eq!(read("user='a'port=1").len(), 2);
    }

    #[test]
    fn mistakes_say_where_and_show_no_secret() {
        assert!(problem("user='ada").contains("character 6"));
        assert!(problem("user=ada blah").contains("character 10"));
        let text = problem("password=hunter canary host=x");
        assert!(!text.contains("canary"), "{text}");
        let text = problem("password=hunter canary=three");
        assert!(!text.contains("canary"), "{text}");
        let text = problem("hots=x");
        assert!(text.contains("\"hots\"") && text.contains("\"host\""), "{text}");
        assert!(problem("=x").contains("without a keyword"));
    }

    proptest! {
        #[test]
        fn quoted_values_come_back(values in proptest::collection::vec("[^\0]*", 3)) {
            let text = format!(
                "user={} password = {} dbname={}",
                quote_value(&values[0]), quote_value(&values[1]), quote_value(&values[2])
            );
            let settings = parse(&text).unwrap();
            prop_assert_eq!(settings.value("user"), Some(values[0].as_str()));
            prop_assert_eq!(settings.value("password"), Some(values[1].as_str()));
            prop_assert_eq!(settings.value("dbname"), Some(values[2].as_str()));
        }
    }
}
