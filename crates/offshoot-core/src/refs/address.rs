//! The text of an address, taken apart. What it means is looked up elsewhere.

use super::time;

/// Fewest digits of a hash that are taken for one.
pub(super) const HASH_DIGITS_MIN: usize = 4;
/// Most steps back that one `~` asks for.
const STEPS_MAX: usize = 100_000;

/// A name or hash, and steps from there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub(super) base: &'a str,
    pub(super) steps: Vec<Step>,
}

/// A step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `~N`: so many snapshots back.
    Back(usize),
    /// `@{time}`: the newest at or before this time.
    At(u64),
}

impl<'a> Address<'a> {
    /// Takes an address apart.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let end = [text.find('~'), text.find("@{")].into_iter().flatten().min().unwrap_or(text.len());
        let (base, mut rest) = text.split_at(end);
        if base.is_empty() {
            return Err("it names neither a ref, a tag nor a snapshot");
        }
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('~') {
                let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                let (number, after) = after.split_at(digits);
                let back = if number.is_empty() { Some(1) } else { number.parse().ok() };
                steps.push(Step::Back(back.filter(|&back| back <= STEPS_MAX).ok_or("it goes too far back")?));
                rest = after;
            } else if let Some(after) = rest.strip_prefix("@{") {
                let (moment, after) = after.split_once('}').ok_or("the } after the time is missing")?;
                let wanted = "a time is written as 2026-11-22, 2026-11-22 10:05 or 2026-11-22T10:05:30+01:00";
                steps.push(Step::At(time::end_of(moment).ok_or(wanted)?));
                rest = after;
            } else {
                return Err("after the name come only ~N and @{time}");
            }
        }
        Ok(Self { base, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let steps = |text| Address::parse(text).map(|address| (address.base, address.steps));
        assert_eq!(steps("prod"), Ok(("prod", vec![])));
        assert_eq!(steps("prod~"), Ok(("prod", vec![Step::Back(1)])));
        assert_eq!(steps("prod~2~3"), Ok(("prod", vec![Step::Back(2), Step::Back(3)])));
        assert_eq!(steps("a@b@{1970-01-02}"), Ok(("a@b", vec![Step::At(2 * 86_400_000 - 1)])));
        assert_eq!(steps("p@{1970-01-01 00:00}~1"), Ok(("p", vec![Step::At(59_999), Step::Back(1)])));
        for bad in ["", "~1", "@{1970-01-01}", "p~1x", "p@{", "p@{yesterday}", "p~99999999999999999999", "p~2000000"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
