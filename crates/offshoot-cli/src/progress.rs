//! Progress of a long operation: one line on stderr with the step, rows, bytes, rate and time left, on a terminal only.
//! The same steps and counts go to the log.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use offshoot::{Event, amounts};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The line that is shown, if one is.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(125);
const WITHOUT_END: &str = "{spinner} {wide_msg}";
const WITH_END: &str = "{spinner} [{bar:20}] {eta} left  {wide_msg}";

/// A callback for a control that shows its events, if it may and stderr is a terminal.
pub fn watcher(shows: bool) -> impl Fn(&Event) + Send + Sync + 'static {
    if shows && std::io::stderr().is_terminal() {
        let bar = BAR.get_or_init(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8)));
        bar.set_style(style(WITHOUT_END));
        bar.enable_steady_tick(TICK);
    }
    let seen = Seen::default();
    move |event| seen.event(event)
}

/// Takes the line away, for what follows on stderr or stdout.
pub fn end() {
    if let Some(bar) = BAR.get() {
        bar.finish_and_clear();
    }
}

/// Writes to stderr without tearing the line.
pub fn apart(write: impl FnOnce()) {
    match BAR.get() {
        Some(bar) if !bar.is_finished() => bar.suspend(write),
        _ => write(),
    }
}

fn style(template: &str) -> ProgressStyle {
    let plain = || ProgressStyle::default_spinner();
    ProgressStyle::with_template(template).unwrap_or_else(|_| plain()).progress_chars("=> ")
}

/// What has gone by.
#[derive(Default)]
struct Seen {
    rows: AtomicU64,
    bytes: AtomicU64,
    /// Rows that are expected in all; 0 where nobody knows.
    expected: AtomicU64,
    step: Mutex<String>,
    /// Since when rows are counted.
    began: Mutex<Option<Instant>>,
    drawn: Mutex<Option<Instant>>,
}

impl Seen {
    fn event(&self, event: &Event) {
        match event {
            Event::Step { name } => {
                let (rows, bytes) = (self.rows.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
                tracing::info!(target: "offshoot::progress", step = name.as_str(), rows, bytes);
                *self.step.lock().unwrap_or_else(PoisonError::into_inner) = crate::render::text::plain_line(name);
                self.draw(rows, bytes);
            }
            Event::Total { rows, bytes } => {
                tracing::info!(target: "offshoot::progress", rows_expected = *rows, bytes_expected = *bytes);
                // What an attempt before this one read is read again.
                self.rows.store(0, Ordering::Relaxed);
                self.bytes.store(0, Ordering::Relaxed);
                self.expected.store(*rows, Ordering::Relaxed);
                *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            Event::Rows { rows, bytes } => self.rows(*rows, *bytes),
            Event::Warning { message } => crate::output::warn(message),
            _ => {}
        }
    }

    fn rows(&self, rows: u64, bytes: u64) {
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.began.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_some_and(|drawn| drawn.elapsed() < TICK) {
            return;
        }
        *drawn = Some(Instant::now());
        self.draw(rows, bytes);
    }

    fn draw(&self, rows: u64, bytes: u64) {
        let Some(bar) = BAR.get() else { return };
        let step = self.step.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let began = *self.began.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(began) = began.filter(|_| rows > 0) else { return bar.set_message(step) };
        let expected = self.expected.load(Ordering::Relaxed);
        if expected > 0 && bar.length() != Some(expected) {
            bar.set_length(expected);
            bar.set_style(style(WITH_END));
        }
        bar.set_position(rows);
        let per_second = (bytes as f64 / began.elapsed().as_secs_f64().max(0.001)) as u64;
        let (rows, bytes, rate) = (amounts::count(rows), amounts::bytes(bytes), amounts::bytes(per_second));
        bar.set_message(format!("{rows} rows, {bytes}, {rate}/s  {step}"));
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;
    use offshoot::Event;
    use std::sync::atomic::Ordering;

    #[test]
    fn an_attempt_that_failed_is_not_counted() {
        let seen = Seen::default();
        let total = Event::Total { rows: 100, bytes: 1000 };
        for rows in [90, 40] {
            seen.event(&total);
            seen.event(&Event::Rows { rows, bytes: rows * 10 });
            seen.event(&Event::Step { name: "data".to_owned() });
            assert_eq!((seen.rows.load(Ordering::Relaxed), seen.bytes.load(Ordering::Relaxed)), (rows, rows * 10));
        }
        assert_eq!(seen.expected.load(Ordering::Relaxed), 100);
    }
}
