//! Values of options that have units: durations and sizes.

use std::num::NonZeroU64;
use std::time::Duration;

/// A duration with its unit: `500ms`, `2s`, `30m`, `8h`, `7d`, `2w`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
    let (number, unit) = parted(text);
    let factor = units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let millis = number.zip(factor).and_then(|(number, factor): (u64, u64)| number.checked_mul(factor));
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| "a duration is a number and ms, s, m, h, d or w: 500ms, 2s, 7d".to_owned())
}

/// A size: `1048576`, `512MiB`, `1G` (1024 each), `500MB` (1000 each).
pub fn size_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = parted(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1u64),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "t" | "tib" => Some(1 << 40),
        "kb" => Some(1000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "tb" => Some(1_000_000_000_000),
        _ => None,
    };
    let bytes = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    bytes.ok_or_else(|| "a size is a number of bytes, or one with K, M, G, KiB, MiB, GiB, KB, MB or GB".to_owned())
}

/// Bytes a second, as a size.
pub fn rate(text: &str) -> Result<NonZeroU64, String> {
    NonZeroU64::new(size_bytes(text)?).ok_or_else(|| "with 0 bytes a second nothing would ever be read".to_owned())
}

fn parted(text: &str) -> (Option<u64>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number.parse().ok(), unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let millis = |text| duration(text).map(|found| found.as_millis());
        assert_eq!(millis("500ms"), Ok(500));
        assert_eq!(millis("2s"), Ok(2000));
        assert_eq!(millis("8h"), Ok(28_800_000));
        assert_eq!(millis("7d"), Ok(604_800_000));
        for bad in ["", "5", "s", "-1s", "1.5s", "5 parsecs", "99999999999999999999s", "9999999999999999w"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size_bytes("512MiB"), Ok(512 << 20));
        assert_eq!(size_bytes("1G"), Ok(1 << 30));
        assert_eq!(size_bytes("1 GB"), Ok(1_000_000_000));
        assert_eq!(size_bytes("77"), Ok(77));
        for bad in ["", "MiB", "-1", "1X", "99999999999999G"] {
            assert!(size_bytes(bad).is_err(), "{bad}");
        }
        assert_eq!(rate("20MB").map(NonZeroU64::get), Ok(20_000_000));
        assert!(rate("0").is_err() && rate("fast").is_err());
    }
}
