//! What every round took, and the ratios of it.

use super::Measure;
use offshoot_benches::harness::median;
use std::collections::BTreeMap;

/// A goal: what it says, of which step to which, of what of them, and whether the ratio is to be below or above.
pub type Goal = (&'static str, &'static str, &'static str, fn(&Measure) -> f64, Bound);

pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// What every round took, by step.
#[derive(Default)]
pub struct Results(BTreeMap<&'static str, Vec<Measure>>);

impl Results {
    pub fn add(&mut self, step: &'static str, measure: Measure) {
        self.0.entry(step).or_default().push(measure);
    }

    pub fn print(&self, steps: &[&'static str], goals: &[Goal], others: &[Goal]) {
        println!("| step | seconds (median) | client CPU s | memory MiB | output MB |\n|---|---|---|---|---|");
        for name in steps {
            let Some(measures) = self.0.get(name) else {
                println!("| {name} | not installed | | | |");
                continue;
            };
            let of = |pick: fn(&Measure) -> f64| median(&measures.iter().map(pick).collect::<Vec<_>>());
            let (seconds, cpu) = (of(Measure::seconds), of(Measure::cpu));
            println!("| {name} | {seconds:.2} | {cpu:.2} | {:.0} | {:.0} |", of(Measure::memory), of(Measure::output));
        }
        println!("\n| goal | ratio (median of rounds) | each round | reached |\n|---|---|---|---|");
        goals.iter().for_each(|goal| self.print_goal(goal, true));
        let most = self.0.iter().filter(|(name, _)| name.starts_with("offshoot"));
        let most = most.flat_map(|(_, measures)| measures).map(Measure::memory).fold(0.0, f64::max);
        println!("| memory of captures and restores, MiB: at most 512 | {most:.0} | | {} |", yes(most <= 512.0));
        others.iter().for_each(|goal| self.print_goal(goal, false));
    }

    fn print_goal(&self, (what, one, other, pick, bound): &Goal, is_goal: bool) {
        let (Some(ones), Some(others)) = (self.0.get(one), self.0.get(other)) else { return };
        let ratios: Vec<f64> = ones.iter().zip(others).map(|(one, other)| pick(one) / pick(other)).collect();
        let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        let ratio = median(&ratios);
        let (wanted, is_reached) = match bound {
            Bound::AtMost(most) => (format!("at most {most}"), ratio <= *most),
            Bound::AtLeast(least) => (format!("at least {least}"), ratio >= *least),
        };
        let (wanted, reached) = if is_goal { (format!(": {wanted}"), yes(is_reached)) } else { (String::new(), "") };
        println!("| {what}{wanted} | {ratio:.2} | {} | {reached} |", each.join(", "));
    }
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}
