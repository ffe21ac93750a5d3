//! The plots of the page: bars before beside bars after, as SVG without a script.
//!
//! Colours and fonts are those of the page's style sheet, so that plots follow light, dark and print.

use std::fmt::Write as _;

use super::LengthBucket;
use super::html::{escape, grouped};

const WIDTH: f64 = 320.0;
/// Rows of a plot; the rest is summed up in one more.
const ROWS_MAX: usize = 10;
const LABEL_CHARS_MAX: usize = 22;

/// A count before and after.
pub(super) struct Pair {
    pub(super) label: String,
    pub(super) before: u64,
    pub(super) after: u64,
}

/// Horizontal bars, a pair a row.
pub(super) fn pairs(title: &str, mut rows: Vec<Pair>, out: &mut String) {
    if rows.len() > ROWS_MAX {
        let rest = rows.split_off(ROWS_MAX);
        let sum = |count: fn(&Pair) -> u64| rest.iter().map(count).sum();
        let label = format!("{} others", rest.len());
        rows.push(Pair { label, before: sum(|pair| pair.before), after: sum(|pair| pair.after) });
    }
    let most = rows.iter().flat_map(|row| [row.before, row.after]).max().unwrap_or(0).max(1) as f64;
    let (row_height, label_width, value_width) = (40.0, 128.0, 62.0);
    let bars_width = WIDTH - label_width - value_width;
    open(title, row_height * rows.len().max(1) as f64 + 4.0, out);
    for (at, row) in rows.iter().enumerate() {
        let y = row_height * at as f64 + 2.0;
        let short: String = row.label.chars().take(LABEL_CHARS_MAX).collect();
        let cut = if short.len() < row.label.len() { "…" } else { "" };
        let _ = write!(
            out,
            "<g><title>{0}: {1} before, {2} after</title><text class=\"label\" x=\"{3}\" y=\"{4}\">{5}{cut}</text>",
            escape(&row.label),
            grouped(row.before),
            grouped(row.after),
            label_width - 8.0,
            y + 21.0,
            escape(&short),
        );
        for (class, count, top) in [("before", row.before, y + 3.0), ("after", row.after, y + 19.0)] {
            let width = bar(count, most, bars_width);
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{label_width}\" y=\"{top}\" width=\"{width:.1}\" height=\"14\"/>\
                 <text class=\"value\" x=\"{:.1}\" y=\"{}\">{}</text>",
                label_width + width + 4.0,
                top + 11.0,
                short_count(count),
            );
        }
        out.push_str("</g>");
    }
    out.push_str("</svg></figure>\n");
}

/// Vertical bars, a pair a bucket.
pub(super) fn lengths(title: &str, before: &[LengthBucket], after: &[LengthBucket], out: &mut String) {
    let mut buckets: Vec<(u64, u64)> = before.iter().chain(after).map(|bucket| (bucket.from, bucket.to)).collect();
    buckets.sort_unstable();
    buckets.dedup();
    let count = |side: &[LengthBucket], from: u64| {
        side.iter().find(|bucket| bucket.from == from).map_or(0, |bucket| bucket.count)
    };
    let most = before.iter().chain(after).map(|bucket| bucket.count).max().unwrap_or(0).max(1) as f64;
    let (height, floor) = (120.0, 140.0);
    let slot = (WIDTH - 8.0) / buckets.len().max(6) as f64;
    let bar_width = slot * 0.42;
    open(title, floor + 22.0, out);
    let every = buckets.len().div_ceil(8).max(1);
    for (at, (from, to)) in buckets.iter().enumerate() {
        let x = 4.0 + slot * at as f64;
        let (old, new) = (count(before, *from), count(after, *from));
        let range = if from == to { from.to_string() } else { format!("{from}–{to}") };
        let _ = write!(out, "<g><title>{range}: {} before, {} after</title>", grouped(old), grouped(new));
        for (class, count, left) in [("before", old, x + slot * 0.06), ("after", new, x + slot * 0.52)] {
            let tall = bar(count, most, height);
            let top = floor - tall;
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{bar_width:.1}\" height=\"{tall:.1}\"/>"
            );
        }
        if at % every == 0 {
            let _ =
                write!(out, "<text class=\"tick\" x=\"{:.1}\" y=\"{}\">{from}</text>", x + slot / 2.0, floor + 15.0);
        }
        out.push_str("</g>");
    }
    let _ = write!(out, "<line class=\"axis\" x1=\"4\" y1=\"{floor}\" x2=\"{}\" y2=\"{floor}\"/>", WIDTH - 4.0);
    let _ = write!(out, "<text class=\"value\" x=\"4\" y=\"13\">{}</text>", short_count(most as u64));
    out.push_str("</svg></figure>\n");
}

fn open(title: &str, height: f64, out: &mut String) {
    let _ = write!(
        out,
        "<figure><figcaption>{0}</figcaption><svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {WIDTH} {height:.0}\" aria-label=\"{0}\">",
        escape(title)
    );
}

/// The length of a bar; one that stands for something is seen.
fn bar(count: u64, most: f64, length: f64) -> f64 {
    if count == 0 { 0.0 } else { (count as f64 / most * length).max(1.5) }
}

/// `1234` as `1.2k`: values stand beside narrow bars.
fn short_count(count: u64) -> String {
    let (unit, divisor) = match count {
        0..10_000 => return grouped(count),
        10_000..1_000_000 => ("k", 1e3),
        1_000_000..1_000_000_000 => ("M", 1e6),
        _ => ("G", 1e9),
    };
    format!("{:.1}{unit}", count as f64 / divisor)
}
