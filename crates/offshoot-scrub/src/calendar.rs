//! Days since 2000-01-01 and the dates of the Gregorian calendar, extended both ways as databases do.
//!
//! Years are astronomical: 0 is 1 BC. The method is that of H. Hinnant, "chrono-compatible low-level date algorithms" (2013).

/// Days from 0000-03-01 to 2000-01-01.
const EPOCH_DAYS: i64 = 730_425;
const ERA_DAYS: i64 = 146_097;

/// The date of a day: year, month, day of the month.
pub(crate) fn date(day: i64) -> (i64, u32, u32) {
    // Years that begin in March, so that a leap day comes last.
    let days = day + EPOCH_DAYS;
    let of_era = days.rem_euclid(ERA_DAYS);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = days.div_euclid(ERA_DAYS) * 400 + year_of_era + i64::from(month < 3);
    (year, month as u32, (of_year - (153 * march_month + 2) / 5 + 1) as u32)
}

/// The day of a date; that the date exists is the caller's affair.
pub(crate) fn day(year: i64, month: u32, day: u32) -> i64 {
    let march_year = year - i64::from(month < 3);
    let of_era = march_year.rem_euclid(400);
    let march_month = i64::from(if month < 3 { month + 9 } else { month - 3 });
    let of_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    march_year.div_euclid(400) * ERA_DAYS + 365 * of_era + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_each_other_as_the_calendar_says() {
        let mut number = 0;
        for year in 2000..2900 {
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(lengths) {
                for day_of_month in 1..=length {
                    assert_eq!(date(number), (year, month, day_of_month));
                    assert_eq!(day(year, month, day_of_month), number);
                    number += 1;
                }
            }
        }
        assert_eq!((date(-1), date(-10_957), date(-11_629)), ((1999, 12, 31), (1970, 1, 1), (1968, 2, 29)));
        assert_eq!(date(day(0, 12, 31) + 1), (1, 1, 1));
        assert_eq!((date(day(-4713, 11, 24)), day(-4713, 11, 24)), ((-4713, 11, 24), -2_451_545));
    }
}
