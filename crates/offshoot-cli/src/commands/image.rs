//! `offshoot image`: data directories of snapshots, made once and cloned for every branch.

use super::Outcome;
use crate::context::{BranchWish, Context};
use crate::output::Report;
use crate::render::table::{Align, Table};
use clap::{Args, Subcommand};
use offshoot::ImageRecord;
use offshoot::amounts::{bytes, count, counted, millis, moment, span};
use serde_json::{Value, json};

/// Make, list and remove images
#[derive(Debug, Args)]
pub struct Image {
    #[command(subcommand)]
    command: ImageCommand,
}

#[derive(Debug, Subcommand)]
enum ImageCommand {
    /// Make the image of a snapshot, so that its first branch need not wait for it
    Build(Build),
    /// List images
    List,
    /// Remove images that no branch came from and that are not of a ref's newest snapshot
    Gc(Gc),
}

#[derive(Debug, Args)]
struct Build {
    /// The snapshot [default: `from` in offshoot.toml, else the only ref]
    #[arg(value_name = "SNAPSHOT")]
    snapshot: Option<String>,
    /// Take a raw snapshot as it is, personal data included
    #[arg(long)]
    raw: bool,
}

#[derive(Debug, Args)]
struct Gc {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Image {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        match &self.command {
            ImageCommand::Build(build) => build.run(context),
            ImageCommand::List => list(context),
            ImageCommand::Gc(gc) => gc.run(context),
        }
    }
}

impl Build {
    fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let from = context.from(&store, self.snapshot.as_deref())?;
        let branches = context.branches_of(&store, BranchWish { raw: self.raw, ..BranchWish::default() })?;
        let making = branches.build_image(&from, &context.control())?;
        let record = making.image.record();
        let how = match making.took {
            Some(took) => format!("made in {}", span(millis(took))),
            None => "there already".to_owned(),
        };
        let size = format!("{} in {}", bytes(record.bytes), counted(record.files, "file"));
        let text = format!("image {} of {from}: {how}, {size}\n", record.key);
        let mut json = in_json(record);
        json["made"] = json!(making.took.is_some());
        Ok(Report::done(text, json))
    }
}

fn list(context: &Context) -> Outcome {
    let images = context.branches(true)?.images()?;
    let mut table = Table::new(&[
        ("IMAGE", Align::Left),
        ("SNAPSHOT", Align::Left),
        ("SERVER", Align::Left),
        ("ROWS", Align::Right),
        ("SIZE", Align::Right),
        ("MADE", Align::Left),
    ]);
    for image in &images {
        table.push([
            image.key.get(..12).unwrap_or(&image.key).to_owned(),
            image.snapshot.get(..12).unwrap_or(&image.snapshot).to_owned(),
            format!("{} {}", image.build.engine, image.build.version),
            count(image.rows),
            bytes(image.bytes),
            moment(image.made_unix_ms),
        ]);
    }
    let json = json!({ "images": images.iter().map(in_json).collect::<Vec<_>>() });
    Ok(Report::done(table.render(context.style), json))
}

impl Gc {
    fn run(&self, context: &Context) -> Outcome {
        let branches = context.branches(true)?;
        let plan = branches.plan_image_gc()?;
        let removes: Vec<&str> = plan.removes().iter().map(|image| image.record().key.as_str()).collect();
        let mut json = json!({ "removes": removes, "kept": plan.kept(), "dry_run": self.dry_run });
        if self.dry_run {
            return Ok(Report::done(format!("{plan}dry run: nothing was changed\n"), json));
        }
        let removed = branches.apply_image_gc(&plan)?;
        json["removed"] = json!(removed);
        Ok(Report::done(format!("removed {}\n", counted(removed as u64, "image")), json))
    }
}

fn in_json(image: &ImageRecord) -> Value {
    json!({
        "key": image.key,
        "snapshot": image.snapshot,
        "content_root": image.content_root,
        "raw": image.is_raw,
        "server": { "engine": image.build.engine, "version": image.build.version, "programs": image.build.programs },
        "rows": image.rows,
        "bytes": image.bytes,
        "files": image.files,
        "made_unix_ms": image.made_unix_ms,
        "millis": image.millis,
        "neutralized": image.neutralized,
        "losses": image.losses,
        "warnings": image.warnings,
    })
}
