//! The receipt as one page: no network, no script, readable on a phone, in the dark and on paper.
//!
//! Every text is escaped. The page is well-formed as XML too, so that a strict parser can check it.

use std::fmt::Write as _;

use super::plot::{Pair, lengths, pairs};
use super::{Assurance, ColumnReceipt, How, Receipt, SMALL_CLASS, ShapeSummary, TableReceipt};

const STYLE: &str = include_str!("page.css");

/// The page of a receipt. Whether its signature is right is for the caller to check, and to say.
#[must_use]
pub fn html(receipt: &Receipt) -> String {
    let mut out = String::with_capacity(64 << 10);
    let root: String = receipt.content_root.chars().take(12).collect();
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\
         <title>Receipt of {}</title><style>{STYLE}</style></head>\n<body>\n<main>\n<h1>Receipt of a scrub</h1>\n",
        escape(&root)
    );
    verdict(receipt, &mut out);
    facts(receipt, &mut out);
    survivors(receipt, &mut out);
    out.push_str(
        "<p class=\"legend\"><span class=\"key before\"></span> before <span class=\"key after\"></span> after</p>\n",
    );
    for table in &receipt.tables {
        table_section(table, &mut out);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn verdict(receipt: &Receipt, out: &mut String) {
    let rewritten =
        receipt.tables.iter().flat_map(|table| &table.columns).filter(|column| column.rule != "keep").count();
    let breaches = receipt.breaches().len();
    let is_good = receipt.survivors.is_clean() && breaches == 0;
    let (class, text) = if is_good {
        ("good", "Nothing survived.".to_owned())
    } else {
        let survivors = &receipt.survivors;
        (
            "bad",
            format!(
                "{} places hold values that were to be rewritten, {breaches} constraints are broken.",
                survivors.findings.len() + survivors.unchanged.len()
            ),
        )
    };
    let _ = writeln!(
        out,
        "<p class=\"verdict {class}\"><strong>{}</strong> {} values of {} columns are others now.</p>",
        escape(&text),
        grouped(receipt.changed()),
        grouped(rewritten as u64)
    );
}

fn facts(receipt: &Receipt, out: &mut String) {
    out.push_str("<h2>What it is a receipt of</h2>\n<dl>");
    for (name, value) in [
        ("content root", &receipt.content_root),
        ("policy", &receipt.policy_digest),
        ("key", &receipt.key_fingerprint),
        ("tables of letters", &receipt.letters_digest),
        ("made by", &receipt.program),
    ] {
        let _ = write!(out, "<dt>{name}</dt><dd><code>{}</code></dd>", escape(value));
    }
    out.push_str("</dl>\n");
}

fn survivors(receipt: &Receipt, out: &mut String) {
    let (survivors, thresholds) = (&receipt.survivors, &receipt.thresholds);
    let _ = write!(
        out,
        "<h2>Survivors</h2>\n<p>{} cells of {} columns and {} texts of the schema were searched for {} values and parts of values \
         ({:.1} bytes of memory each); {} that many rows share were not looked for. Numbers count from {} digits on, texts from {} letters on; \
         a value is common in more than {} rows and one row of {}.</p>\n",
        grouped(survivors.cells),
        grouped(survivors.columns),
        grouped(survivors.objects),
        grouped(survivors.needles),
        survivors.bytes_a_needle(),
        grouped(survivors.common),
        thresholds.digits_min,
        thresholds.letters_min,
        thresholds.rare_rows,
        grouped(thresholds.rare_rows_of),
    );
    if !survivors.findings.is_empty() {
        let rows = survivors.findings.iter().map(|finding| {
            vec![finding.place.to_string(), finding.source.to_string(), grouped(finding.cells), finding.mend()]
        });
        rows_of(&["found in", "values of", "cells", "what mends it"], rows, out);
    }
    if !survivors.unchanged.is_empty() {
        let rows = survivors
            .unchanged
            .iter()
            .map(|column| vec![column.place.to_string(), column.rule.clone(), grouped(column.cells)]);
        rows_of(&["left as it was", "rule", "cells"], rows, out);
    }
    if !survivors.chance.is_empty() {
        let rows = survivors
            .chance
            .iter()
            .map(|hits| vec![hits.place.to_string(), grouped(hits.values), format!("{:.1}", hits.expected)]);
        rows_of(&["hit by chance", "values", "expected"], rows, out);
    }
    if !survivors.exempt.is_empty() {
        let rows = survivors.exempt.iter().map(|hits| {
            let from = match hits.exemption {
                crate::survivors::Exemption::Listed => "any value",
                _ => "its own domain",
            };
            vec![hits.place.to_string(), hits.rule.clone().unwrap_or_default(), from.to_owned(), grouped(hits.cells)]
        });
        rows_of(&["exempt", "rule", "from", "cells"], rows, out);
    }
}

fn table_section(table: &TableReceipt, out: &mut String) {
    let _ = write!(
        out,
        "<section>\n<h2>{}.{}</h2>\n<p>{} rows</p>\n",
        escape(&table.schema),
        escape(&table.name),
        grouped(table.rows)
    );
    let rows = table.columns.iter().map(|column| {
        vec![
            column.name.clone(),
            column.type_name.clone(),
            column.rule.clone(),
            column.domain.clone(),
            grouped(column.values),
            grouped(column.changed),
            grouped(column.nulls),
        ]
    });
    rows_of(&["column", "type", "rule", "domain", "values", "changed", "NULL"], rows, out);
    let reachable = || table.columns.iter().filter(|column| column.is_reachable);
    if reachable().next().is_some() {
        rows_of(&["reachable", "why"], reachable().map(|column| vec![column.name.clone(), REACHABLE.to_owned()]), out);
    }
    for (name, all) in [("unique", &table.unique), ("foreign key", &table.joins)] {
        if !all.is_empty() {
            rows_of(&[name, "holds"], all.iter().map(|one| vec![one.what.clone(), how(one)]), out);
        }
    }
    for column in &table.columns {
        if let (Some(before), Some(after)) = (&column.before, &column.after) {
            column_plots(column, before, after, out);
        }
    }
    out.push_str("</section>\n");
}

/// What is said of a column whose values may reach somebody.
pub(super) const REACHABLE: &str = "values may be numbers or addresses that somebody has: call and send nothing";

/// How an assurance is worded.
pub(super) fn how(assurance: &Assurance) -> String {
    match assurance.how {
        How::Kept => "columns were kept".to_owned(),
        How::Construction => "by construction".to_owned(),
        How::Counted { rows, breaches: 0 } => format!("{} rows counted", grouped(rows)),
        How::Counted { rows, breaches } => format!("broken by {} of {} rows", grouped(breaches), grouped(rows)),
    }
}

fn column_plots(column: &ColumnReceipt, before: &ShapeSummary, after: &ShapeSummary, out: &mut String) {
    let _ = write!(
        out,
        "<article>\n<h3>{} <span class=\"rule\">{}</span></h3>\n<div class=\"plots\">\n",
        escape(&column.name),
        escape(&column.rule)
    );
    lengths("length, in graphemes or digits", &before.lengths, &after.lengths, out);
    let both = |name: fn(&ShapeSummary) -> u64, label: &str| Pair {
        label: label.to_owned(),
        before: name(before),
        after: name(after),
    };
    let counts = vec![
        both(|side| side.values, "values"),
        both(|side| side.distinct, "distinct"),
        both(|side| side.nulls, "NULL"),
        both(|side| side.empty, "empty"),
    ];
    pairs("values", counts, out);
    pairs("scripts, by characters", by_name(&before.scripts, &after.scripts), out);
    pairs("formats", by_name(&before.formats, &after.formats), out);
    out.push_str("</div>\n");
    let estimate = if before.distinct_is_exact && after.distinct_is_exact {
        ""
    } else {
        " Distinct values are estimated, within some 2 %."
    };
    let sampled = if before.looked_at < before.values {
        format!(" Lengths, scripts and formats are those of {} values, scaled up.", grouped(before.looked_at))
    } else {
        String::new()
    };
    let _ = write!(
        out,
        "<p class=\"note\">{} values are the only ones of their shape, so that they stay; {} have fewer than {} others to hide among.{estimate}{sampled}</p>\n</article>\n",
        grouped(before.only_ones),
        grouped(before.small_class),
        grouped(SMALL_CLASS as u64),
    );
}

fn by_name(
    before: &std::collections::BTreeMap<String, u64>,
    after: &std::collections::BTreeMap<String, u64>,
) -> Vec<Pair> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let count = |side: &std::collections::BTreeMap<String, u64>, name: &String| side.get(name).copied().unwrap_or(0);
    let mut all: Vec<Pair> = names
        .into_iter()
        .map(|name| Pair { label: name.clone(), before: count(before, name), after: count(after, name) })
        .collect();
    all.sort_by_key(|pair| std::cmp::Reverse(pair.before.max(pair.after)));
    all
}

fn rows_of(head: &[&str], rows: impl Iterator<Item = Vec<String>>, out: &mut String) {
    out.push_str("<div class=\"wide\"><table><thead><tr>");
    for name in head {
        let _ = write!(out, "<th>{}</th>", escape(name));
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            let is_number =
                !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || matches!(c, '\u{202f}' | '.'));
            let class = if is_number { " class=\"number\"" } else { "" };
            let _ = write!(out, "<td{class}>{}</td>", escape(&cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

/// Text for a page: no sign of markup, and nothing that XML cannot hold.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Controls, and what would turn the direction of the text around it.
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
    out
}

/// A number with narrow blanks between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}
