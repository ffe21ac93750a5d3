//! The figures of the detection on real databases, printed. Called by `cargo xtask detect`; with `--columns`, every finding.

use offshoot_testkit::postgres::shared;
use offshoot_testkit::real_data::real_data;
use offshoot_tests::detection::{Figures, SETS, compare, scan_set};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = real_data() else { return ExitCode::SUCCESS };
    let shows_columns = std::env::args().any(|argument| argument == "--columns");
    let mut all = Figures::default();
    for set in SETS {
        let Some(report) = scan_set(&folder, shared(), set) else { continue };
        if shows_columns {
            for column in &report.columns {
                let what = column.personal.unwrap_or("-");
                let rule = column.rule.as_deref().unwrap_or("?");
                println!(
                    "  {set} {}.{} {what} {:.2} {} {}",
                    column.table, column.column, column.confidence, rule, column.evidence
                );
            }
        }
        let figures = compare(set, &report);
        println!("{set}: {figures}");
        figures.missed.iter().for_each(|missed| println!("  missed {missed}"));
        figures.alarms.iter().for_each(|alarm| println!("  alarm {alarm}"));
        all.add(&figures);
    }
    println!("all sets: {all}");
    ExitCode::SUCCESS
}
