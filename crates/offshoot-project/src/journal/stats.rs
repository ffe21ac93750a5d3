//! What a journal adds up to: how long branches took, by method, and how much time was spent waiting, by week.
//!
//! Pure functions over records. A percentile is the nearest-rank one: the smallest of the values that at least so many
//! percent of them do not exceed. Weeks are those of ISO 8601, in UTC; waiting counts in the week in which it ended.

use super::{Event, Record};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What a journal adds up to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// All branches that became ready.
    pub all: Option<Times>,
    /// The same by method; methods that were not used are left out.
    pub methods: BTreeMap<String, Times>,
    /// Resets.
    pub resets: Option<Times>,
    /// The weeks in which somebody waited, oldest first.
    pub weeks: Vec<Week>,
}

/// How long something took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Times {
    /// How often it happened.
    pub count: usize,
    /// Half of them took at most this.
    pub p50_ms: u64,
    /// Nine of ten took at most this.
    pub p90_ms: u64,
    /// All but one of a hundred took at most this.
    pub p99_ms: u64,
}

/// A week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Week {
    /// Its name: `2026-W48`.
    pub week: String,
    /// Branches that became ready.
    pub branches: usize,
    /// Resets.
    pub resets: usize,
    /// What failed.
    pub failures: usize,
    /// The time that was spent waiting for all of these, in milliseconds.
    pub waited_ms: u64,
}

impl Stats {
    /// Over these records.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let ready = |record: &Record| match &record.event {
            Event::Ready(made) => Some((made.method.clone(), made.waited_ms)),
            _ => None,
        };
        let reset = |record: &Record| match &record.event {
            Event::Reset(made) => Some(made.waited_ms),
            _ => None,
        };
        let mut by_method: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (method, waited_ms) in records.iter().filter_map(ready) {
            by_method.entry(method).or_default().push(waited_ms);
        }
        let all = by_method.values().flatten().copied().collect();
        let methods = by_method.into_iter().filter_map(|(method, times)| Some((method, Times::of(times)?)));
        Self {
            all: Times::of(all),
            methods: methods.collect(),
            resets: Times::of(records.iter().filter_map(reset).collect()),
            weeks: weeks(records),
        }
    }
}

impl Times {
    /// Over these times, in milliseconds; none where there are none.
    #[must_use]
    pub fn of(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        let rank = |percent: usize| times.get((times.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Self { count: times.len(), p50_ms: rank(50)?, p90_ms: rank(90)?, p99_ms: rank(99)? })
    }
}

fn weeks(records: &[Record]) -> Vec<Week> {
    let mut weeks: BTreeMap<(i16, i8), Week> = BTreeMap::new();
    for record in records {
        let (Some(waited_ms), Some((year, number))) = (record.event.waited_ms(), iso_week(record.at_unix_ms)) else {
            continue;
        };
        let week = weeks.entry((year, number)).or_insert_with(|| Week {
            week: format!("{year}-W{number:02}"),
            branches: 0,
            resets: 0,
            failures: 0,
            waited_ms: 0,
        });
        match record.event {
            Event::Ready(_) => week.branches += 1,
            Event::Reset(_) => week.resets += 1,
            _ => week.failures += 1,
        }
        week.waited_ms = week.waited_ms.saturating_add(waited_ms);
    }
    weeks.into_values().collect()
}

/// Year and number of the ISO week of an instant; none for one that no calendar knows.
fn iso_week(unix_ms: u64) -> Option<(i16, i8)> {
    let instant = Timestamp::from_millisecond(i64::try_from(unix_ms).ok()?).ok()?;
    let week = Offset::UTC.to_datetime(instant).date().iso_week_date();
    Some((week.year(), week.week()))
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(all) = self.all else { return writeln!(f, "no branch has been made yet") };
        writeln!(f, "{:<14}{:>8}{:>12}{:>12}{:>12}", "time to branch", "count", "p50", "p90", "p99")?;
        let methods = self.methods.iter().map(|(method, times)| (method.as_str(), times));
        let resets = self.resets.iter().map(|times| ("reset", times));
        for (name, times) in methods.chain([("all branches", &all)]).chain(resets) {
            let [p50, p90, p99] = [times.p50_ms, times.p90_ms, times.p99_ms].map(duration);
            writeln!(f, "{name:<14}{:>8}{p50:>12}{p90:>12}{p99:>12}", times.count)?;
        }
        writeln!(f, "\n{:<14}{:>8}{:>12}{:>12}{:>12}", "week", "branches", "resets", "failed", "waited")?;
        for week in &self.weeks {
            let waited = duration(week.waited_ms);
            let Week { week, branches, resets, failures, .. } = week;
            writeln!(f, "{week:<14}{branches:>8}{resets:>12}{failures:>12}{waited:>12}")?;
        }
        Ok(())
    }
}

