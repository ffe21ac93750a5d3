//! What the programs share: their arguments, the command beside them, medians.

use std::cmp::Ordering;
use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;

/// A result of a program of this crate.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Arguments in pairs, `--word VALUE`, of words that the program knows.
#[derive(Debug)]
pub struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Those of this process.
    ///
    /// # Errors
    /// A word that is not among these, or that has no value; the error names those that are known.
    pub fn of(known: &[&str]) -> Result<Self> {
        Self::parse(known, std::env::args().skip(1))
    }

    fn parse(known: &[&str], mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut pairs = Vec::new();
        while let Some(word) = words.next() {
            let value = words.next().filter(|_| known.contains(&word.as_str()));
            let usage = || known.iter().map(|word| format!("{word} VALUE")).collect::<Vec<_>>().join(", ");
            let value = value.ok_or_else(|| format!("{word} is not understood here; there are: {}", usage()))?;
            pairs.push((word, value));
        }
        Ok(Self(pairs))
    }

    /// The value behind a word; the last one counts.
    #[must_use]
    pub fn text(&self, word: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == word).map(|(_, value)| value.as_str())
    }

    /// The gigabytes behind `--sizes`, parted by commas.
    ///
    /// # Errors
    /// A value that is no number.
    pub fn sizes(&self) -> Result<Vec<f64>> {
        let sizes = self.text("--sizes").unwrap_or("0.1,1,5").split(',').map(str::parse);
        Ok(sizes.collect::<std::result::Result<_, _>>()?)
    }

    /// The value behind a word, or else this one.
    ///
    /// # Errors
    /// A value that is none of the kind.
    pub fn get<T: FromStr>(&self, word: &str, default: T) -> Result<T> {
        let parse = |value: &str| value.parse().map_err(|_| format!("{word} does not take {value}").into());
        self.text(word).map_or(Ok(default), parse)
    }
}

/// The command `offshoot`, which cargo built beside this program.
///
/// # Errors
/// Where it is not.
pub fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("offshoot");
    let chore = "the command is not built; the chores of `cargo xtask` that measure build it";
    if program.is_file() { Ok(program) } else { Err(chore.into()) }
}

/// The median; of an even number of values the upper one of the middle, of none nothing.
#[must_use]
pub fn median<T: PartialOrd + Copy + Default>(values: &[T]) -> T {
    let mut values = values.to_vec();
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// An error where what must be so is not.
///
/// # Errors
/// Just then.
pub fn check(good: bool, what: &str) -> Result<()> {
    if good { Ok(()) } else { Err(format!("{what} failed").into()) }
}

#[cfg(test)]
mod tests {
    use super::{Arguments, median};

    fn parse(words: &str) -> super::Result<Arguments> {
        Arguments::parse(&["--scale", "--rounds"], words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn words_have_values_and_the_last_counts() {
        let arguments = parse("--scale 0.5 --rounds 2 --scale 2").unwrap();
        assert_eq!((arguments.get("--scale", 1.0).unwrap(), arguments.get("--rounds", 9).unwrap()), (2.0, 2));
        assert_eq!(parse("").unwrap().get("--rounds", 9).unwrap(), 9);
    }

    #[test]
    fn what_is_not_known_is_told() {
        for words in ["--help", "--help 3", "--scale", "scale 3"] {
            let error = parse(words).unwrap_err().to_string();
            assert!(error.contains("--scale VALUE, --rounds VALUE"), "{error}");
        }
        assert!(parse("--rounds many").unwrap().get("--rounds", 9).is_err());
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[2.0, 1.0])), (2.0, 2.0));
        assert_eq!(median::<f64>(&[]), 0.0);
    }
}
