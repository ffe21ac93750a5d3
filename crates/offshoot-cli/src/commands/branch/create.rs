//! `offshoot branch create`: make a branch, and print how to get in.

use super::Making;
use crate::checkout::access;
use crate::commands::Outcome;
use crate::context::{BranchWish, Context};
use crate::output::{Report, note, warn};
use crate::{parity, values};
use clap::Args;
use offshoot::amounts::{counted, millis, span};
use offshoot::{Branches, CreateOptions, CreatedBranch, Neutralized, Store};
use offshoot_project::env::shell;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// Make a branch and print its URL
#[derive(Debug, Args)]
pub struct Create {
    /// The branch: any name
    #[arg(value_name = "NAME")]
    name: String,
    /// The snapshot [default: `from` in offshoot.toml, else the only ref]
    #[arg(long, value_name = "SNAPSHOT")]
    from: Option<String>,
    /// How long it is kept: 8h, 7d [default: `ttl` in offshoot.toml, else until it is deleted]
    #[arg(long, value_name = "D", value_parser = values::duration)]
    ttl: Option<Duration>,
    /// Print variables for a shell: eval "$(offshoot branch create NAME --env)"
    #[arg(long)]
    env: bool,
    /// Take a raw snapshot as it is, personal data included
    #[arg(long)]
    raw: bool,
    /// Refuse a branch that differs from where its snapshot was taken
    #[arg(long)]
    strict: bool,
    /// Put the server into a network of its own: it reaches nobody, and is reached by its socket
    #[arg(long)]
    isolate_network: bool,
}

impl Create {
    /// Runs the command. What a shell evaluates of one that fails fails as well, and leaves no variable that leads elsewhere.
    pub fn run(&self, context: &Context) -> Outcome {
        let outcome = self.make(context);
        if self.env && !context.globals.json && outcome.is_err() {
            // A reader that went away needs no word.
            let _ = std::io::stdout().write_all(shell::nothing().as_bytes());
        }
        outcome
    }

    fn make(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let from = context.from(&store, self.from.as_deref())?;
        let wish = BranchWish { raw: self.raw, isolated: self.isolate_network, strict: self.strict, finishes: false };
        let branches = context.branches_of(&store, wish)?;
        let control = context.control();
        let options = CreateOptions { ttl: context.ttl(self.ttl)?, is_owned: false };
        let making = Making {
            name: &self.name,
            from: &from,
            options: &options,
            is_strict: self.strict,
            before_ready: &|_| Ok(()),
        };
        let made = making.run(context, &branches, &control)?;
        if !context.globals.quiet {
            describe("ready", &self.name, &made, &branches);
            if let Some(ttl) = options.ttl {
                note(&kept_for(ttl, &store, &context.home()?));
            }
        }
        super::begin_tending(context)?;
        let text = if self.env {
            shell::exports(&access(&self.name, &made.access))
        } else {
            format!("{}\n", made.access.url.expose())
        };
        Ok(Report::done(text, in_json(&self.name, &made)))
    }
}

/// What a branch is that has no server of its own, in place of how files are cloned.
const HOSTED: &str = "a database of a server that branches share, cloned in it by file_copy_method = clone: it takes no room until it \
                      is written and no memory of its own, and shares roles, settings and the server's fate";

/// How long a branch is kept, and the line for cron that sees to it where no command does.
fn kept_for(ttl: Duration, store: &Store, home: &Path) -> String {
    let span = span(millis(ttl));
    let program = std::env::current_exe().unwrap_or_else(|_| "offshoot".into());
    let quoted = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        // To cron, a percent sign ends the line.
        shell::quoted(&path.to_string_lossy()).replace('%', "\\%")
    };
    let (program, store, home) = (quoted(&program), quoted(Path::new(&store.place())), quoted(home));
    format!(
        "kept for {span}: then the next command deletes it, or cron does by \
         */10 * * * * OFFSHOOT_HOME={home} {program} --quiet --store {store} branch list >/dev/null"
    )
}

