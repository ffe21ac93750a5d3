//! `offshoot pool`: a file system with reflinks in a file, for machines whose own has none.

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, warn};
use crate::{surroundings, values};
use clap::{Args, Subcommand};
use offshoot::amounts::{bytes, counted};
use offshoot::pool::{self, CreateOptions, Plan, Rights, State, Status};
use offshoot::{Error, ErrorKind};
use serde_json::{Value, json};

/// Room of what was deleted in a pool that is worth a line.
const TRIM_BYTES_MIN: u64 = 1 << 30;

/// Make, look at and remove the pool that images and branches are in
#[derive(Debug, Args)]
pub struct Pool {
    #[command(subcommand)]
    command: PoolCommand,
}

#[derive(Debug, Subcommand)]
enum PoolCommand {
    /// Say whether there is a pool, whether it is mounted, and how full it is
    Status,
    /// Make a pool, mount it after a reboot, or enlarge it. Asks for root, by sudo
    Create(Create),
    /// Remove the pool, with its images, if no branch is in it. Asks for root, by sudo
    Destroy(Destroy),
}

#[derive(Debug, Args)]
struct Create {
    /// How large it may grow: 50G. It occupies what is written only [default: as large as it is]
    #[arg(long, value_name = "SIZE", value_parser = values::size_bytes)]
    size: Option<u64>,
    /// Every user of this machine may have images and branches in it, each in a folder that no other sees
    #[arg(long)]
    shared: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Destroy {
    /// Even if it is not mounted, so that nobody can see what is in it
    #[arg(long)]
    unmounted: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Pool {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        match &self.command {
            PoolCommand::Status => status(context),
            PoolCommand::Create(create) => create.run(context),
            PoolCommand::Destroy(destroy) => destroy.run(context),
        }
    }
}

fn status(context: &Context) -> Outcome {
    let status = pool::of_home(&context.home()?)?.status().map_err(Error::from)?;
    if let Some(why) = status.why_full() {
        warn(&why.to_string());
    } else if status.overcommitted_bytes() > 0 {
        let missing = bytes(status.overcommitted_bytes());
        warn(&format!(
            "the pool may grow by {missing} more than its disk has: writing to it fails once that is reached"
        ));
    }
    Ok(Report::done(described(&status), in_json(&status)))
}

impl Create {
    fn run(&self, context: &Context) -> Outcome {
        let home = context.home()?;
        let pool = pool::of_home(&home)?;
        let has = pool.status().map_err(Error::from)?;
        let size = self.size.or((has.image_bytes > 0).then_some(has.image_bytes));
        let size =
            size.ok_or_else(|| Failure::new(ErrorKind::Usage, "how large may the pool grow?", "say --size 50G"))?;
        let outside = pool::branches_outside(&home)?;
        if has.state == State::Absent && !outside.is_empty() {
            let message = format!("{} beside the pool would be out of sight", counted(outside.len() as u64, "branch"));
            return Err(Failure::new(ErrorKind::Refused, message, "delete them first: `offshoot branch delete`"));
        }
        let options = CreateOptions { bytes: size, owner: surroundings::pool_owner(), shared: self.shared };
        let plan = pool.plan_create(&options).map_err(Error::from)?;
        if self.dry_run {
            return Ok(dry_run(&plan));
        }
        let status = pool.create(&options, Rights::find()).map_err(Error::from)?;
        let boot = format!("for it to be mounted at boot, add this line to /etc/fstab:\n  {}\n", status.fstab_line);
        Ok(Report::done(format!("{}{boot}", described(&status)), in_json(&status)))
    }
}

impl Destroy {
    fn run(&self, context: &Context) -> Outcome {
        let pool = pool::of_home(&context.home()?)?;
        if !self.dry_run && pool.status().map_err(Error::from)?.state == State::Mounted {
            pool::remove_images(&pool)?;
        }
        let plan = pool.plan_destroy(self.unmounted).map_err(Error::from)?;
        if self.dry_run {
            return Ok(dry_run(&plan));
        }
        pool.destroy(self.unmounted, Rights::find()).map_err(Error::from)?;
        let text = if plan.is_empty() { "there is no pool\n" } else { "the pool is removed\n" };
        Ok(Report::done(text, json!({ "removed": !plan.is_empty() })))
    }
}

fn dry_run(plan: &Plan) -> Report {
    let lines: Vec<String> = plan
        .steps()
        .iter()
        .zip(plan.commands())
        .map(|(step, command)| format!("{command}  # {}\n", step.why))
        .collect();
    let text = if lines.is_empty() { "nothing is to be done\n".to_owned() } else { lines.concat() };
    Report::done(
        format!("{text}dry run: nothing was changed\n"),
        json!({ "commands": plan.commands(), "dry_run": true }),
    )
}

fn described(status: &Status) -> String {
    let place = status.mount.display();
    let file = format!(
        "its file {} occupies {} and may grow to {}; {} are left on its disk\n",
        status.image.display(),
        bytes(status.image_allocated_bytes),
        bytes(status.image_bytes),
        bytes(status.host_free_bytes)
    );
    let reclaimable = status.reclaimable_bytes();
    let trim = match reclaimable >= TRIM_BYTES_MIN {
        true => format!(
            "{} of that are of what was deleted; `{}` gives them back\n",
            bytes(reclaimable),
            status.trim_command
        ),
        false => String::new(),
    };
    match status.state {
        State::Absent => "there is no pool here; `offshoot pool create --size 50G` makes one\n".to_owned(),
        State::Unmounted => format!("the pool at {place} is not mounted: {}\n{file}", status.mount_command),
        State::Mounted => {
            let of = status.free_bytes.zip(status.total_bytes);
            let room = of.map(|(free, total)| format!(", {} of {} free", bytes(free), bytes(total)));
            format!("the pool is mounted at {place}{}\n{file}{trim}", room.unwrap_or_default())
        }
        _ => format!("the pool at {place} is half made or half removed: create or destroy it once more\n{file}"),
    }
}

fn in_json(status: &Status) -> Value {
    let state = match status.state {
        State::Absent => "absent",
        State::Unmounted => "unmounted",
        State::Mounted => "mounted",
        _ => "half",
    };
    json!({
        "state": state,
        "mount": status.mount,
        "image": status.image,
        "image_bytes": status.image_bytes,
        "image_allocated_bytes": status.image_allocated_bytes,
        "host_free_bytes": status.host_free_bytes,
        "total_bytes": status.total_bytes,
        "free_bytes": status.free_bytes,
        "reclaimable_bytes": status.reclaimable_bytes(),
        "trim_command": status.trim_command,
        "mount_command": status.mount_command,
        "fstab_line": status.fstab_line,
    })
}
