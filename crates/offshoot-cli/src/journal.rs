//! The journal's lines, written where branches are made and deleted. A line that cannot be written stops nothing.

use crate::context::Context;
use crate::failure::Failure;
use crate::surroundings;
use offshoot::CreatedBranch;
use offshoot::amounts::millis;
use offshoot_project::journal::{Event, IMAGE_BUILD, Journal, Made, Record};
use std::time::{Instant, SystemTime};

/// The journal beside the images and branches.
pub fn of(context: &Context) -> Option<Journal> {
    let home = context.config().ok()?.home;
    Some(Journal::new(surroundings::branch_home(home.as_deref())))
}

/// Makes a branch, and writes down that it was asked for and what came of it.
pub fn making(
    context: &Context,
    name: &str,
    from: Option<&str>,
    make: impl FnOnce() -> Result<CreatedBranch, Failure>,
) -> Result<CreatedBranch, Failure> {
    write(context, name, Event::Asked { from: from.map(str::to_owned) });
    watching(context, name, Event::Ready, make)
}

/// Resets a branch, and writes down what came of it.
pub fn resetting(
    context: &Context,
    name: &str,
    reset: impl FnOnce() -> Result<CreatedBranch, Failure>,
) -> Result<CreatedBranch, Failure> {
    watching(context, name, Event::Reset, reset)
}

/// Writes down that a branch was deleted.
pub fn deleted(context: &Context, name: &str) {
    write(context, name, Event::Deleted);
}

fn watching(
    context: &Context,
    name: &str,
    event: impl FnOnce(Made) -> Event,
    work: impl FnOnce() -> Result<CreatedBranch, Failure>,
) -> Result<CreatedBranch, Failure> {
    let began = Instant::now();
    let outcome = work();
    let waited_ms = millis(began.elapsed());
    let event = match &outcome {
        Ok(made) => {
            let image = made.image_took.map(|took| (IMAGE_BUILD.to_owned(), millis(took)));
            let method = if image.is_some() { IMAGE_BUILD } else { made.method };
            let steps = made.steps.iter().map(|(step, took)| ((*step).to_owned(), millis(*took)));
            event(Made {
                snapshot: made.snapshot.clone(),
                method: method.to_owned(),
                waited_ms,
                steps: image.into_iter().chain(steps).collect(),
            })
        }
        Err(_) => Event::Failed { waited_ms },
    };
    write(context, name, event);
    outcome
}

fn write(context: &Context, name: &str, event: Event) {
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let record = Record { at_unix_ms: millis(at), branch: name.to_owned(), event };
    if let Some(Err(error)) = of(context).map(|journal| journal.append(&record)) {
        tracing::warn!(%error, "the journal has no line of this branch");
    }
}