/// A duration as it is read at a glance.
fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{seconds}.{} s", ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IMAGE_BUILD, Made};
    use super::*;
    use proptest::prelude::*;

    fn made(method: &str, waited_ms: u64) -> Made {
        Made { snapshot: "s".to_owned(), method: method.to_owned(), waited_ms, steps: Vec::new() }
    }

    fn record(at_unix_ms: u64, event: Event) -> Record {
        Record { at_unix_ms, branch: "b".to_owned(), event }
    }

    #[test]
    fn percentiles_by_nearest_rank() {
        assert_eq!(Times::of(Vec::new()), None);
        let times =
            |values: &[u64]| Times::of(values.to_vec()).map(|t| (t.count, t.p50_ms, t.p90_ms, t.p99_ms)).unwrap();
        assert_eq!(times(&[7]), (1, 7, 7, 7));
        assert_eq!(times(&[50, 15, 40, 20, 35]), (5, 35, 50, 50));
        assert_eq!(times(&(1..=200).collect::<Vec<_>>()), (200, 100, 180, 198));
    }

    #[test]
    fn iso_weeks_at_the_turn_of_years() {
        // 2020-12-31, 2021-01-03 and 2021-01-04: the year of a week is that of its Thursday.
        for (unix_s, week) in [(1_609_372_800, (2020, 53)), (1_609_718_399, (2020, 53)), (1_609_718_400, (2021, 1))] {
            assert_eq!(iso_week(unix_s * 1000), Some(week));
        }
        assert_eq!(iso_week(u64::MAX), None);
    }

    #[test]
    fn what_a_team_reads() {
        let week = 7 * 24 * 3_600_000;
        let at = 1_795_700_000_000;
        let records = [
            record(at - week, Event::Asked { from: Some("prod".to_owned()) }),
            record(at - week, Event::Ready(made(IMAGE_BUILD, 4_000_000))),
            record(at - week, Event::Failed { waited_ms: 61_000 }),
            record(at, Event::Ready(made("reflink", 240))),
            record(at, Event::Ready(made("spare", 30))),
            record(at, Event::Reset(made("spare", 1_250))),
            record(at, Event::Deleted),
        ];
        let expected = "\
time to branch   count         p50         p90         p99
image build          1   1 h 6 min   1 h 6 min   1 h 6 min
reflink              1      240 ms      240 ms      240 ms
spare                1       30 ms       30 ms       30 ms
all branches         3      240 ms   1 h 6 min   1 h 6 min
reset                1       1.2 s       1.2 s       1.2 s

week          branches      resets      failed      waited
2026-W47             1           0           1   1 h 7 min
2026-W48             2           1           0       1.5 s
";
        assert_eq!(Stats::of(&records).to_string(), expected);
        assert_eq!(Stats::of(&[]).to_string(), "no branch has been made yet\n");
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let method = prop::sample::select(vec!["spare", "reflink", IMAGE_BUILD]);
        let event = (0..5_u8, method, 0..10_000_000_u64).prop_map(|(kind, method, waited_ms)| match kind {
            0 => Event::Ready(made(method, waited_ms)),
            1 => Event::Reset(made(method, waited_ms)),
            2 => Event::Failed { waited_ms },
            3 => Event::Asked { from: None },
            _ => Event::Deleted,
        });
        (0..4_000_000_000_000_u64, event).prop_map(|(at, event)| record(at, event))
    }

    proptest! {
        #[test]
        fn nothing_is_counted_twice_or_lost(records in prop::collection::vec(any_record(), 0..80)) {
            let stats = Stats::of(&records);
            let waited: u64 = records.iter().filter_map(|record| record.event.waited_ms()).sum();
            prop_assert_eq!(stats.weeks.iter().map(|week| week.waited_ms).sum::<u64>(), waited);
            let count = stats.all.map_or(0, |times| times.count);
            prop_assert_eq!(stats.methods.values().map(|times| times.count).sum::<usize>(), count);
            prop_assert_eq!(stats.weeks.iter().map(|week| week.branches).sum::<usize>(), count);
            prop_assert!(stats.weeks.is_sorted_by(|a, b| a.week < b.week));
            let mut turned = records.clone();
            turned.reverse();
            prop_assert_eq!(Stats::of(&turned), stats);
        }

        #[test]
        fn a_percentile_is_one_of_the_values_and_covers_its_share(times in prop::collection::vec(0..1000_u64, 1..300)) {
            let found = Times::of(times.clone()).unwrap();
            for (percent, value) in [(50, found.p50_ms), (90, found.p90_ms), (99, found.p99_ms)] {
                let at_most = times.iter().filter(|time| **time <= value).count();
                let less = times.iter().filter(|time| **time < value).count();
                prop_assert!(times.contains(&value));
                prop_assert!(at_most * 100 >= times.len() * percent && less * 100 < times.len() * percent);
            }
        }
    }
}
