//! Whether as many hits can be chance.
//!
//! A permutation hits another person's real value now and then. If an output is any of `size` values of its form with equal
//! probability, and `needles` of those are looked for, then of `tries` outputs `tries * needles / size` are hits, and their
//! number is Poisson distributed. What is asked is the probability of as many or more (Chernoff's bound of it).

/// In a rewritten column: more is no chance. About six standard deviations where many hits are expected.
const REWRITTEN_MAX: f64 = 1e-9;
/// In a column that is kept, and in the schema: values there are no draws, so that a hit that was hardly to be expected
/// counts. One hit of a phone number of eleven digits does, with a million of them looked for.
const KEPT_MAX: f64 = 1e-3;

/// Whether so many distinct hits are more than chance, where `expected` are expected.
pub(super) fn is_beyond(hits: u64, expected: f64, is_rewritten: bool) -> bool {
    let hits = hits as f64;
    if hits == 0.0 || hits <= expected {
        return false;
    }
    let most: f64 = if is_rewritten { REWRITTEN_MAX } else { KEPT_MAX };
    expected <= 0.0 || hits - expected - hits * (hits / expected).ln() < most.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_told_from_leaks() {
        // A million phones of ten million: a tenth is hit.
        assert!(!is_beyond(100_000, 1e5, true) && !is_beyond(101_500, 1e5, true));
        assert!(is_beyond(102_100, 1e5, true) && is_beyond(1_000_000, 1e5, false));
        // One address of mail.
        assert!(is_beyond(1, 0.0, true) && is_beyond(1, 1e-12, true));
        // One phone number of eleven digits in a comment; one in a column of a million other numbers.
        assert!(is_beyond(1, 1e-5, false) && !is_beyond(1, 1e-5, true) && !is_beyond(2, 1.0, false));
        assert!(!is_beyond(0, 0.0, false));
    }
}