/// A line that is said of a branch.
pub struct Told {
    pub text: String,
    pub is_warning: bool,
}

/// Says on stderr how a branch was made, at what cost, and what was switched off in it.
pub fn describe(word: &str, name: &str, made: &CreatedBranch, branches: &Branches) {
    say(&description(word, name, made, branches));
}

/// Says lines on stderr.
pub fn say(lines: &[Told]) {
    for told in lines {
        if told.is_warning { warn(&told.text) } else { note(&told.text) }
    }
}

/// The same as lines.
pub fn description(word: &str, name: &str, made: &CreatedBranch, branches: &Branches) -> Vec<Told> {
    let spent = |took: Duration| span(millis(took));
    let image = made.image_took.map(|took| format!(", after making its image in {}", spent(took)));
    let mut notes =
        vec![format!("{name} is {word} in {} ({}){}", spent(made.took), made.method, image.unwrap_or_default())];
    let mut warnings = Vec::new();
    match branches.ladder() {
        _ if made.method == "database" => notes.push(HOSTED.to_owned()),
        Ok(ladder) => notes.push(ladder.why),
        Err(error) => warnings.push(error.to_string()),
    }
    notes.extend(parity::of_build(&made.environment, &made.image.build));
    notes.extend(switched_off(&made.image.neutralized));
    let left = made.image.neutralized.iter().filter(|found| found.outcome == offshoot::Outcome::Warning);
    warnings.extend(left.map(|found| format!("not switched off ({}): {}", found.item, thing(found))));
    warnings.extend(made.image.losses.iter().map(|lost| format!("left out: {}: {}", lost.object, lost.reason)));
    warnings.extend(made.image.warnings.iter().cloned());
    let told = |is_warning| move |text| Told { text, is_warning };
    notes.into_iter().map(told(false)).chain(warnings.into_iter().map(told(true))).collect()
}

/// A line an item: what was switched off, and how much of it; then what acts as before because the user wants it so.
fn switched_off(neutralized: &[Neutralized]) -> Vec<String> {
    let mut items: BTreeMap<(offshoot::Outcome, &str), Vec<&Neutralized>> = BTreeMap::new();
    for found in neutralized.iter().filter(|found| found.outcome != offshoot::Outcome::Warning) {
        items.entry((found.outcome, &found.item)).or_default().push(found);
    }
    let line = |((outcome, item), found): ((offshoot::Outcome, &str), Vec<&Neutralized>)| {
        let shown: Vec<String> = found.iter().take(3).map(|one| thing(one)).collect();
        let more = found.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {} more", counted(more as u64, "object")) } else { String::new() };
        let word = if outcome == offshoot::Outcome::Done { "switched off" } else { "left on" };
        format!("{word} ({item}): {}{more}", shown.join(", "))
    };
    items.into_iter().map(line).collect()
}

fn thing(found: &Neutralized) -> String {
    let rows = found.count.map_or_else(String::new, |count| format!(" ({count})"));
    format!("{}: {}{rows}", found.object, found.what)
}

/// For programs.
pub fn in_json(name: &str, made: &CreatedBranch) -> Value {
    let millis = |took: Duration| took.as_secs_f64() * 1000.0;
    let steps = made.steps.iter().map(|(step, took)| json!({ "step": step, "ms": millis(*took) }));
    json!({
        "name": name,
        "url": made.access.url.expose(),
        "env": made.access.variables.iter().map(|(name, value)| (name.clone(), json!(value.expose()))).collect::<serde_json::Map<_, _>>(),
        "ready_ms": millis(made.took),
        "image_ms": made.image_took.map(millis),
        "method": made.method,
        "snapshot": made.snapshot,
        "image": made.image.key,
        "steps": steps.collect::<Vec<_>>(),
        "neutralized": made.image.neutralized,
        "losses": made.image.losses,
        "warnings": made.image.warnings,
    })
}
